"""Which tables are captured: globs, tables made later, without identity, of other owners, partitioned."""
import re

import pytest

from support.rowferry import cli
from support.scene import unique

EXIT_CONFIG = 2
ROW = "create table t (id int primary key, a text);"
KEYLESS = "create table bare (a text, n int);"


def ended(stream, status, *words):
    """It ends by itself with this status, and says all the words in one line."""
    assert stream.rf.wait(30) == status, stream.rf.logged()[-3000:]
    return stream.rf.logs(*words, timeout=1)


def published(stream, suffix=""):
    return {t for (t,) in stream.sql("select tablename from pg_publication_tables where pubname = %s",
                                     (f"rowferry_{stream.rf.pipeline}{suffix}",))}


# --- tables made later ---------------------------------------------------------

def test_a_table_made_later_joins_with_a_warning_that_names_the_position(stream15):
    s = stream15.start(ROW)
    s.sql(KEYLESS)                          # can't join, and must not keep another one from joining
    s.sql("create table later (id int primary key, a text); insert into later values (1, 'early')")
    line = s.rf.logs(" warn ", "table=public.later ", "joins", timeout=60)
    assert re.search(r"position=[0-9A-F]+/[0-9A-F]+ ", line), line
    s.sql("insert into later values (2, 'x'); insert into t values (3, 'y')")
    assert s.after(2) == {2: {"id": 2, "a": "x"}, 3: {"id": 3, "a": "y"}}
    s.rf.logs(" warn ", "E_NO_IDENTITY", "public.bare", "REPLICA IDENTITY FULL")
    assert published(s) == {"t", "later"}
    s.sql("insert into bare values ('x', 1); update bare set n = 2; delete from bare")


def test_a_table_that_does_not_match_stays_out(stream15):
    s = stream15.prepare(ROW + "create schema other; create table other.t (id int primary key)",
                         tables=["public.t*"], exclude=["*.tmp_*"])
    s.sql("create table tmp_x (id int primary key); create table u (id int primary key)")
    s.start()
    assert published(s) == {"t"}


def test_a_glob_that_matches_nothing_is_an_error(stream15):
    s = stream15.prepare(ROW, tables=["public.t", "sales.*"])
    s.rf.start()
    ended(s, EXIT_CONFIG, "E_NO_TABLE", '"sales.*"')
    assert not s.rf.slots(s.pg, s.db), "a slot was made for a pipeline that can't run"


# --- tables without identity -----------------------------------------------------

def test_a_table_without_identity_is_refused_with_the_sql_that_helps(stream15):
    s = stream15.prepare(ROW + KEYLESS)
    s.rf.start()
    line = ended(s, EXIT_CONFIG, "E_NO_IDENTITY", "public.bare")
    s.sql("insert into bare values ('x', 1); update bare set n = 2; delete from bare")
    assert "bare" not in published(s)
    s.sql(re.search(r"ALTER TABLE \S+ REPLICA IDENTITY FULL;", line)[0])
    s.start().sql("insert into bare values ('x', 1); update bare set n = 2")
    _, update = s.records(2)
    assert update["value"]["before"] == {"a": "x", "n": 1}


@pytest.mark.parametrize("identity", ["nothing", "using index bare_code"])
def test_replica_identity_nothing_or_a_lost_index_is_no_identity(stream15, identity):
    s = stream15.prepare(ROW + "create table bare (id int primary key, code int not null);"
                         "create unique index bare_code on bare(code);"
                         f"alter table bare replica identity {identity}; drop index bare_code")
    s.rf.start()
    ended(s, EXIT_CONFIG, "E_NO_IDENTITY", "public.bare")


def test_keyless_inserts_captures_inserts_only_and_the_application_goes_on(stream):
    s = stream.start(ROW + KEYLESS, keyless="inserts")
    s.sql("insert into bare values ('x', 1), ('y', 2); insert into t values (1, 'a')")
    s.sql("update bare set n = n + 10; delete from bare where a = 'x'")
    s.sql("update t set a = 'b'; insert into bare values ('z', 3)")
    events = s.records(5)
    bare = [e for e in events if e["topic"].endswith(".bare")]
    assert sorted(e["value"]["after"]["n"] for e in bare) == [1, 2, 3]
    assert {e["value"]["op"] for e in bare} == {"c"} and {e["key"] for e in bare} == {None}
    assert [e["value"]["op"] for e in events if e["key"]] == ["c", "u"]
    assert published(s) == {"t"} and published(s, "_inserts") == {"bare"}


# --- without the rights ------------------------------------------------------------

@pytest.fixture
def reader(pg15):
    """A role that may replicate and read, and owns nothing."""
    name = unique("reader_")
    pg15.sql(f"create role {name} login replication")
    yield name
    pg15.sql(f"drop role {name}")


@pytest.mark.parametrize("tables", [1, 40])
def test_a_publication_that_it_may_not_make_is_printed_as_sql(stream15, reader, tables):
    s = stream15
    s.prepare("".join(f"create table a_table_with_a_long_name_{n} (id int primary key);"
                      for n in range(tables)), url=s.pg.url(s.db, reader))
    s.rf.start()
    said = ended(s, EXIT_CONFIG, "E_PUBLICATION")
    assert not s.rf.slots(s.pg, s.db), "the publication comes first"
    if tables > 1:                          # too long for a log line
        assert "rowferry check" in said
        said = cli("check", s.rf.file).stdout
    s.sql(re.search(r"CREATE PUBLICATION \S+ FOR TABLE .*", said)[0])
    assert len(published(s)) == tables
    s.start().sql("insert into a_table_with_a_long_name_0 values (1)")
    assert set(s.after(1)) == {1}


def test_check_prints_the_sql_that_mends(stream15, reader):
    s = stream15
    s.prepare(ROW + KEYLESS, url=s.pg.url(s.db, reader))
    done = cli("check", s.rf.file)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "E_NO_IDENTITY" in done.stdout and "REPLICA IDENTITY FULL" in done.stdout
    s.pg.sql(f"alter role {reader} noreplication")
    done = cli("check", s.rf.file)
    assert done.returncode == 1 and f'ALTER ROLE "{reader}" REPLICATION' in done.stdout


# --- partitioned tables --------------------------------------------------------------

PARTITIONED = """
create table sales (id int, region text not null, n int, primary key (id, region))
  partition by list (region);
create table sales_eu partition of sales for values in ('eu');
create table sales_us partition of sales for values in ('us');
"""


def test_partitions_come_under_the_name_of_their_root(stream):
    s = stream.start(PARTITIONED, sink={"partitions": 1})
    s.sql("insert into sales values (1, 'eu', 1), (2, 'us', 1)")
    s.sql("update sales set n = 2 where id = 1")
    s.sql("update sales set region = 'us' where id = 1")     # the row moves to another partition
    s.sql("create table sales_asia partition of sales for values in ('asia')")
    s.sql("insert into sales values (3, 'asia', 1); delete from sales where id = 2")
    s.sql("insert into sales_eu values (4, 'eu', 1)")
    events = s.records(10)
    assert {e["topic"] for e in events} == {f"{s.rf.pipeline}.public.sales"}
    assert {e["value"]["source"]["table"] for e in events if e["value"]} == {"sales"}
    assert [(e["key"]["id"], e["key"]["region"], e["value"] and e["value"]["op"]) for e in events] == [
        (1, "eu", "c"), (2, "us", "c"), (1, "eu", "u"),
        (1, "eu", "d"), (1, "eu", None), (1, "us", "c"),
        (3, "asia", "c"), (2, "us", "d"), (2, "us", None), (4, "eu", "c")]


def test_partitions_without_their_root_come_under_their_own_names(stream15):
    s = stream15.start(PARTITIONED, tables=["public.sales_*"])
    s.sql("insert into sales values (1, 'eu', 1), (2, 'us', 1)")
    assert {e["topic"].rpartition(".")[2] for e in s.records(2)} == {"sales_eu", "sales_us"}


# --- what changes in the publication while it runs -------------------------------------

def test_a_table_renamed_goes_on_under_its_new_name(stream15):
    s = stream15.start(ROW).sql("insert into t values (1, 'x')") or stream15
    s.records(1)
    s.sql("alter table t rename to t_old; insert into t_old values (2, 'y')")
    assert {e["topic"].rpartition(".")[2]: e["key"]["id"] for e in s.records(2)} == {"t": 1, "t_old": 2}


def test_a_publication_dropped_under_it_is_named(stream15):
    s = stream15.start(ROW)
    s.sql("insert into t values (1, 'x')")
    s.records(1)
    s.sql(f"drop publication rowferry_{s.rf.pipeline}; insert into t values (2, 'y')")
    assert s.rf.wait(60) == 4, s.rf.logged()[-3000:]
    s.rf.logs("E_PUBLICATION", timeout=1)
