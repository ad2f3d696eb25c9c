"""PostgreSQL as a target: every type and change arrives as it was, and what does not fit stops with the row's name."""
import pytest

from support.proc import wait_for
from support.replica import database_sink

SINKS = ["pg15", "pg18"]


@pytest.fixture(params=SINKS)
def target(request):
    return request.getfixturevalue(request.param)


class Copy:
    """A database that follows another; `source` and `there` run SQL on either side."""

    def __init__(self, server, db, target, target_db, pipelines, failpoints=False, **sink):
        self.server, self.db, self.target, self.target_db = server, db, target, target_db
        self.rf = pipelines(server, db, [database_sink(target, target_db, **sink)], failpoints=failpoints)

    def source(self, text, *args):
        return self.server.sql(text, self.db, args or None)

    def there(self, text, *args):
        return self.target.sql(text, self.target_db, args or None)

    def start(self):
        self.rf.start()
        self.rf.wait_streaming(self.server, self.db)
        return self

    def arrive(self):
        self.rf.wait_passed(self.server, self.db, 60)
        return self

    def same(self, table, order="1", columns="*"):
        """Both sides have the same rows, as text."""
        query = f"select (t.*)::text from (select {columns} from {table} order by {order}) t"
        want = self.source(query)
        assert self.there(query) == want
        return len(want)

    def stops(self, code):
        """It ends by itself with this code; the line that says why."""
        return self.rf.logs("error", f"code={code}", timeout=60)


@pytest.fixture
def copy(pg15, target, new_db, pipelines):
    def make(ddl, there=None, **kw):
        db, target_db = new_db(pg15), new_db(target)
        pg15.sql(ddl, db)
        if there:
            target.sql(there, target_db)
        return Copy(pg15, db, target, target_db, pipelines, **kw)
    return make


TYPES = """
create type mood as enum ('sad', 'so so', 'happy');
create domain short as varchar(5);
create table t (
    id int primary key, b bool, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(12,3), c char(5), v varchar(20),
    x text, j json, jb jsonb, ba bytea, u uuid, d date, ti time(3), ts timestamp, tz timestamptz(2), iv interval, e mood,
    bits bit(5), vb varbit, ia int[], ta text[], ip inet, m money, r int4range, p point, xm xml, dm short, oi oid, na name,
    tt timetz, tv tsvector, "Odd ""name" text, g int generated always as (id * 2) stored);
"""
ROWS = """
insert into t values
    (1, true, -32768, -9223372036854775808, 1.5e-10, 'NaN', 12345678901234567890.123456789, -999999999.999, 'ab', 'é', 'x''y\\z',
     '{"a":  1}', '{"b": [1, 2]}', '\\x00ff', '00112233-4455-6677-8899-aabbccddeeff', '2024-02-29', '23:59:59.999',
     '1999-12-31 23:59:59.999999', '2020-01-02 03:04:05.67+02', '1 mon -2 days 03:04:05', 'so so', '10101', '1', '{1,NULL,3}',
     '{"a,b",NULL,""}', '10.0.0.1/8', '12.34', '[1,5)', '(1,2)', '<a>b</a>', 'five5', 4294967295, 'n', '04:05:06+03', 'a b:3',
     'odd'),
    (2, false, 32767, 9223372036854775807, '-infinity', -0.0, 'NaN', 0, '', '', '', 'null', 'null', '', null, 'infinity',
     '24:00', 'infinity', '-infinity', '0', 'sad', '00000', '', '{}', '{}', '::1', '-0.01', 'empty', '(0,0)', '', '', 0, '',
     '00:00-12', '', '');
insert into t (id, b, i2, i8, f4, f8, n, n2, c, v, x, j, jb, ba, u, d, ti, ts, tz) values
    (3, null, null, null, null, null, '0.000000000000000000001', 1000000, null, null, null, null, null, null, null,
     '4713-01-01 BC', '00:00', '0044-03-15 01:02:03 BC', '200000-12-31 23:59:59.99+00'),
    (4, null, null, null, 3.4028235e38, 1.7976931348623157e308, 1e100, null, null, repeat('v', 20), repeat('long', 3000), null, null,
     decode(repeat('ab', 5000), 'hex'), null, '5874897-12-31', null, '4713-01-01 00:00 BC', null);
"""


def test_every_type_arrives_as_it_is(copy):
    c = copy(TYPES, TYPES, schema="fixed").start()
    c.source(ROWS)
    c.arrive()
    assert c.same("t") == 4
    c.source("update t set x = x || '!', n = n + 1, tz = '2021-01-01' where id in (1, 3)")
    c.source("update t set b = not b where id = 4")              # leaves its long values where they are
    c.source("delete from t where id = 2")
    c.arrive()
    assert c.same("t") == 3


def test_many_rows_arrive_as_few_do(copy):
    """By COPY and by arrays: the same as one by one."""
    c = copy("create table t (id int primary key, n numeric, x text, d timestamptz, u uuid, a int[]);"
             "create table copied (id int primary key, n numeric, x text, d timestamptz, u uuid, f float8)").start()
    row = "i, i * 1.25, 'row ' || i, '2020-01-01'::timestamptz + i * interval '1 s', md5(i::text)::uuid"
    c.source(f"insert into t select {row}, array[i, null] from generate_series(1, 5000) i")
    c.source(f"insert into copied select {row}, i / 7.0 from generate_series(1, 5000) i")
    c.source("update t set x = x || '!', n = -n where id % 3 = 0")
    c.source("delete from t where id % 5 = 0")
    c.source("update t set id = id + 100000 where id % 7 = 0")
    c.arrive()
    assert c.same("t") == 4000
    assert c.same("copied") == 5000


def test_a_key_that_changes_and_a_truncate(copy):
    c = copy("create table t (a int, b text, v text, primary key (a, b)); create table gone (id int primary key)").start()
    c.source("insert into t values (1, 'x', 'one'), (2, 'y', 'two'); insert into gone select generate_series(1, 10)")
    c.source("update t set b = 'z' where a = 1; update t set a = a + 1")
    c.source("truncate gone; insert into gone values (7)")
    c.arrive()
    assert c.same("t") == 2
    assert c.same("gone") == 1


def test_a_table_without_a_key_loses_one_of_two_equal_rows(copy):
    c = copy("create table t (a int, j json, f float8); alter table t replica identity full").start()
    c.source("insert into t values (1, '{\"a\": 1}', 'NaN'), (1, '{\"a\": 1}', 'NaN'), (null, null, null), (2, '[]', 0)")
    c.source("delete from t where ctid = (select min(ctid) from t where a = 1); update t set f = 1 where a is null")
    c.arrive()
    assert c.same("t") == 3


KEYED = "create table t (id int primary key, v varchar(10))"


@pytest.mark.parametrize("statement, there, what", [
    ("insert into t select i, 'x' from generate_series(1, 500) i", "insert into t values (123, 'there')", "(id)=(123)"),
    ("insert into t values (5, 'x')", "insert into t values (5, 'there')", "(id)=(5)"),
    ("update t set v = 'y'", "delete from t where id = 777", "id=777"),
    ("delete from t", "delete from t where id = 778", "id=778"),
])
def test_a_conflict_stops_and_names_the_row(copy, statement, there, what):
    c = copy(KEYED).start()
    c.source("insert into t select i, 'x' from generate_series(600, 900) i")
    c.arrive()
    c.there(there)
    before = c.there("select count(*) from t")
    c.source(statement)
    line = c.stops("E_CONFLICT")
    assert what in line and "table public.t, event " in line, line
    assert c.there("select count(*) from t") == before, "nothing of that transaction is there"


def test_on_conflict_overwrite_goes_on(copy):
    c = copy(KEYED, on_conflict="overwrite").start()
    c.source("insert into t select i, 'x' from generate_series(1, 300) i")
    c.arrive()
    c.there("delete from t where id in (7, 8); insert into t values (400, 'there')")
    c.source("insert into t values (400, 'mine'); update t set v = 'y' where id <> 8; delete from t where id = 8")
    c.arrive()
    assert c.same("t") == 300


@pytest.mark.parametrize("column, value, what", [
    ("v varchar(3)", "'four'", "column v"),
    ("v smallint", "'70000'", "SQLSTATE 22003"),
    ("v int not null", "null", "column v"),
])
def test_a_value_that_does_not_fit_stops_and_names_the_column(copy, column, value, what):
    c = copy("create table t (id int primary key, v text)", f"create table t (id int primary key, {column})", schema="fixed").start()
    c.source(f"insert into t values (1, {value})")
    line = c.stops("E_VALUE")
    assert what in line and "table public.t, event " in line and "four" not in line, line


@pytest.mark.parametrize("there", ["int", "numeric(4,1)"])
def test_of_many_rows_the_one_that_does_not_fit_is_named(copy, there):
    """By COPY and by arrays: the server says nothing of the row, or of the column."""
    c = copy("create table t (id int primary key, w text, v text, n numeric)",
             f"create table t (id int primary key, w text, v {there}, n numeric(5,0))", schema="fixed").start()
    c.source("insert into t select i, 'x', '1', 1 from generate_series(1, 1000) i")
    c.arrive()
    c.source("begin; insert into t select i, 'x', '2', 2 from generate_series(1001, 2000) i;"
             "update t set v = '123456789012' where id = 777; update t set v = '5' where id <> 777; commit")
    line = c.stops("E_VALUE")
    assert "column v: " in line and "22003" in line and "/1000/0: " in line, line
    assert c.there("select count(*) from t") == [(1000,)]


def test_a_lock_that_others_hold_is_waited_for(copy):
    """Another session takes two rows the other way round: the deadlock is ours or theirs, and either way each change comes once."""
    c = copy("create table t (id int primary key, n int)").start()
    c.source("insert into t values (1, 0), (2, 0)")
    c.arrive()
    with c.target.connect(c.target_db) as other:
        other.autocommit = False
        other.execute("set deadlock_timeout = '1h'")             # so that it is ours that gives way
        other.execute("update t set n = n where id = 2")
        c.source("update t set n = n + 1 where id = 1; update t set n = n + 1 where id = 2; update t set n = n + 1 where id = 1")
        wait_for(lambda: c.there("select count(*) from pg_locks where not granted")[0][0] == 1, 30, "rowferry waits for the row")
        other.execute("update t set n = n where id = 1")
        other.commit()
    c.arrive()
    assert c.same("t") == 2


def test_a_read_only_target_is_refused(copy):
    c = copy(KEYED)
    c.target.sql(f"alter database {c.target_db} set default_transaction_read_only = on")
    c.rf.start()
    assert "default_transaction_read_only" in c.stops("E_TARGET_READONLY")


def test_an_unlogged_table_is_refused(copy):
    c = copy(KEYED, KEYED.replace("table", "unlogged table"), schema="fixed").start()
    c.source("insert into t values (1, 'x')")
    assert "unlogged" in c.stops("E_TARGET_ENGINE")


def test_a_table_without_the_keys_index_is_refused(copy):
    c = copy(KEYED, "create table t (id int, v text)", schema="fixed").start()
    c.source("insert into t values (1, 'x')")
    assert 'CREATE UNIQUE INDEX ON "public"."t" ("id")' in c.stops("E_TARGET_KEY")


def test_history_and_marks(copy):
    c = copy(KEYED, apply="append").start()
    c.source("insert into t values (1, 'a'); update t set v = 'b'; delete from t")
    c.arrive()
    assert c.there("select rowferry_op, id, v from t order by rowferry_id") == [("c", 1, "a"), ("u", 1, "b"), ("d", 1, None)]


def test_a_deleted_row_stays_and_is_marked(copy):
    c = copy(KEYED, apply="soft-delete").start()
    c.source("insert into t values (1, 'a'), (2, 'b'); delete from t where id = 1")
    c.arrive()
    assert c.there("select id, v, rowferry_deleted from t order by 1") == [(1, "a", True), (2, "b", False)]
    c.source("insert into t values (1, 'again')")
    c.arrive()
    assert c.there("select id, v, rowferry_deleted from t order by 1") == [(1, "again", False), (2, "b", False)]


def test_what_is_written_has_an_origin(copy):
    c = copy(KEYED, replication_origin=True).start()
    c.source("insert into t values (1, 'a')")
    c.arrive()
    assert c.there("select count(*) from pg_replication_origin where roname = %s", f"rowferry_{c.rf.pipeline}_replica") == [(1,)]
