"""MySQL and MariaDB as targets: what arrives, what stops, and which row it was."""
import contextlib
import random
import time

import pymysql
import pytest

from support.between import Between
from support.replica import Replica, database_sink
from support.scene import soak

SERVERS = ["mariadb", "mysql"]
SOURCES = ["pg15", *SERVERS]


class Pair:
    """A database, and another that follows it by one sink."""

    def __init__(self, source, db, target, copy, pipelines, sink=None, **kw):
        self.source, self.db, self.target, self.copy = source, db, target, copy
        section = database_sink(target, copy, **(sink or {}))
        self.rf = pipelines(source, db, [section], **kw)

    def start(self, **kw):
        self.rf.start(**kw).wait_streaming(self.source, self.db)
        return self

    def run(self, *statements):
        for text in statements:
            self.source.sql(text, self.db)
        return self

    def passed(self):
        self.rf.wait_passed(self.source, self.db)
        return self

    def rows(self, text):
        return [tuple(row) for row in self.target.sql(text, self.copy)]

    def stops(self, code, *words):
        """It ends with this error; the line that says so."""
        assert self.rf.wait(30) not in (0, None)
        line = next(line for line in reversed(self.rf.logged().splitlines()) if code in line)
        assert all(word in line for word in words), line
        return line


@pytest.fixture
def pair(request, new_db, pipelines):
    def make(source, target, **kw):
        source, target = request.getfixturevalue(source), request.getfixturevalue(target)
        return Pair(source, new_db(source), target, new_db(target), pipelines, **kw)
    return make


@pytest.mark.parametrize("target", SERVERS)
@pytest.mark.parametrize("source", SOURCES)
def test_rows_come_change_and_go(pair, source, target):
    p = pair(source, target)
    p.run("create table t (id int primary key, name varchar(50), amount decimal(10,2), seen timestamp(6) null)").start()
    p.run("insert into t values (1, 'it''s', 1.50, '2024-02-03 04:05:06.789'), (2, null, null, null), (3, 'a%b', -0.01, null)",
          "update t set name = 'ö', amount = 2 where id in (1, 2)",
          "update t set id = 30 where id = 3",
          "delete from t where id = 2",
          "insert into t values (2, 'again', 9, null)").passed()
    assert [(i, n, str(a)) for i, n, a in p.rows("select id, name, amount from t order by id")] == [
        (1, "ö", "2.00"), (2, "again", "9.00"), (30, "a%b", "-0.01")]
    assert str(p.rows("select seen from t where id = 1")[0][0]) == "2024-02-03 04:05:06.789000"
    p.run("begin; delete from t; insert into t values (7, 'x', 7, null); update t set name = 'y'; commit").passed()
    assert p.rows("select id, name from t") == [(7, "y")]


@pytest.mark.parametrize("target", SERVERS)
def test_a_truncate_keeps_its_place(pair, target):
    p = pair("pg15", target).run("create table t (id int primary key)").start()
    p.run("insert into t select g from generate_series(1, 3000) g", "truncate t", "insert into t values (5)").passed()
    assert p.rows("select id from t") == [(5,)]


@pytest.mark.parametrize("target", SERVERS)
def test_values_that_were_not_sent_are_left_alone(pair, target):
    p = pair("pg15", target).run("create table t (id int primary key, n int, big text)",
                                 "alter table t alter big set storage external").start()
    p.run("insert into t select g, 0, repeat(g::text, 9000) from generate_series(1, 3) g", "update t set n = id").passed()
    assert p.rows("select id, n, length(big) from t order by id") == [(1, 1, 9000), (2, 2, 9000), (3, 3, 9000)]


@pytest.mark.parametrize("target", SERVERS)
def test_a_minimal_row_image_is_enough(pair, server_with, target, new_db, pipelines, request):
    from support.mysql import MySQL
    source = server_with(MySQL, binlog_row_image="MINIMAL")
    to = request.getfixturevalue(target)
    p = Pair(source, new_db(source), to, new_db(to), pipelines)
    p.run("create table t (id int primary key, a int, b varchar(10))").start()
    p.run("insert into t values (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three')", "update t set a = a + 10 where id < 3",
          "update t set id = 20 where id = 2", "delete from t where id = 3").passed()
    assert p.rows("select * from t order by id") == [(1, 11, "one"), (20, 12, "two")]


@pytest.mark.parametrize("made", [False, True], ids=["a table of ours", "a table of theirs"])
@pytest.mark.parametrize("target", SERVERS)
def test_a_time_stamp_does_not_change_by_itself(server_with, target, new_db, pipelines, request, made):
    from support.mysql import MySQL
    source, to = server_with(MySQL, binlog_row_image="MINIMAL"), request.getfixturevalue(target)
    p = Pair(source, new_db(source), to, new_db(to), pipelines, sink={"on_conflict": "overwrite"})
    p.run("create table t (id int primary key, a int, at timestamp not null)")
    if made:
        p.target.sql("create table t (id int primary key, a int, at timestamp not null default current_timestamp on update "
                     "current_timestamp)", p.copy)
    p.start().run("insert into t values (1, 0, '2001-01-01'), (2, 0, '2001-01-01'), (3, 0, '2001-01-01')")
    p.run("update t set a = 1 where id > 1", "update t set a = 2 where id = 1", "update t set id = 30 where id = 3").passed()
    assert [(i, a, str(at)) for i, a, at in p.rows("select * from t order by id")] == [
        (1, 2, "2001-01-01 00:00:00"), (2, 1, "2001-01-01 00:00:00"), (30, 1, "2001-01-01 00:00:00")]


@pytest.mark.parametrize("target", SERVERS)
def test_a_table_without_a_key_is_kept_by_whole_rows(pair, target):
    p = pair("mariadb", target)
    p.run("create table t (a int, b varchar(10) character set utf8mb4, c float, d datetime(3), g point)")
    p.target.sql("create table t (a int, b varchar(10) character set utf8mb4 collate utf8mb4_unicode_ci, c float, d datetime(3), g point)",
                 p.copy)
    p.start()
    p.run("insert into t values (1, 'X', 1.1, null, point(1, 2)), (1, 'x', 1.1, null, point(1, 2)), (1, 'x', 1.1, null, point(1, 2)), "
          "(null, '', 0.1, '2024-01-01 00:00:00.5', null)",
          "update t set b = 'y' where a is null", "delete from t where binary b = 'x' limit 1").passed()
    assert [(a, b) for a, b in p.rows("select a, b from t order by a, binary b")] == [(None, "y"), (1, "X"), (1, "x")]


TYPES = {
    "i1": ("tinyint", "-128", "127", "null"), "i2": ("smallint unsigned", "0", "65535", "7"),
    "i3": ("mediumint", "-8388608", "8388607", "1"), "i4": ("int unsigned zerofill", "0", "4294967295", "5"),
    "i8": ("bigint unsigned", "0", "18446744073709551615", "9223372036854775808"), "bo": ("bool", "0", "1", "null"),
    "f4": ("float", "1.1", "-3.4e38", "1e-30"), "f8": ("double", "0.1", "-1.7976931348623157e308", "5e-324"),
    "de": ("decimal(65,30)", "0.000000000000000000000000000001", "-99999999999999999999999999999999999.5", "0"),
    "bi": ("bit(64)", "b'1'", "18446744073709551615", "0"), "b1": ("bit(1)", "1", "0", "null"),
    "ye": ("year", "0", "1901", "2155"), "da": ("date", "'0000-00-00'", "'2024-02-31'", "'9999-12-31'"),
    "ti": ("time(6)", "'-838:59:59'", "'838:59:59'", "'24:00:00.000001'"),
    "dt": ("datetime(6)", "'0000-00-00'", "'2024-00-15 01:02:03.5'", "'9999-12-31 23:59:59.999999'"),
    "ts": ("timestamp(6) null", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999999'", "null"),
    "ch": ("char(5)", "'a'", "''", "'ö€😀'"), "vc": ("varchar(300)", "'it''s'", "'a\\b '", "'😀'"),
    "tx": ("mediumtext", "repeat('x', 70000)", "''", "concat(char(0), char(10), '\"')"),
    "la": ("varchar(20) character set latin1", "'é'", "'x'", "''"),
    "bn": ("binary(4)", "x'00'", "x'27272727'", "x'ff'"), "vb": ("varbinary(300)", "x''", "x'00275c27ff'", "null"),
    "bl": ("longblob", "x'e427'", "repeat(x'f0', 70000)", "x'5c'"),
    "en": ("enum('a','it''s','ö')", "'it''s'", "'ö'", "'a'"), "se": ("set('x','y','z')", "''", "'x,z'", "'x,y,z'"),
    "js": ("json", "'{\"a\": [1, 2.5, null, \"x\"]}'", "'\"it''s\"'", "'[]'"),
    "po": ("point", "st_geomfromtext('POINT(1 2)')", "null", "st_geomfromtext('POINT(-0.5 1e10)')"),
    "ge": ("geometry", "st_geomfromtext('LINESTRING(0 0,1 1)')", "st_geomfromtext('POLYGON((0 0,1 0,1 1,0 0))')", "null"),
}
OWN_TYPES = {
    "mariadb": {"uu": ("uuid", "'123e4567-e89b-12d3-a456-426655440000'", "null", "uuid()"), "i6": ("inet6", "'::1'", "'2001:db8::'", "null"),
                "i4a": ("inet4", "'1.2.3.4'", "'255.0.0.1'", "null"),
                "co": ("text compressed", "repeat('y', 5000)", "''", "null"), "sr": ("point", "st_geomfromtext('POINT(1 2)', 4326)", "null", "null")},
    "mysql": {"sr": ("point srid 4326", "st_geomfromtext('POINT(10 20)', 4326)", "null", "null"),
              "ve": ("vector(3)", "to_vector('[1,2.5,-3]')", "to_vector('[0,0,0]')", "null")},
}


@pytest.mark.parametrize("listed", [False, True], ids=["each row by itself", "rows as a list"])
@pytest.mark.parametrize("target", SERVERS)
@pytest.mark.parametrize("source", SERVERS)
def test_every_type(pair, source, target, listed):
    """Bits, geometries and vectors are updated by a statement for each row; without them all rows are one list."""
    p = pair(source, target)
    types = {**TYPES, **(OWN_TYPES[source] if source == target else {})}
    if listed:
        types = {n: t for n, t in types.items() if not is_geometry(t[0]) and t[0].split("(")[0] not in ("bit", "vector")}
    modes = "set session sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,ALLOW_INVALID_DATES'; "
    p.run("create table t (id int primary key, " + ", ".join(f"{n} {t[0]}" for n, t in types.items()) + ") default charset utf8mb4").start()
    for i in (1, 2, 3):
        p.run(f"{modes}insert into t values ({i}, " + ", ".join(t[i] for t in types.values()) + ")")
    p.passed()
    same(p, types)
    p.run("update t set id = id + 10").passed()
    p.run(modes + "update t a join t b on b.id = a.id % 3 + 11 set " + ", ".join(f"a.{n} = b.{n}" for n in types)).passed()
    same(p, types)


def same(p, types):
    def shown(name, declared):
        if is_geometry(declared):
            return f"hex(st_aswkb({name})), st_srid({name})"
        return f"hex(convert({name} using utf8mb4))" if "latin1" in declared else f"hex(cast({name} as binary))"

    columns = ", ".join(shown(name, t[0]) for name, t in types.items())
    text = f"select id, {columns} from t order by id"
    want, have = p.source.sql(text, p.db), p.rows(text)
    assert len(want) == 3
    for a, b in zip(want, have):
        assert tuple(a) == b


def is_geometry(declared):
    return declared.split()[0] in ("point", "geometry")


POSTGRESQL = """create type mood as enum ('sad', 'it''s ok'); create table t (id uuid primary key, b bool, i2 int2, i4 int4, i8 int8,
    f4 float4, f8 float8, n numeric, d numeric(12,3), t text, v varchar(20), c char(4), y bytea, j jsonb, da date, ti time, ts timestamp,
    tz timestamptz, m mood, a int[], o inet)"""


@pytest.mark.parametrize("target", SERVERS)
def test_types_of_postgresql(pair, target):
    p = pair("pg15", target).run(POSTGRESQL).start()
    p.run("insert into t values ('123e4567-e89b-12d3-a456-426655440000', true, -2, 4, 9223372036854775807, 1.1, 5e-324, "
          "12345678901234567890.123456789, 1.500, 'it''s ö', 'v ', 'c', '\\x0027ff', '{\"k\": 1}', '2024-02-29', '24:00', "
          "'0001-01-01', '2500-01-01 00:00:00.000001+02', 'it''s ok', '{1,2}', '10.0.0.1')").passed()
    got = p.rows("select b, i2, i4, i8, f8, cast(n as char), cast(d as char), t, v, c, hex(y), json_value(j, '$.k'), cast(da as char), cast(ti as char), "
                 "cast(ts as char), cast(tz as char), m, a, o, f4 = cast(1.1 as float) from t")[0] if target == "mysql" else \
        p.rows("select b, i2, i4, i8, f8, cast(n as char), cast(d as char), t, v, c, hex(y), json_value(j, '$.k'), cast(da as char), cast(ti as char), "
               "cast(ts as char), cast(tz as char), m, a, o, abs(f4 - 1.1) < 1e-7 from t")[0]
    assert got == (1, -2, 4, 9223372036854775807, 5e-324, "12345678901234567890.123456789000000000000000000000", "1.500",
                   "it's ö", "v ", "c   ", "0027FF", "1", "2024-02-29", "24:00:00.000000", "0001-01-01 00:00:00.000000",
                   "2499-12-31 22:00:00.000001", "it's ok", "{1,2}", "10.0.0.1", 1)
    p.run("update t set t = 'new'", "update t set id = '00000000-0000-0000-0000-000000000001'").passed()
    assert [(str(i), t) for i, t in p.rows("select id, t from t")] == [("00000000-0000-0000-0000-000000000001", "new")]


@pytest.mark.parametrize("target", SERVERS)
@pytest.mark.parametrize("value, word", [("'infinity'", "infinity"), ("'0044-03-15 BC'", "year"), ("'12000-01-01'", "year")])
def test_a_date_that_the_target_can_not_have_stops_it(pair, target, value, word):
    p = pair("pg15", target).run("create table t (id int primary key, at timestamptz)").start()
    p.run("insert into t select g, case when g = 70 then timestamptz " + value + " end from generate_series(1, 100) g")
    p.stops("E_VALUE", "public.t", "column at", word, "/69/")


@pytest.mark.parametrize("target", SERVERS)
@pytest.mark.parametrize("kind, value", [("numeric", "0.1234567890123456789012345678901"), ("numeric", "1e36"), ("numeric", "numeric 'NaN'"),
                                         ("float8", "float8 'NaN'")])
def test_a_number_that_the_target_can_not_have_stops_it(pair, target, kind, value):
    p = pair("pg15", target).run(f"create table t (id int primary key, n {kind})").start()
    p.run(f"insert into t select g, case when g = 70 then {value} end from generate_series(1, 100) g")
    p.stops("E_VALUE", "public.t", "'n'" if value == "1e36" else "column n", "/69/")


@pytest.mark.parametrize("target", SERVERS)
def test_what_the_server_refuses_is_named_by_row(pair, target):
    p = pair("pg15", target).run("create table t (id int primary key, v text)")
    p.target.sql("create table t (id int primary key, v varchar(5))", p.copy)
    p.start().run("insert into t select g, repeat('x', case when g = 70 then 6 else 5 end) from generate_series(1, 100) g")
    p.stops("E_VALUE", "public.t", "'v'", "/69/")


def test_a_row_as_large_as_a_packet_goes_and_a_larger_one_is_named(server_with, pg15, new_db, pipelines):
    from support.mysql import MariaDB
    target = server_with(MariaDB, max_allowed_packet="1M")
    p = Pair(pg15, new_db(pg15), target, new_db(target), pipelines).run("create table t (id int primary key, v text)").start()
    p.run("insert into t select g, repeat('x', 400000 + g) from generate_series(1, 7) g", "insert into t values (8, repeat('x', 900000))",
          "update t set v = v || 'y'").passed()
    assert p.rows("select sum(length(v)) from t") == [(7 * 400000 + 28 + 7 + 900001,)]
    p.run("insert into t select g, repeat('x', 1000000 * (g % 2)) from generate_series(9, 10) g")
    p.stops("E_VALUE", "public.t", "/0/", "max_allowed_packet")


CONFLICTS = {
    "a row that is there": ("insert into t select g, 'new' from generate_series(1, 100) g", "insert into t values (70, 'old')", "'70'"),
    "a row to change that is not": ("update t set v = 'new' where id > 0", "delete from t where id = 170", "= 170"),
    "a row to delete that is not": ("delete from t where id > 0", "delete from t where id = 170", "= 170"),
    "a key to change that is not": ("update t set id = id + 1000", "delete from t where id = 170", "= 170"),
}


@pytest.mark.parametrize("target", SERVERS)
@pytest.mark.parametrize("case", CONFLICTS)
def test_a_conflict_stops_it_and_names_the_row(pair, target, case):
    change, spoil, words = CONFLICTS[case]
    p = pair("pg15", target).run("create table t (id int primary key, v text)").start()
    p.run("insert into t select g, 'v' from generate_series(101, 200) g").passed()
    p.target.sql(spoil, p.copy)
    before = p.rows("select * from t order by id")
    p.run(change)
    p.stops("E_CONFLICT", "public.t", words, "/69/")
    assert p.rows("select * from t order by id") == before


@pytest.mark.parametrize("target", SERVERS)
def test_overwrite_goes_on(pair, target):
    p = pair("pg15", target, sink={"on_conflict": "overwrite"}).run("create table t (id int primary key, v text)").start()
    p.run("insert into t select g, 'v' from generate_series(1, 9) g").passed()
    p.target.sql("delete from t where id < 5; insert into t values (20, 'old')", p.copy)
    p.run("insert into t values (20, 'new')", "update t set v = 'w' where id < 8", "delete from t where id in (1, 9)").passed()
    assert p.rows("select id, v from t order by id") == [(i, "w") for i in range(2, 8)] + [(8, "v"), (20, "new")]


@pytest.mark.parametrize("target", SERVERS)
def test_overwrite_goes_by_the_key_alone(pair, target):
    p = pair("pg15", target, sink={"on_conflict": "overwrite"}).run("create table t (id int primary key, v text)")
    p.target.sql("create table t (id int primary key, v varchar(20) unique)", p.copy)
    p.start().run("insert into t values (1, 'a')", "update t set v = 'b' where id = 1", "insert into t values (2, 'a')").passed()
    assert p.rows("select id, v from t order by id") == [(1, "b"), (2, "a")]
    p.run("insert into t values (3, 'a')")
    p.stops("E_CONFLICT", "public.t", "'a'")
    assert p.rows("select id, v from t order by id") == [(1, "b"), (2, "a")]


@pytest.mark.parametrize("target", SERVERS)
def test_a_deadlock_is_done_again(pair, target):
    p = pair("pg15", target).run("create table t (id int primary key, v int)", "create table u (id int primary key, v int)").start()
    p.run("insert into t values (1, 0)", "insert into u values (1, 0)").passed()
    with p.target.connect(p.copy, autocommit=False) as other:
        other.execute("begin")
        other.execute("update u set v = -1 where id = 1")
        other.execute("insert into u values " + ", ".join(f"({i}, 0)" for i in range(100, 200)))   # the heavier one is spared
        p.run("begin; update t set v = 1; update u set v = 1; commit")
        until(lambda: p.target.one("select count(*) from information_schema.innodb_trx where trx_state = 'LOCK WAIT'", p.copy))
        other.execute("update t set v = -1 where id = 1")
        p.rf.logs("E_TARGET_BUSY")
        other.execute("rollback")
    p.passed()
    assert p.rows("select v from t union all select v from u") == [(1,), (1,)]


@pytest.mark.parametrize("target", SERVERS)
def test_rows_that_depend_on_each_other_go_in_their_order(pair, target):
    p = pair("pg15", target).run("create table t (id int primary key, up int, u text)")
    p.target.sql("create table t (id int primary key, up int, u varchar(20) unique, foreign key (up) references t (id))", p.copy)
    p.start().run("insert into t select g, nullif(g - 1, 0), 'u' || g from generate_series(1, 50) g",
                  "do $$ begin for i in reverse 50..1 loop update t set u = 'u' || (id + 1) where id = i; end loop; end $$",
                  "do $$ begin for i in reverse 50..11 loop delete from t where id = i; end loop; end $$").passed()
    assert p.rows("select id, up, u from t order by id") == [(i, i - 1 or None, f"u{i + 1}") for i in range(1, 11)]


def until(true, timeout=20):
    end = time.time() + timeout
    while not true():
        assert time.time() < end
        time.sleep(0.3)                       # MySQL refreshes its list of transactions only if nobody asked for 0.1 s


@pytest.mark.parametrize("target", SERVERS)
def test_append_keeps_each_change(pair, target):
    p = pair("pg15", target, sink={"apply": "append"}).run("create table t (id int primary key, v text not null)").start()
    p.run("insert into t values (1, 'a')", "update t set v = 'b'", "delete from t", "truncate t").passed()
    assert p.rows("select id, v, rowferry_op from t order by rowferry_time, rowferry_op") == [
        (1, "a", "c"), (1, "b", "u"), (1, None, "d"), (None, None, "t")]
    assert p.rows("select count(distinct rowferry_id), sum(rowferry_time > '2024-01-01') from t") == [(4, 4)]


@pytest.mark.parametrize("target", SERVERS)
def test_soft_delete_marks_what_is_gone(pair, target):
    p = pair("pg15", target, sink={"apply": "soft-delete"}).run("create table t (id int primary key, v text)").start()
    p.run("insert into t values (1, 'a'), (2, 'b'), (3, 'c')", "update t set v = 'z' where id = 1", "delete from t where id > 1",
          "insert into t values (3, 'back')").passed()
    assert p.rows("select * from t order by id") == [(1, "z", 0), (2, "b", 1), (3, "back", 0)]
    p.run("truncate t").passed()
    assert p.rows("select sum(rowferry_deleted) from t") == [(3,)]


@pytest.mark.parametrize("target", SERVERS)
def test_a_column_that_comes_later(pair, target):
    p = pair("pg15", target, sink={"schema": "evolve"}).run("create table t (id int primary key)").start()
    p.run("insert into t values (1)").passed()
    p.run("alter table t add v text not null default 'it''s', add n int", "insert into t values (2, 'x', 3)").passed()
    assert p.rows("select * from t order by id") == [(1, "it's", None), (2, "x", 3)]
    assert p.rows("select intent from rowferry_offsets") == [(None,)]


@pytest.mark.parametrize("point", ["db.ddl.before", "db.ddl.after"])
@pytest.mark.parametrize("target", SERVERS)
def test_killed_around_a_statement_that_commits_by_itself(pair, target, point):
    p = pair("pg15", target, failpoints=True).run("create table t (id int primary key)").start(failpoints=f"{point}:kill")
    p.run("insert into t values (1)")
    assert p.rf.wait(30) == -9
    p.start()
    p.rf.logs("cut off", "CREATE TABLE")
    p.passed()
    assert p.rows("select id from t") == [(1,)]
    assert p.rows("select intent from rowferry_offsets") == [(None,)]


REFUSED = {
    "E_TARGET_ENGINE": ("create table t (id int primary key, v int) engine=MyISAM", "ENGINE=InnoDB"),
    "E_TARGET_KEY": ("create table t (id int, v int, key (id))", "ADD UNIQUE (`id`)"),
    "E_TARGET_ENGINE no table": ("create view t as select 1 as id, 2 as v", "VIEW"),
    "E_TARGET_COLUMN": ("create table t (id int primary key)", "ADD COLUMN `v` int"),
}


@pytest.mark.parametrize("target", SERVERS)
@pytest.mark.parametrize("code", REFUSED)
def test_a_table_that_does_not_fit_is_refused(pair, target, code):
    p = pair("pg15", target).run("create table t (id int primary key, v int)")
    p.target.sql(REFUSED[code][0], p.copy)
    p.start().run("insert into t values (1, 2)")
    p.stops(code.split()[0], REFUSED[code][1])


@pytest.mark.parametrize("target", SERVERS)
def test_generated_columns_and_triggers_of_the_target_are_its_own(pair, target):
    p = pair("pg15", target).run("create table t (id int primary key, v int, w int)")
    p.target.sql("create table t (id int primary key, v int, w int generated always as (v * 2) stored); create table seen (what text)", p.copy)
    p.target.sql("create trigger tr before insert on t for each row insert into seen values ('insert')", p.copy)
    p.start().run("insert into t values (1, 1, 1), (2, 2, 2)", "update t set v = v + 10").passed()
    assert p.rows("select * from t order by id") == [(1, 11, 22), (2, 12, 24)]
    assert p.rows("select count(*) from seen") == [(2,)]


def test_a_read_only_or_careless_target_is_refused(pair, server_with):
    from support.mysql import MariaDB
    for code, setting in ("E_TARGET_READONLY", {"read_only": 1}), ("E_TARGET_DURABILITY", {"innodb_flush_log_at_trx_commit": 2}):
        target = server_with(MariaDB, **setting)
        p = pair("mariadb", "mariadb")
        p.rf.config["sinks"][0]["url"] = target.url("mysql")
        p.rf.write_config()
        p.rf.start()
        p.stops(code)
        assert code in p.rf.cli("check").stdout


@pytest.mark.parametrize("target", SERVERS)
def test_sessions_killed_at_any_moment_apply_each_change_once(request, new_db, pipelines, target):
    """Also between COMMIT and its answer."""
    source, to = request.getfixturevalue("pg15"), request.getfixturevalue(target)
    r = Replica(source, new_db(source), to, new_db(to), pipelines).start().begin()
    rng, killed = random.Random(7), 0
    with to.connect(r.target_db) as admin:
        for _ in range(soak(40)):
            time.sleep(rng.uniform(0.05, 0.3))
            ids = admin.execute("select id from information_schema.processlist where db = %s and id <> connection_id() "
                                "and command <> 'Sleep' and (info like '%%COMMIT%%' or info like 'UPDATE%%' or info like '%%INSERT%%')",
                                r.target_db).fetchall()
            ids = ids or admin.execute("select id from information_schema.processlist where db = %s and id <> connection_id()",
                                       r.target_db).fetchall()
            for (session,) in ids[:1]:
                with contextlib.suppress(pymysql.Error):    # gone by itself
                    admin.execute(f"kill {session}")
                    killed += 1
    assert killed >= 20
    r.finish(at_least=100)


@pytest.mark.parametrize("target", SERVERS)
def test_check_says_which_rights_are_missing(pair, target):
    p = pair("pg15", target)
    name = p.copy + "_w"
    p.target.sql(f"create user '{name}'@'%' identified by 'x'; grant select, insert on {p.copy}.* to '{name}'@'%'", p.copy)
    p.rf.config["sinks"][0]["url"] = p.target.url(p.copy, name, "x")
    p.rf.write_config()
    assert f"GRANT UPDATE, DELETE, CREATE, ALTER ON `{p.copy}`" in p.rf.cli("check").stdout
    p.target.sql(f"grant all on {p.copy}.* to '{name}'@'%'", p.copy)
    assert f"may write and make tables in {p.copy}" in p.rf.cli("check").stdout
    p.target.sql(f"drop user '{name}'@'%'", p.copy)


@pytest.mark.parametrize("reaches", [True, False], ids=["it reaches the server", "it does not"])
@pytest.mark.parametrize("target", SERVERS)
def test_a_lost_answer_to_commit_applies_nothing_twice(request, new_db, pipelines, target, reaches):
    source, to = request.getfixturevalue("pg15"), request.getfixturevalue(target)
    between, db = Between(to.port), new_db(to)
    r = Replica(source, new_db(source), to, db, pipelines, url=between.url(to, db)).start().begin()
    for n in range(1, 4):
        between.cuts.append(reaches)
        until(lambda: between.lost == n)
        r.flow(10)
    r.finish(at_least=30)
    assert "not known whether" in r.rf.logged()
