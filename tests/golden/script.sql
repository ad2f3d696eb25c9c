-- What the golden captures are made of: psql runs it once on an empty database; two slots (one for the
-- text session and one for the binary) are made in the middle, so both send the same transactions.
-- Types of the issue's list are in publications golden*, all others in `unlisted` (text only).
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\o /dev/null
set client_min_messages = warning;
set timezone = 'UTC';

create type enum_mood as enum ('sad', 'ok', 'very happy', 'it''s', '😀');

-- types ------------------------------------------------------------------------------------------

create table types_fixed (id int primary key, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8,
                          o oid, u uuid, e enum_mood);
create table types_text (id int primary key, t text, v varchar, v10 varchar(10), c5 char(5), n name,
                         j json, jb jsonb, x xml, bin bytea);
create table types_numeric (id int primary key, n numeric, n_10_2 numeric(10, 2), n_38 numeric(38, 0),
                            n_5_neg numeric(5, -2), n_3_5 numeric(3, 5), n_60_30 numeric(60, 30));
create table types_time (id int primary key, d date, t time, t0 time(0), t3 time(3), ts timestamp,
                         ts0 timestamp(0), ts3 timestamp(3), tz timestamptz, tz0 timestamptz(0),
                         tz3 timestamptz(3));
-- one value in each row: what a decimal or a time can't say fails alone
create table types_special (id int primary key, n numeric, d numeric(10, 2), ts timestamp, tz timestamptz);

create type pair as (a int, b text);
create domain even as int check (value % 2 = 0);
create domain short_text as varchar(5);
create table unlisted_types (id int primary key, ia int[], ta text[], ea enum_mood[], iv interval,
                             ip inet, net cidr, mac macaddr, bits bit(5), vbits varbit, p point,
                             r int4range, nr numrange, mr int4multirange, tr tstzrange, vec tsvector,
                             tmz timetz, ch "char", pr pair, dom even, dtext short_text, l pg_lsn, m money);

-- identities -------------------------------------------------------------------------------------

create table ident_default (id int primary key, v text, w text);
create table ident_composite (a int, b text, c int, primary key (b, a));
create table ident_full (id int primary key, v text, w text);
create table ident_full_nokey (v text, w int);
create table ident_index (id int primary key, u text not null, v text);
create table ident_nothing (id int primary key, v text);
create table nokey (v text);
create table no_columns ();
create table toast_key (k text primary key, v int);
create unique index ident_index_u on ident_index (u);
alter table ident_default alter w set storage external;
alter table ident_full alter w set storage external;
alter table toast_key alter k set storage external;
alter table ident_full replica identity full;
alter table ident_full_nokey replica identity full;
alter table ident_index replica identity using index ident_index_u;
alter table ident_nothing replica identity nothing;

-- the rest ---------------------------------------------------------------------------------------

create table tr_a (id serial primary key, v text);
create table tr_b (id int primary key);
create table tr_c (id int primary key, a int references tr_a);
create table ddl (id int primary key, a int, b text);
create table part_leaf (id int, region text, v text, primary key (id, region)) partition by list (region);
create table part_leaf_north partition of part_leaf for values in ('north');
create table part_leaf_south (v text, region text not null, id int not null);
alter table part_leaf attach partition part_leaf_south for values in ('south');
create table part_root (id int primary key, v text) partition by range (id);
create table part_root_low partition of part_root for values from (0) to (100);
create table part_root_high (v text, id int not null);
alter table part_root attach partition part_root_high for values from (100) to (200);
create schema "Od d.Schéma";
create table "Od d.Schéma"."q""uote's 🐘" ("ключ" text primary key, "a""b" int, "c.d" text, "e'f" text,
                                          "g\h" text, "🎈" text);
create table filtered (id int, a int, secret text, primary key (id, a));
create table gen (id int primary key, a int, g int generated always as (a * 2) stored);
create table unwanted (id int primary key);
create table many (id int primary key, v text);
create schema other;

create publication golden for table types_fixed, types_text, types_numeric, types_time, types_special,
    ident_default, ident_composite, ident_full, ident_full_nokey, ident_index, toast_key, tr_a, tr_b, tr_c,
    ddl, part_leaf, "Od d.Schéma"."q""uote's 🐘", gen, unwanted, many;
create publication golden_root for table part_root with (publish_via_partition_root = true);
create publication golden_inserts for table ident_nothing, nokey, no_columns with (publish = 'insert');
create publication golden_filter for table filtered (id, a) where (a > 10);
create publication unlisted for table unlisted_types;

select pg_create_logical_replication_slot('golden_text', 'pgoutput');
select pg_create_logical_replication_slot('golden_binary', 'pgoutput');

-- types: one row is one transaction --------------------------------------------------------------

insert into types_fixed values (1, true, 0, 0, 0, 0, 0, 0, '00000000-0000-0000-0000-000000000000', 'sad');
insert into types_fixed values (2, false, -32768, -2147483648, -9223372036854775808, '-Infinity', '-Infinity',
                                4294967295, 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', 'it''s');
insert into types_fixed values (3, null, 32767, 2147483647, 9223372036854775807, 'Infinity', 'Infinity', 1,
                                'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '😀');
insert into types_fixed values (4, null, 1, -1, 9007199254740993, 'NaN', 'NaN', 16384, null, 'very happy');
insert into types_fixed values (5, null, -1, 1, -9007199254740993, 3.4028235e38, 1.7976931348623157e308, 0, null, 'ok');
insert into types_fixed values (6, null, 7, 8, 9, 1e-45, 5e-324, 0, null, null);
insert into types_fixed values (7, null, 7, 8, 9, 0.1, 0.1, 0, null, null);
insert into types_fixed values (8, null, 7, 8, 9, 16777216, 1e22, 0, null, null);
insert into types_fixed values (9, null, 7, 8, 9, '-0', '-0', 0, null, null);
insert into types_fixed values (10, null, 7, 8, 9, 1.17549435e-38, 2.2250738585072014e-308, 0, null, null);
insert into types_fixed (id) values (11);

insert into types_text values (1, '', '', '', '', '', '""', '""', '<a/>', '');
insert into types_text values (2, 'plain', 'varchar', '0123456789', 'ab', 'a_name', '{"b": 1, "a": [1,  2], "b": 2}',
                               '{"b": 1, "a": [1,  2], "b": 2}', '<?xml version="1.0"?><r>&amp;</r>', '\x00');
insert into types_text values (3, '😀 é ß 日本語 ' || chr(8232) || chr(65279) || chr(1114111), 'Ω≈ç√', '😀😀😀😀😀😀😀😀😀😀',
                               '日本', 'ñ', '{"😀": "\ud83d\ude00"}', '{"😀": "\ud83d\ude00"}', '<é>日本</é>',
                               '\xdeadbeef');
insert into types_text values (4, E'tab\t nl\n cr\r bs\b ff\f esc\x1b del\x7f one\x01', '"quoted" ''single'' \ / </script>',
                               E'\\N', E'a\\b', 'n', '  [ 1e400 , -0.0 , 1E-7 ]  ',
                               '[1e400, -0.0, 1E-7, 123456789012345678901234567890.123456789012345678901234567890]',
                               'text only', '\x5c5c784142');
insert into types_text values (5, 'null', 'NULL', 'true', '1', '0', 'null', 'null', '<n>null</n>',
                               (select string_agg(set_byte('\x00'::bytea, 0, i), ''::bytea order by i) from generate_series(0, 255) i));
insert into types_text values (6, repeat('long ', 60), repeat('é', 100), '1234567890', '12345', repeat('n', 63),
                               '{"a":{"a":{"a":{"a":[[[[[]]]]]}}}}', '{"a":{"a":{"a":{"a":[[[[[]]]]]}}}}',
                               '<![CDATA[<>]]>', decode(repeat('00ff', 100), 'hex'));
insert into types_text (id) values (7);

insert into types_numeric values (1, 0, 0, 0, 0, 0, 0);
insert into types_numeric values (2, 0.000, -0.01, -1, -100, 0.00001, 0.000000000000000000000000000001);
insert into types_numeric values (3, 12345678.0912, 99999999.99, 99999999999999999999999999999999999999, 9999900, 0.00999,
                                  999999999999999999999999999999.999999999999999999999999999999);
insert into types_numeric values (4, -12345678.0912, -99999999.99, -99999999999999999999999999999999999999, -9999900,
                                  -0.00999, -999999999999999999999999999999.999999999999999999999999999999);
insert into types_numeric values (5, 1e300, 127, 128, 12800, 0.00127, 1e29);
insert into types_numeric values (6, 1e-300, 1.27, 127, 32768, 0.00128, 1e-30);
insert into types_numeric values (7, 1.10000, 1.28, 255, 3276800, 0.00255, 1.5);
insert into types_numeric values (8, 10000, 100, 9223372036854775808, 100, 0, 10000.0001);
insert into types_numeric values (9, 100000000.00010000, -1.28, -9223372036854775808, 149, 0, -0.5);
insert into types_numeric values (10, -9223372036854775809, -1.29, -9223372036854775809, 150, 0, 100000000);
insert into types_numeric values (11, 340282366920938463463374607431768211455, 655.36, 18446744073709551616, -150, 0, 0.0001);
insert into types_numeric values (12, -170141183460469231731687303715884105729, -655.36, -18446744073709551617, 1, 0, -0.0001);
insert into types_numeric (id) values (13);

insert into types_time values (1, '1970-01-01', '00:00', '00:00', '00:00', '1970-01-01', '1970-01-01', '1970-01-01',
                               '1970-01-01 00:00+00', '1970-01-01 00:00+00', '1970-01-01 00:00+00');
insert into types_time values (2, '2000-01-01', '24:00:00', '24:00:00', '24:00:00', '2000-01-01', '2000-01-01', '2000-01-01',
                               '2000-01-01 00:00+00', '2000-01-01 00:00+00', '2000-01-01 00:00+00');
insert into types_time values (3, '1969-12-31', '23:59:59.999999', '23:59:59', '23:59:59.999', '1969-12-31 23:59:59.999999',
                               '1969-12-31 23:59:59', '1969-12-31 23:59:59.999', '1969-12-31 23:59:59.999999+00',
                               '1969-12-31 23:59:59+00', '1969-12-31 23:59:59.999+00');
insert into types_time values (4, '0001-01-01', '00:00:00.000001', '00:00:01', '00:00:00.001', '0001-01-01 00:00:00.000001',
                               '0001-01-01 00:00:01', '0001-01-01 00:00:00.001', '0001-01-01 00:00:00.000001+00',
                               '0001-01-01 00:00:01+00', '0001-01-01 00:00:00.001+00');
insert into types_time values (5, '0001-12-31 BC', '12:34:56.789', '12:34:56.5', '12:34:56.7895', '0001-12-31 12:34:56.789 BC',
                               '0044-03-15 12:00 BC', '0005-02-29 BC', '0001-12-31 23:59:59.5+00 BC',
                               '0044-03-15 12:00+00 BC', '0005-02-29 12:00+00 BC');
insert into types_time values (6, '4714-11-24 BC', '01:02:03', '01:02:03', '01:02:03', '4714-11-24 00:00 BC', '4714-11-24 00:00 BC',
                               '4714-11-24 00:00 BC', '4714-11-24 00:00+00 BC', '4714-11-24 00:00+00 BC',
                               '4714-11-24 00:00+00 BC');
insert into types_time values (7, '5874897-12-31', '23:59:60', '23:59:59.9', '23:59:59.9999', '9999-12-31 23:59:59.999999',
                               '10000-01-01', '12345-06-07 08:09:10.123', '9999-12-31 23:59:59.999999+00', '10000-01-01 00:00+00',
                               '12345-06-07 08:09:10.123+00');
insert into types_time values (8, '2024-02-29', '08:00', '08:00', '08:00', '294246-12-31 23:59:59.999999', '294246-01-01',
                               '294246-01-01', '294246-12-31 23:59:59.999999+00', '294246-01-01 00:00+00',
                               '294246-01-01 00:00+00');
insert into types_time values (9, '1900-03-01', '08:00', '08:00', '08:00', '1900-02-28 23:59:59.9', '1900-03-01', '1900-03-01',
                               '2020-01-02 03:04:05.678+05:45', '2020-01-02 03:04:05.5-12', '2020-01-02 03:04:05.6785+15:59');
insert into types_time values (10, 'infinity', null, null, null, 'infinity', 'infinity', 'infinity', 'infinity', 'infinity', 'infinity');
insert into types_time values (11, '-infinity', null, null, null, '-infinity', '-infinity', '-infinity', '-infinity', '-infinity',
                               '-infinity');
insert into types_time (id) values (12);

insert into types_special (id, n) values (1, 'NaN');
insert into types_special (id, n) values (2, 'Infinity');
insert into types_special (id, n) values (3, '-Infinity');
insert into types_special (id, d) values (4, 'NaN');
insert into types_special (id, ts) values (5, '294276-12-31 23:59:59.999999');
insert into types_special (id, tz) values (6, '294276-12-31 23:59:59.999999+00');
insert into types_special (id, n) values (7, 1);

insert into unlisted_types values (1, '{}', '{}', '{}', '0', '127.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '10101', '', '(1,2)',
                                   'empty', '(,5.5]', '{}', '[2020-01-01,2020-02-02)', 'a fat cat', '04:05:06.789-08', 'x',
                                   '(1,"a ""b"", c")', 2, 'abc', '16/B374D848', '-12.34');
insert into unlisted_types values (2, '[0:1]={1,NULL}', '{"a b",NULL,"NULL","","\"\\","😀"}', '{sad,"very happy","it''s"}',
                                   '-1 year 2 mons -3 days 04:05:06.789', '::1/64', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', '00000',
                                   '1', '(NaN,-Infinity)', '[1,10]', '(1.1,2.2]', '{[1,3),[5,7)}', '(,)', '''it''''s'':3A', '24:00:00+15:59:59',
                                   '\', '(,)', -4, '', '0/0', '92233720368547758.07');
insert into unlisted_types values (3, '{{1,2},{3,4}}', null, null, '1 us', null, null, null, null, null, null, null, null, null,
                                   null, null, null, '', null, null, null, 'FFFFFFFF/FFFFFFFF', 0);
insert into unlisted_types (id) values (4);
update unlisted_types set ia = '{7}' where id = 4;
delete from unlisted_types where id = 4;

-- identities -------------------------------------------------------------------------------------

begin;
insert into ident_default values (1, 'one', 'w-' || repeat('toast ', 400)), (2, 'two', null), (3, null, '');
update ident_default set v = 'uno' where id = 1;                 -- w is not sent
update ident_default set v = v where id = 1;
update ident_default set id = 10 where id = 1;                   -- another key, w not sent
update ident_default set id = 11, w = 'short' where id = 10;
update ident_default set id = -id;
delete from ident_default where id = -2;
insert into ident_default values (-2, 'again', null);
commit;
delete from ident_default;

begin;
insert into ident_composite values (1, 'b1', 100), (2, 'b1', 200);
update ident_composite set c = c + 1;
update ident_composite set a = 3 where a = 1;
update ident_composite set b = 'b2', a = 4 where a = 3;
delete from ident_composite where a = 4;
commit;

begin;
insert into ident_full values (1, 'one', 'w-' || repeat('toast ', 400)), (2, null, null);
update ident_full set v = 'uno' where id = 1;                    -- w comes with the old row
update ident_full set id = 3 where id = 2;
update ident_full set w = null where id = 1;
delete from ident_full;
insert into ident_full_nokey values ('same', null), ('same', null);
update ident_full_nokey set w = 1;
delete from ident_full_nokey;
commit;

begin;
insert into ident_index values (1, 'u1', 'v'), (2, 'u2', null);
update ident_index set v = 'V' where id = 1;
update ident_index set id = 20 where id = 2;                     -- not the identity
update ident_index set u = 'u3' where id = 1;
delete from ident_index where u = 'u2';
commit;

begin;
insert into ident_nothing values (1, 'x');
update ident_nothing set v = 'y';
insert into nokey values ('a'), (null), ('');
insert into no_columns default values;
delete from ident_nothing;
delete from nokey;
commit;

begin;
insert into toast_key values (repeat('k', 2200), 1);
update toast_key set v = 2;                                      -- key sent as old key, not in the new row
update toast_key set k = repeat('l', 2200);
delete from toast_key;
commit;

-- truncates, definitions, partitions -------------------------------------------------------------

insert into tr_a (v) values ('a'), ('b');
begin;
insert into tr_b values (1);
insert into tr_c values (1, 1);
truncate tr_a, tr_b restart identity cascade;
insert into tr_a (v) values ('after');
truncate unwanted, tr_b;
insert into tr_b values (2);
commit;

begin;
insert into ddl values (1, 1, 'b');
alter table ddl add column c text not null default 'c', add column d numeric(6, 2);
insert into ddl values (2, 2, 'b', 'see', 1.5);
alter table ddl drop column b;
insert into ddl values (3, 3, 'c3', -1.5);
update ddl set a = 11 where id = 1;                              -- its c was never written
alter table ddl rename column a to "renamed A";
insert into ddl values (4, 4, 'c4', null);
alter table ddl alter column "renamed A" type text using 'text of ' || "renamed A";
insert into ddl values (5, 'five', 'c5', 0);
update ddl set c = 'rewritten' where id = 3;
alter table ddl alter column d type numeric(8, 3);
insert into ddl values (6, 'six', 'c6', 12345.678);
alter table ddl rename to ddl_renamed;
insert into ddl_renamed values (7, 'seven', 'c7', 0);
alter table ddl_renamed set schema other;
insert into other.ddl_renamed values (8, 'eight', 'c8', 0);
alter table other.ddl_renamed replica identity full;
delete from other.ddl_renamed where id = 8;
alter table other.ddl_renamed alter column id type bigint;
insert into other.ddl_renamed values (9000000000, 'nine', 'c9', 0);
alter type enum_mood add value 'new' before 'ok';
commit;
insert into types_fixed (id, e) values (12, 'new');

begin;
insert into part_leaf values (1, 'north', 'n'), (2, 'south', 's');
update part_leaf set v = v || '!';
update part_leaf set region = 'south' where id = 1;              -- moves: delete and insert
insert into part_root values (1, 'low'), (100, 'high');
update part_root set v = v || '!';
update part_root set id = 101 where id = 1;
delete from part_root where id = 100;
truncate part_leaf;
truncate part_root;
truncate part_root_low;
commit;

-- names, filters, what is not wanted -------------------------------------------------------------

insert into "Od d.Schéma"."q""uote's 🐘" values ('κ', 1, 'cd', 'ef', 'gh', '🎈🎈');
update "Od d.Schéma"."q""uote's 🐘" set "ключ" = 'κκ';
delete from "Od d.Schéma"."q""uote's 🐘";

insert into filtered values (1, 5, 'secret'), (2, 20, 'secret');
update filtered set a = 15 where id = 1;                         -- enters: an insert
update filtered set a = 16 where id = 1;
update filtered set a = 1 where id = 2;                          -- leaves: a delete
delete from filtered;

begin;
insert into unwanted values (1);
insert into gen (id, a) values (1, 10);
insert into unwanted values (2);
update gen set a = 11;
delete from gen;
insert into unwanted values (3);
commit;
insert into unwanted values (4);                                 -- a transaction without anything for us

begin;
insert into many select i, 'row ' || i from generate_series(1, 40) i;
savepoint s;
insert into many values (1000, 'never seen');
rollback to s;
savepoint s2;
insert into many values (1001, 'seen');
release s2;
commit;
begin;
insert into many values (2000, 'never seen');
rollback;

begin;
insert into many values (3000, 'prepared');
prepare transaction 'golden';
insert into many values (3001, 'before commit prepared');
commit prepared 'golden';

select pg_replication_origin_create('golden');
select pg_replication_origin_session_setup('golden');
begin;
select pg_replication_origin_xact_setup('0/ABCDEF', '2020-02-02 02:02:02.020202+00');
insert into many values (4000, 'from elsewhere');
commit;
select pg_replication_origin_session_reset();
