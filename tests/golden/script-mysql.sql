-- What only MySQL has; runs after script-binlog.sql, in the same file of the log until `flush`.

-- JSON -------------------------------------------------------------------------------------------

create table types_json (id int primary key, j json, must json not null);
insert into types_json values (1, 'null', 'null'), (2, 'true', 'false'), (3, '0', '-1'), (4, '32767', '-32768'),
    (5, '32768', '65535'), (6, '65536', '-32769'), (7, '2147483647', '-2147483648'), (8, '4294967295', '4294967296'),
    (9, '9223372036854775807', '-9223372036854775808'), (10, '18446744073709551615', '18446744073709551616');
insert into types_json values (11, '1.0', '-0.0'), (12, '0.1', '1e22'), (13, '1.7976931348623157e308', '5e-324'),
    (14, '1e-7', '123456.75'), (15, '""', '"a"'), (16, '"é 日本 😀"', '"\\u0000\\u001f\\"\\\\\\/\\b\\f\\n\\r\\t\\ud83d\\ude00"');
insert into types_json values (17, '{}', '[]'), (18, '[[], {}, [[[[1]]]]]', '{"a": {"b": {"c": {}}}}'),
    (19, '{"b": 1, "a": 2, "aa": 3, "": 4, "é": 5, "b": 6}', '[1, "two", 3.5, null, true, {"k": [false]}]');
insert into types_json values (20, json_array(cast(-1.50 as decimal(10, 2)), cast(12345678901234567890.123 as decimal(30, 3)),
    cast('2024-01-02' as date), cast('-12:34:56.789' as time(3)), cast('2024-01-02 03:04:05.678' as datetime(3)),
    timestamp('2024-01-02 03:04:05')), json_object('d', cast(0 as decimal(5, 3)), 't', cast('838:59:59' as time),
    'neg', cast('-00:00:00.000001' as time(6)), 'zero', cast('1000-01-01 00:00:00' as datetime)));
insert into types_json values (21, json_object('bits', b'101', 'bytes', x'00ff10', 'year', cast(2024 as year), 'g', point(1, 2)),
    json_array(cast(x'6162' as binary), cast('text' as char), 1 = 1, null, cast(5 as unsigned), cast(-5 as signed)));
insert into types_json select 22, json_objectagg(concat('key', n), n), json_arrayagg(concat('value ', n))
    from (with recursive r(n) as (select 1 union all select n + 1 from r where n < 300) select n from r) x;
insert into types_json values (23, json_object('long', repeat('x', 66000)), json_array(repeat('y', 127), repeat('z', 128), repeat('w', 16384)));
insert into types_json select 24, json_arrayagg(n * 1000), json_arrayagg(70000 + n)
    from (with recursive r(n) as (select 1 union all select n + 1 from r where n < 200) select n from r) x;
insert into types_json values (25, concat(repeat('[', 100), repeat(']', 100)), concat(repeat('{"a":', 99), '1', repeat('}', 99)));
insert into types_json values (26, null, '{"a": null}');
insert ignore into types_json (id, must) values (27, null), (28, null);

create table json_docs (id int primary key, doc json, n int, other json);
insert into json_docs values (1, '{"a": 1, "b": ["x", "y", {"deep": 1.5}], "long": "aaaaaaaaaaaaaaaaaaaa"}', 1, '[1, 2, 3]');
insert into json_docs values (2, '[1, 2, 3]', 2, null), (3, null, 3, '{"k": "v"}'), (4, '"scalar"', 4, '{}');
update json_docs set doc = json_set(doc, '$.a', 2) where id = 1;
update json_docs set doc = json_set(doc, '$.b[1]', 'z', '$.b[2].deep', 9) where id = 1;
update json_docs set doc = json_remove(doc, '$.b[0]') where id = 1;
update json_docs set doc = json_replace(doc, '$.long', 'short'), other = json_set(other, '$[2]', 33) where id = 1;
update json_docs set doc = json_set(doc, '$.new', true, '$."quoted key"', null) where id = 1;
update json_docs set doc = json_set(doc, '$[7]', 'past the end') where id = 2;
update json_docs set doc = json_array_insert(doc, '$[1]', 'put in') where id = 2;
update json_docs set doc = json_array_append(doc, '$', json_array(1, 2)) where id = 2;
update json_docs set doc = json_set(doc, '$[0]', 10), n = 20 where id = 2;
update json_docs set n = n + 100;
update json_docs set doc = '{"whole": "new"}' where id = 3;
update json_docs set doc = json_set(doc, '$', 'root') where id = 4;
update json_docs set doc = json_set(doc, '$.whole', repeat('n', 50)), other = json_replace(other, '$.k', 'w'), id = 30 where id = 3;
update json_docs set other = json_set(other, '$.k', cast(1.25 as decimal(5, 2))) where id = 30;
update json_docs set doc = null where id = 4;
insert into json_docs select 100 + n, json_object('n', n, 'v', repeat('v', 40), 'list', json_array(1, 2, 3)), n, json_array(n, n, n, n)
    from (with recursive r(n) as (select 1 union all select n + 1 from r where n < 20) select n from r) x;
update json_docs set doc = json_set(doc, '$.n', n + 1000), other = json_set(other, '$[3]', 0) where id > 100;
update json_docs set doc = json_set(doc, '$.list[1]', 'two', '$.v', 'smaller') where id between 105 and 110;
delete from json_docs where id between 115 and 118;
create table json_nokey (doc json, b blob);
insert into json_nokey values ('{"a": 1, "b": 2}', 'x'), ('{"a": 3, "b": 4}', 'y');
update json_nokey set doc = json_set(doc, '$.a', 5);

create table charset_gb18030 (id int primary key, v varchar(130) character set gb18030, e enum('中', '㐀', '😀') character set gb18030);
insert into charset_gb18030 values (1, @low, '中'), (2, '中文 㐀 😀 é €', '㐀'), (3, '', '😀'), (4, null, null);

-- geometry and vectors ---------------------------------------------------------------------------

create table types_geometry (id int primary key, g geometry, p point, p4326 point srid 4326, l linestring, y polygon,
    mp multipoint, ml multilinestring, my multipolygon, gc geometrycollection);
insert into types_geometry values (1, st_geomfromtext('point(1 2)'), point(-1.5, 1e300), st_geomfromtext('point(1 2)', 4326),
    st_geomfromtext('linestring(0 0, 1 1, 2 0)'), st_geomfromtext('polygon((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 1))'),
    st_geomfromtext('multipoint(1 1, 2 2)'), st_geomfromtext('multilinestring((0 0, 1 1), (2 2, 3 3))'),
    st_geomfromtext('multipolygon(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))'),
    st_geomfromtext('geometrycollection(point(1 1), linestring(0 0, 1 1))'));
insert into types_geometry (id, g, gc) values (2, st_geomfromtext('geometrycollection empty'), st_geomfromtext('geometrycollection empty'));
insert into types_geometry (id, g, p4326) values (3, st_geomfromtext('linestring(1 2, 3 4)', 3857), st_geomfromtext('point(-90 180)', 4326));
insert into types_geometry (id) values (4);
update types_geometry set p = point(9, 9) where id = 4;

create table types_vector (id int primary key, v1 vector(1), v3 vector(3), v vector);
insert into types_vector values (1, to_vector('[0]'), to_vector('[1, -2.5, 3.4028235e38]'), to_vector('[1, 2, 3, 4, 5]'));
insert into types_vector values (2, to_vector('[1.5e-38]'), to_vector('[0.1, 0.2, 0.3]'), to_vector('[-0.0]'));
insert into types_vector values (3, to_vector('[-1]'), null, null);
insert into types_vector (id) values (4);

-- keys that only MySQL makes ---------------------------------------------------------------------

set session sql_generate_invisible_primary_key = on;
create table gipk (a int, b varchar(10));
insert into gipk values (1, 'x'), (1, 'x'), (2, 'y');
update gipk set b = 'z' where a = 2;
delete from gipk where my_row_id = 1;
set session sql_generate_invisible_primary_key = off;

create table functional (id int primary key, a int, v varchar(20), doc json, key ((a + 1)), key ((upper(v))),
    key ((cast(doc->'$.tags' as unsigned array))));
insert into functional values (1, 1, 'one', '{"tags": [1, 2, 3]}'), (2, 2, 'two', '{"tags": []}');
update functional set a = 10, v = 'uno' where id = 1;
update functional set doc = '{"tags": [4]}' where id = 2;
delete from functional where id = 2;

create table expressions (id int primary key, made varchar(40) default (concat('d', 1)), at timestamp(3) null default '2024-01-01 00:00:00.123',
    check (id > 0));
insert into expressions (id) values (1);
insert into expressions values (2, default, null) as new on duplicate key update made = new.made;
alter table expressions add column later int default 5, algorithm = instant;
insert into expressions (id) values (3);
update expressions set made = 'row of before' where id = 1;
alter table expressions drop column made, algorithm = instant;
insert into expressions (id) values (4);
update expressions set later = 6 where id = 1;

-- names of transactions --------------------------------------------------------------------------

create table gtids (id int primary key, v varchar(30));
set session binlog_rows_query_log_events = on;
insert into gtids values (1, 'with the text of the query 😀');
update gtids set v = concat(v, '!') /* a long comment: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx */;
set session binlog_rows_query_log_events = off;
set gtid_next = 'automatic:mytag';
insert into gtids values (2, 'tagged');
insert into gtids values (3, 'tagged');
set gtid_next = 'automatic:other_tag_of_thirty_two_letters';
insert into gtids values (4, 'another tag');
set gtid_next = '3e11fa47-71ca-11e1-9e33-c80aa9429562:5';
insert into gtids values (5, 'from elsewhere');
set gtid_next = '3e11fa47-71ca-11e1-9e33-c80aa9429562:3';
insert into gtids values (6, 'out of order');
set gtid_next = '3e11fa47-71ca-11e1-9e33-c80aa9429562:4';
begin;
commit;
set gtid_next = '00000000-0000-0000-0000-000000000001:tag:9223372036854775806';
insert into gtids values (7, 'the last number of all');
set gtid_next = 'automatic';
set session original_commit_timestamp = 1700000000000000;
insert into gtids values (8, 'an older commit time');
set session original_commit_timestamp = default;

set session binlog_transaction_compression = on;
begin;
insert into gtids values (9, repeat('z', 30));
insert into many (v, n) select repeat('compressed ', 3), n from many where id < 20;
update gtids set v = 'and changed' where id = 9;
savepoint s;
insert into gtids values (10, 'in a payload');
commit;
insert into isam values (3, 'plain');
xa start 'payload';
insert into gtids values (11, 'xa in a payload');
xa end 'payload';
xa prepare 'payload';
xa commit 'payload';
set session binlog_transaction_compression = default;

-- the next file ----------------------------------------------------------------------------------

flush binary logs;
insert into gtids values (20, 'in the next file');
-- @session x3
xa commit 'next-file';
-- @session a
insert into types_int (id) values (1000);
