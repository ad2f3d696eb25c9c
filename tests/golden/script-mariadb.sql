-- What only MariaDB has; runs after script-binlog.sql, in the same file of the log until `flush`.

-- types ------------------------------------------------------------------------------------------

create table types_mariadb (id int primary key, u uuid, i4 inet4, i6 inet6, j json);
insert into types_mariadb values (1, '00000000-0000-0000-0000-000000000000', '0.0.0.0', '::', '{"a": 1, "a": [1,  2]}');
insert into types_mariadb values (2, 'ffffffff-ffff-ffff-ffff-ffffffffffff', '255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'null');
insert into types_mariadb values (3, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a00', '10.0.0.0', '2001:db8::', '"é 😀"');
insert into types_mariadb values (4, '123e4567-e89b-12d3-a456-426655440000', '127.0.0.1', '::ffff:192.0.2.1', '[]');
insert into types_mariadb (id) values (5);

create table types_compressed (id int primary key, v varchar(100) compressed, v_long varchar(2000) compressed, t text compressed,
    tt tinytext compressed, mt mediumtext compressed, lt longtext compressed, b blob compressed, vb varbinary(300) compressed,
    v_latin1 varchar(500) compressed character set latin1, v_ucs2 varchar(500) compressed character set ucs2);
insert into types_compressed values (1, '', '', '', '', '', '', '', '', '', '');
insert into types_compressed values (2, 'short', 'short', 'short', 'short', 'short', 'short', 'short', 'short', 'é', 'ж');
insert into types_compressed values (3, repeat('v', 100), repeat('w', 2000), repeat('é', 360), repeat('a', 255), repeat('日本', 10000),
    repeat('long ', 20000), repeat(x'00', 300), repeat(x'ff', 300), repeat('é', 500), repeat('ж', 500));
insert into types_compressed (id, t, b) values (4, concat(@low, repeat('x', 150)), concat(@low, @high));
insert into types_compressed (id) values (5);
update types_compressed set t = repeat('changed ', 50) where id = 2;

create table types_geometry (id int primary key, g geometry, p point, l linestring, y polygon, mp multipoint,
    ml multilinestring, my multipolygon, gc geometrycollection);
insert into types_geometry values (1, st_geomfromtext('point(1 2)'), point(-1.5, 1e300), st_geomfromtext('linestring(0 0, 1 1, 2 0)'),
    st_geomfromtext('polygon((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 1))'), st_geomfromtext('multipoint(1 1, 2 2)'),
    st_geomfromtext('multilinestring((0 0, 1 1), (2 2, 3 3))'),
    st_geomfromtext('multipolygon(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))'),
    st_geomfromtext('geometrycollection(point(1 1), linestring(0 0, 1 1))'));
insert into types_geometry (id, g) values (2, st_geomfromtext('geometrycollection empty')), (3, st_geomfromtext('point(1 2)', 4326));
insert into types_geometry (id) values (4);

set global mysql56_temporal_format = off;
create table old_times (id int primary key, t time, dt datetime, ts timestamp null);
set global mysql56_temporal_format = on;
insert into old_times values (1, '0:0:0', '1000-01-01', '1970-01-01 00:00:01'), (2, '838:59:59', '9999-12-31 23:59:59', '2038-01-19 03:14:07'),
    (3, '-12:34:56', '2024-02-29 12:34:56', '2024-02-29 12:34:56'), (4, null, null, null);

-- tables of its own ------------------------------------------------------------------------------

create sequence numbers start with 100 increment by 10 cache 5;
select nextval(numbers), nextval(numbers), nextval(numbers);
create table numbered (id bigint primary key default nextval(numbers), v varchar(10));
insert into numbered (v) values ('a'), ('b'), ('c'), ('d');
alter sequence numbers restart 1000;
select setval(numbers, 2000);

set timestamp = 1700000000.123456;      -- rows have the time that they were made
create table versioned (id int primary key, v varchar(20)) with system versioning;
insert into versioned values (1, 'one'), (2, 'two');
set timestamp = 1700000001.5;
update versioned set v = 'uno' where id = 1;
delete from versioned where id = 2;
create table versioned_named (id int primary key, v varchar(20), since timestamp(6) generated always as row start,
    until timestamp(6) generated always as row end, unversioned int without system versioning,
    period for system_time (since, until)) with system versioning;
insert into versioned_named (id, v, unversioned) values (1, 'one', 1);
set timestamp = 1700000002;
update versioned_named set v = 'uno' where id = 1;
set timestamp = 1700000003;
update versioned_named set unversioned = 2 where id = 1;
set timestamp = 1700000004;
delete from versioned_named where id = 1;
set timestamp = default;

create table aria_table (id int primary key, v varchar(10)) engine = aria;
insert into aria_table values (1, 'a'), (2, 'b');
begin;
insert into aria_table values (3, 'stays');
insert into tx values (1030, 'never seen');
rollback;
insert into aria_table values (4, 'returned') returning id;

create table aged (id int, a date, b date, v varchar(10), period for lived (a, b));
insert into aged values (1, '2000-01-01', '2010-01-01', 'x');
update aged for portion of lived from '2002-01-01' to '2004-01-01' set v = 'y';
delete from aged for portion of lived from '2008-01-01' to '2009-01-01';

create table instant (id int primary key, a int);
insert into instant values (1, 1);
alter table instant add column b int default 5 first, algorithm = instant;
insert into instant values (2, 2, 2);
alter table instant drop column a, algorithm = instant;
insert into instant values (3, 3);
update instant set b = 50 where id = 1;
set session binlog_alter_two_phase = 1;
alter table instant add column c varchar(10) default 'c', algorithm = copy;
insert into instant values (4, 4, 'see');
-- @fails 1062
alter table instant add unique key (c);
set session binlog_alter_two_phase = default;

-- names of transactions --------------------------------------------------------------------------

create table gtids (id int primary key, v varchar(30));
insert into gtids values (1, 'annotated 😀');
set session binlog_annotate_row_events = off;
insert into gtids values (2, 'not annotated');
set session binlog_annotate_row_events = default;
set session gtid_domain_id = 7;
insert into gtids values (3, 'another domain');
set session server_id = 42;
insert into gtids values (4, 'another server');
set session gtid_seq_no = 1000;
insert into gtids values (5, 'a number far ahead');
insert into gtids values (6, 'after it');
set session gtid_domain_id = 4294967295;
set session gtid_seq_no = 9223372036854775806;
insert into gtids values (7, 'the largest of all');
set session gtid_domain_id = default;
set session server_id = default;
set session skip_replication = 1;
insert into gtids values (8, 'skip_replication');
set session skip_replication = 0;

-- the next file ----------------------------------------------------------------------------------

flush binary logs;
insert into gtids values (20, 'in the next file');
-- @session x3
xa commit 'next-file';
-- @session a
insert into types_int (id) values (1000);
