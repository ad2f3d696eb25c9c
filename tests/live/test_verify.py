"""verify: the rows of a source beside those of a database sink, while rowferry runs between them."""
import json
import signal
import threading

import pytest

from support.rowferry import cli
from support.replica import Replica, database_sink

EXIT_NO, EXIT_USAGE, EXIT_AWAY = 1, 2, 3
SERVERS = {"postgresql": "pg15", "mariadb": "mariadb", "mysql": "mysql"}
PAIRS = [(source, target) for source in SERVERS for target in SERVERS]


def verify(rf, *words, status=0, sink="replica"):
    """The answer as a dict; the exit status must be this one."""
    done = rf.cli("verify", "--sink", sink, *words, "--json", timeout=120)
    assert done.returncode == status, f"{done.returncode}\n{done.stdout}{done.stderr}"
    return json.loads(done.stdout)


class Pair:
    """A database, and another that follows it by one sink."""

    def __init__(self, source, target, new_db, pipelines, sink=None, **kw):
        self.source, self.target = source, target
        self.source_db, self.target_db = new_db(source), new_db(target)
        self.rf = pipelines(source, self.source_db, [database_sink(target, self.target_db, **(sink or {}))], **kw)

    def run(self, *statements):
        for text in statements:
            self.source.sql(text, self.source_db)
        return self

    def there(self, *statements):
        for text in statements:
            self.target.sql(text, self.target_db)
        return self

    def start(self):
        self.rf.start().wait_streaming(self.source, self.source_db)
        return self

    def passed(self):
        self.rf.wait_passed(self.source, self.source_db)
        return self

    def verify(self, *words, status=0):
        return verify(self.rf, *words, status=status)

    def table(self, *words, status=EXIT_NO):
        """What it says of the only table."""
        (one,) = self.verify(*words, status=status)["tables"]
        return one


@pytest.fixture
def pair(request, new_db, pipelines):
    def make(source, target, **kw):
        return Pair(*(request.getfixturevalue(SERVERS[kind]) for kind in (source, target)), new_db, pipelines, **kw)
    return make


# --- equal tables of many types ------------------------------------------------------------

POSTGRESQL_TYPES = """
create type mood as enum ('sad', 'it''s', '😀');
create table fixed (id int primary key, b bool, i2 int2, i8 int8, f4 float4, f8 float8, u uuid, e mood, n numeric, d numeric(12,4), o oid);
create table texts (k text primary key, c char(5), j json, jb jsonb, bin bytea, n name, x xml);
create table times (d date, t time, ts timestamp, tz timestamptz, t3 time(3), id int, part char(3), primary key (part, id));
create table others (id uuid primary key, ia int[], iv interval, ip inet, r int4range, bits bit(5), mac macaddr);
create table nokey (v text, n int);
alter table nokey replica identity full;
create table parts (id int primary key, v text) partition by range (id);
create table parts_low partition of parts for values from (0) to (100);
create table by_index (u varchar(20) not null unique, v text);
alter table by_index replica identity using index by_index_u_key;
create table by_bytes (k bytea primary key, v bool);
create table by_times (tz timestamptz, d date, t time(3), ts timestamp, n numeric(12,3), b bool, m mood, primary key (tz, d, t, ts, n, b, m));
create table by_char (c char(5) primary key, v varchar(5));
create table by_float (f float8 primary key);
"""
POSTGRESQL_ROWS = """
insert into fixed values
  (1, true, -32768, 9223372036854775807, 0.1, 0.1, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'sad', 12345678.0912000, 1.5, 4294967295),
  (2, false, 0, -9223372036854775808, 16777216, 1e22, null, '😀', 0.000, 0, 0),
  (3, null, 7, 0, 1e-38, 5e-324, null, 'it''s', -12345678901234567890.5, -0.0001, 1), (4, null, null, null, null, null, null, null, null, null, null);
insert into texts values
  ('', 'ab', '{"b": 1, "a": [1,  2.50], "b": 2}', '{"b": [1, {"z": null, "a": true}]}', '', 'n', '<a/>'),
  ('it''s \\ 日本 😀', '日本', '"\\u00e9"', '1e3', '\\x00ff5c27', '', ''), ('A', null, null, null, null, null, null),
  ('a', '', '[]', '{}', '\\xdeadbeef', null, null), ('é', 'x', '{"n": 0.1}', '[1.0]', null, null, null), ('a ', 'x y', 'null', 'null', null, null, null);
insert into times values
  ('1970-01-01', '00:00', '1970-01-01', '1970-01-01 00:00:01+00', '01:02:03.25', 1, 'a'),
  ('2024-02-29', '23:59:59.999999', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.5+02', '24:00', 1, 'b'), (null, null, null, null, null, 2, 'a');
insert into others values ('00000000-0000-0000-0000-000000000001', '{1,2,null}', '1 mon 2 days 03:04:05', '10.0.0.0/8', '[1,5)', B'00101', '08:00:2b:01:02:03'),
  ('ffffffff-0000-0000-0000-000000000001', null, null, null, null, null, null);
insert into nokey values ('x', 1), ('x', 1), (null, 2);
insert into parts values (1, 'a'), (99, null);
insert into by_index values ('one', 'x'), ('two', null);
insert into by_bytes values ('\\x00', true), ('\\x5c27ff', false), ('', null);
insert into by_times select '2024-02-29 12:34:56.5+02'::timestamptz + g * interval '1 ms', '2024-02-29'::date + g, '01:02:03.5', '1999-01-01 00:00:00.000001',
  g / 8.0, g % 2 = 0, 'it''s' from generate_series(1, 600) g;
insert into by_char values ('a', 'x'), ('ab c', null), ('', null), ('12345', 'y ');
insert into by_float values (0.1), (-0.0), (1e300);
"""
POSTGRESQL_COUNTS = {"fixed": 4, "texts": 6, "times": 3, "others": 2, "nokey": 3, "parts": 2, "by_index": 2, "by_bytes": 3, "by_times": 600, "by_char": 4, "by_float": 3}
MYSQL_TYPES = """
create table digits (id int primary key);
insert into digits values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
create table fixed (id bigint unsigned primary key, b boolean, bt bit(1), bits bit(12), i2 smallint, f4 float, f8 double, e enum('sad', 'it''s', 'x'),
                    s set('a', 'b', 'c'), d decimal(40,10), y year, u bigint unsigned, z int(8) zerofill);
create table texts (k varchar(100), l varchar(20) character set latin1 collate latin1_german1_ci, c char(5), j json, bin blob, fix binary(4), g geometry,
                    p point, primary key (k, l)) character set utf8mb4;
create table times (d date, t time(6), ts datetime(6), tz timestamp(6) null, id int, e enum('z', 'y', 'a'), primary key (e, id));
create table nokey (v varchar(10), f float);
create table by_bytes (k varbinary(20) primary key, v date);
create table by_times (tz timestamp(3) not null default now(3), d date, t time(3), ts datetime(6), n decimal(12,3), b bit(1), y year, i int unsigned,
                       primary key (tz, d, t, ts, n, b, y, i));
create table by_char (c char(5) primary key, v varchar(5)) character set utf8mb4;
create table by_float (f float primary key);
"""
MYSQL_ROWS = """
set time_zone = '+00:00';
insert into fixed values
  (18446744073709551615, true, b'1', b'000100000001', -32768, 0.1, 0.1, 'sad', 'a,c', 12345678.0912, 2024, 18446744073709551615, 42),
  (1, false, b'0', b'0', 0, 16777216, 1e22, 'it''s', '', -0.5, 0, 0, 0), (2, 2, null, null, 7, 1e-38, 5e-324, 'x', null, 0, 1901, 1, null),
  (3, null, null, null, null, null, null, null, null, null, null, null, null);
insert into texts values
  ('', 'é', 'ab', '{"b": 1, "a": [1, 2.5]}', '', x'00', st_geomfromtext('linestring(0 0, 1 1)'), point(1, 2)),
  ('it''s \\\\ 日本 😀', 'ü', '日本', '"é"', x'00ff5c27', x'01020304', null, null), ('A', 'a', null, null, null, null, null, null),
  ('b', 'A', '', '[]', x'deadbeef', null, st_geomfromtext('point(1 2)'), null), ('b', 'b', 'x', '{}', null, null, null, null);
insert into times values
  ('1970-01-01', '00:00', '1970-01-01', '1970-01-01 00:00:01', 1, 'a'), ('2024-02-29', '23:59:59.999999', '2024-02-29 12:34:56.789', '2024-02-29 10:34:56.5', 1, 'z'),
  (null, null, null, null, 2, 'z'), ('9999-12-31', '24:00:00', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', 3, 'y');
insert into nokey values ('x', 1.1), ('x', 1.1), (null, 2);
insert into by_bytes values (x'00', '2024-01-01'), (x'5c27ff', null), ('', null);
insert into by_times select '2024-02-29 10:34:56.5', date_add('2024-02-29', interval id day), '01:02:03.5', '1999-01-01 00:00:00.000001', id / 8, id % 2,
  2000 + id % 3, 4294967295 from (select a.id + 10 * b.id + 100 * c.id as id from digits a join digits b join digits c) x where id < 600;
insert into by_char values ('a', 'x'), ('ab c', null), ('', null), ('12345', 'y ');
insert into by_float values (0.1), (-0.0), (1e30);
"""
MYSQL_COUNTS = {"fixed": 4, "texts": 5, "times": 4, "nokey": 3, "by_bytes": 3, "by_times": 600, "by_char": 4, "by_float": 3}


@pytest.mark.parametrize("source, target", PAIRS)
def test_what_rowferry_has_replicated_is_equal(pair, source, target):
    ddl, rows, counts = ((POSTGRESQL_TYPES, POSTGRESQL_ROWS, POSTGRESQL_COUNTS) if source == "postgresql"
                         else (MYSQL_TYPES, MYSQL_ROWS, MYSQL_COUNTS))
    p = pair(source, target, exclude=["*.digits"]).run(ddl).start().run(rows).passed()
    said = p.verify()
    assert said["equal"] and {t["table"]: t["source_rows"] for t in said["tables"]} == counts
    assert all(t["equal"] and not t["rows"] and not t["trouble"] for t in said["tables"])
    assert [t["table"] for t in said["tables"] if t["keyless"]] == ["by_float", "nokey"]


# --- differences ---------------------------------------------------------------------------

PEOPLE = "create table people (id int, part varchar(10) not null, name varchar(100), born date, primary key (part, id))"


def rows_of(table):
    return sorted((row["kind"], row["key"]["part"], row["key"]["id"]) for row in table["rows"])


@pytest.mark.parametrize("source, target", PAIRS)
def test_each_difference_is_named(pair, source, target):
    p = pair(source, target).run(PEOPLE).start()
    p.run("insert into people values (1, 'a', 'Ada', '1815-12-10'), (2, 'a', 'Grace', '1906-12-09'), (7, 'b', null, null)").passed()
    assert p.verify()["equal"]
    p.there("update people set name = 'Grâce', born = null where id = 2", "delete from people where id = 7",
            "insert into people values (8, 'b', 'nobody', null)")
    said = p.table()
    assert rows_of(said) == [("differs", "a", "2"), ("missing", "b", "7"), ("surplus", "b", "8")]
    assert (said["differs"], said["missing"], said["surplus"], said["unsettled"]) == (1, 1, 1, 0)
    (changed,) = [row for row in said["rows"] if row["kind"] == "differs"]
    assert changed["columns"] == [{"name": "name", "source": "Grace", "target": "Grâce"},
                                  {"name": "born", "source": "1906-12-09", "target": None}]
    text = p.rf.cli("verify", "--sink", "replica")
    assert text.returncode == EXIT_NO
    for line in ("3 rows; 1 differ, 1 missing in the target, 1 not in the source", "part 'b', id '7': missing in the target",
                 "part 'b', id '8': not in the source", "name: source 'Grace', target 'Grâce'", "born: source '1906-12-09', target NULL"):
        assert line in text.stdout, text.stdout


@pytest.mark.parametrize("source, target", [("postgresql", "mariadb"), ("mariadb", "postgresql"), ("mysql", "postgresql")])
def test_many_chunks_and_keys_in_two_orders(pair, source, target):
    """Texts, which the servers put in different orders; more than one chunk; differences at the edges and in the middle."""
    p = pair(source, target).run("create table t (k varchar(40) primary key, n int)").start()
    p.run(f"insert into t select concat(case when n % 3 = 0 then 'é' when n % 3 = 1 then 'Z' else 'a' end, n), n from {p.source.series(7000)}").passed()
    assert p.table(status=0)["source_rows"] == 7000
    p.there("delete from t where n in (1, 2000, 3501, 7000)", "update t set n = -n where n in (2, 4000)", "insert into t values ('ö', 0), ('', 0), ('zz', 0)")
    said = p.table()
    assert {(row["kind"], row["key"]["k"]) for row in said["rows"]} == {
        ("missing", "Z1"), ("missing", "a2000"), ("missing", "é3501"), ("missing", "Z7000"), ("differs", "a2"), ("differs", "Z4000"),
        ("surplus", "ö"), ("surplus", ""), ("surplus", "zz")}


def test_large_rows_go_through_in_pieces(pair):
    p = pair("postgresql", "postgresql").run("create table t (id int primary key, big text)").start()
    p.run("insert into t select g, repeat(md5(g::text), 60000) from generate_series(1, 40) g").passed()
    assert p.table(status=0)["source_rows"] == 40
    p.there("update t set big = big || 'x'")
    assert p.table()["differs"] == 40


def test_all_are_counted_and_a_thousand_are_shown(pair):
    p = pair("postgresql", "mariadb").run("create table t (id int primary key)").start()
    p.run("insert into t select g from generate_series(1, 3000) g").passed().there("delete from t where id > 700")
    said = p.table()
    assert said["missing"] == 2300 and len(said["rows"]) == 1000
    assert "  and 1300 more\n" in p.rf.cli("verify", "--sink", "replica").stdout


@pytest.mark.parametrize("target", ["postgresql", "mysql"])
def test_a_table_or_column_that_the_target_lacks_is_told(pair, target):
    p = pair("postgresql", target).run("create table t (id int primary key, a int, b int)", "create table u (id int primary key)").start()
    p.run("insert into t values (1, 2, 3)").passed().there("alter table t drop column b")
    t, u = p.verify(status=EXIT_NO)["tables"]
    assert t["trouble"] == ["the target has no column b"] and t["compared"] and not t["equal"] and t["differs"] == 0
    assert u["trouble"] == ["the target does not have the table"] and not u["compared"]
    assert [t["table"] for t in p.verify("--table", "public.t", status=EXIT_NO)["tables"]] == ["t"]
    p.verify("--table", "public.nosuch", status=EXIT_USAGE)


def test_a_key_that_is_not_unique_in_the_target_is_told(pair):
    p = pair("postgresql", "postgresql").run("create table t (id int primary key, a int)").start()
    p.run("insert into t select g, g from generate_series(1, 900) g").passed()
    p.there("alter table t drop constraint t_pkey", "insert into t values (2, 2), (901, 0)")
    rows = p.table()["rows"]
    assert [(row["kind"], row["key"], row["target_copies"]) for row in rows] == [("differs", {"id": "2"}, 2), ("surplus", {"id": "901"}, 1)]
    assert "the target has it 2 times" in p.rf.cli("verify", "--sink", "replica").stdout


@pytest.mark.parametrize("source, target", [("postgresql", "mariadb"), ("mariadb", "postgresql")])
def test_tables_without_a_key_are_compared_as_a_whole(pair, source, target):
    p = pair(source, target).run("create table t (a int, b varchar(10))")
    if source == "postgresql":
        p.run("alter table t replica identity full")
    p.start().run("insert into t values (1, 'x'), (1, 'x'), (null, 'y')").passed()
    said = p.table(status=0)
    assert said["equal"] and said["keyless"] and said["source_rows"] == said["target_rows"] == 3
    p.there("update t set b = 'z' where a is null")
    said = p.table()
    assert said["source_rows"] == said["target_rows"] == 3 and not said["equal"] and not said["rows"]
    p.there("delete from t where a is null")
    assert "3 rows in the source, 2 in the target" in p.rf.cli("verify", "--sink", "replica").stdout


@pytest.mark.parametrize("target", ["postgresql", "mariadb"])
def test_rows_marked_as_deleted_are_not_there(pair, target):
    p = pair("postgresql", target, sink={"apply": "soft-delete"}).run("create table t (id int primary key, a int)").start()
    p.run("insert into t values (1, 1), (2, 2)", "delete from t where id = 1").passed()
    assert p.table(status=0)["source_rows"] == 1
    p.there("update t set rowferry_deleted = true where id = 2")
    assert [(row["kind"], row["key"]) for row in p.table()["rows"]] == [("missing", {"id": "2"})]


def test_what_can_not_be_compared_is_refused(pair):
    p = pair("postgresql", "postgresql", sink={"apply": "append"}).run("create table t (id int primary key)")
    done = p.rf.cli("verify", "--sink", "replica")
    assert done.returncode == EXIT_USAGE and "append" in done.stderr
    p.rf.config["sinks"] = [{"name": "replica", "type": "null"}]
    p.rf.write_config()
    done = p.rf.cli("verify", "--sink", "replica")
    assert done.returncode == EXIT_USAGE and "null" in done.stderr
    assert cli("verify", p.rf.file, "--sink", "nosuch").returncode == EXIT_USAGE


def test_a_target_that_is_away_and_a_pipeline_that_stands(pair):
    p = pair("postgresql", "postgresql").run("create table t (id int primary key, a int)").start()
    p.run("insert into t values (1, 1)").passed()
    p.rf.terminate()
    assert p.verify()["equal"], "what is equal needs no pipeline"
    p.run("insert into t values (2, 2)")
    done = p.rf.cli("verify", "--sink", "replica")
    assert done.returncode == EXIT_AWAY and "E_VERIFY_BEHIND" in done.stderr and "start it" in done.stderr
    p.start().passed()
    assert p.verify()["equal"]
    p.rf.config["sinks"][0]["url"] = "postgresql://postgres@127.0.0.1:1/x?sslmode=disable"
    p.rf.write_config()
    assert p.rf.cli("verify", "--sink", "replica").returncode == EXIT_AWAY


# --- while all of it is written to ---------------------------------------------------------

@pytest.mark.parametrize("source, target", [("postgresql", "postgresql"), ("postgresql", "mariadb"), ("mariadb", "postgresql"), ("mysql", "mysql")])
def test_no_false_alarm_while_the_ledger_writes(request, new_db, pipelines, source, target):
    servers = [request.getfixturevalue(SERVERS[kind]) for kind in (source, target)]
    r = Replica(servers[0], new_db(servers[0]), servers[1], new_db(servers[1]), pipelines, pause=0.01).start().begin()
    r.flow(60)
    before = r.ledger.commits
    for _ in range(3):
        said = verify(r.rf)
        assert said["equal"] and {t["table"] for t in said["tables"]} == {"accounts", "moves"}
    assert r.ledger.commits > before, "nothing was written meanwhile"
    r.rf.wait_caught_up(r.server, r.db, r.ledger.stop())
    servers[1].sql("update accounts set note = 'wrong', balance = balance + 1 where id = (select * from (select max(id) from accounts) x)", r.target_db)
    said = verify(r.rf, status=EXIT_NO)
    assert [(t["table"], t["differs"], t["missing"], t["surplus"]) for t in said["tables"] if not t["equal"]] == [("accounts", 1, 0, 0)]


def test_a_row_that_changes_all_the_time_is_no_difference(pair):
    p = pair("postgresql", "postgresql").run("create table t (id int primary key, n bigint)").start()
    p.run("insert into t values (1, 0), (2, 0)").passed()
    p.there("update t set n = -1 where id = 2")
    done = threading.Event()

    def write():
        with p.source.connect(p.source_db) as c:
            while not done.is_set():
                c.execute("update t set n = n + 1 where id = 1")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        said = p.table()
    finally:
        done.set()
        writer.join()
    assert [row["key"] for row in said["rows"]] == [{"id": "2"}] and said["differs"] == 1 and said["unsettled"] <= 1


@pytest.mark.parametrize("source, target", [("postgresql", "mariadb"), ("mysql", "postgresql")])
def test_a_sink_that_is_behind_is_waited_for(pair, source, target):
    p = pair(source, target).run("create table t (id int primary key, a int)").start()
    p.run("insert into t values (1, 1), (2, 2)").passed()
    p.rf.signal(signal.SIGSTOP)
    p.run("update t set a = 10 where id = 1", "delete from t where id = 2", "insert into t values (3, 3)")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(p.rf.cli("verify", "--sink", "replica", timeout=60)))
    asking.start()
    asking.join(3)
    waits = asking.is_alive()
    p.rf.signal(signal.SIGCONT)
    asking.join()
    assert waits, "it did not wait for the sink"
    assert answers[0].returncode == 0 and "2 rows, equal" in answers[0].stdout, answers[0].stdout


@pytest.mark.parametrize("target", SERVERS)
def test_a_sink_that_never_began_is_no_answer(pair, target):
    p = pair("postgresql", target)
    p.run("create table t (id int primary key, a int)", "insert into t values (1, 1)").there("create table t (id int primary key, a int)")
    done = p.rf.cli("verify", "--sink", "replica")
    assert done.returncode == EXIT_AWAY and "E_VERIFY_BEHIND" in done.stderr and "no position" in done.stderr
    p.there("insert into t values (1, 1)")
    assert p.verify()["equal"]
