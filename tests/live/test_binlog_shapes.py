"""MySQL and MariaDB: tables change in mid-stream, rows come in parts, transactions in every form that a log knows."""
import contextlib
import json
import re
import threading

import pytest

from support.proc import wait_for
from support.readers import Schemas, each_record, raw_records
from support.scene import soak
from support.stream import Stream

UNAVAILABLE = "__debezium_unavailable_value"
ROW = "create table t (id int primary key, a text, b int);"
ONE = {"partitions": 1}
MOST_KIB = 100 * 1024
STOPPED = 2


@pytest.fixture
def on(request, kafka, registry, new_db, pipelines):
    """A Stream on the server of that name; its topics have one partition, so that all of it is in order."""
    def make(name):
        server = request.getfixturevalue(name)
        return Stream(server, new_db(server), kafka, registry, pipelines)
    return make


@pytest.fixture
def s(stream_my):
    return stream_my


@contextlib.contextmanager
def setting(server, name, value):
    """A global setting for a while."""
    before = server.one(f"select @@global.{name}")
    server.sql(f"set global {name} = {value}")
    try:
        yield
    finally:
        server.sql(f"set global {name} = %s", args=(before,))


def start(s, setup, **kw):
    return s.start(setup, **{**kw, "sink": {**ONE, **kw.get("sink", {})}})


def ops(events):
    return [(e["value"] and e["value"]["op"], e["key"] and e["key"]["id"]) for e in events]


def ids(events):
    return [e["key"]["id"] for e in events]


def topic(s, table="t"):
    return f"{s.rf.pipeline}.{s.db}.{table}"


def json_values(s, count, name=None):
    """The values of a topic that is JSON."""
    def found():
        records = raw_records(s.kafka.direct, [name or topic(s)])
        return records if len(records) >= count else None
    records = wait_for(found, 30, lambda: f"{count} records of JSON\n{s.rf.logged()[-3000:]}", 0.2)
    assert len(records) == count
    return [m.value() and json.loads(m.value()) for m in records]


def stopped(s, code, status=STOPPED):
    """It has ended with that status; the line that says why."""
    assert s.rf.wait(60) == status, s.rf.logged()[-3000:]
    line = [one for one in s.rf.logged().splitlines() if f"code={code}" in one and " error " in one][-1]
    assert line.count(f"{s.db}.") <= 1 and line.replace("XA transaction ", "").count("transaction ") <= 1, f"more than once: {line}"
    assert " transaction " in line or " at " in line or " before " in line, f"nowhere: {line}"
    assert "binlog.event" not in line
    return line


# --- one row at a time ----------------------------------------------------------------

def test_insert_update_and_delete(s):
    start(s, ROW).sql("insert into t values (1, 'x', 1); update t set a = 'y'; delete from t")
    create, update, delete, tombstone = s.records(4)
    assert (create["value"]["op"], create["value"]["before"]) == ("c", None)
    assert create["value"]["after"] == {"id": 1, "a": "x", "b": 1}
    assert update["value"]["before"] == {"id": 1, "a": "x", "b": 1}
    assert update["value"]["after"] == {"id": 1, "a": "y", "b": 1}
    assert delete["value"]["before"] == {"id": 1, "a": "y", "b": 1} and delete["value"]["after"] is None
    assert tombstone["value"] is None and tombstone["key"] == {"id": 1}


def test_a_key_that_changes_is_a_delete_a_tombstone_and_a_create(s):
    start(s, ROW).sql("insert into t values (1, 'x', 1); update t set id = 7")
    events = s.records(4)
    assert ops(events) == [("c", 1), ("d", 1), (None, 1), ("c", 7)]
    assert events[3]["value"]["after"] == {"id": 7, "a": "x", "b": 1}


def test_a_key_is_in_the_order_of_the_key(s):
    start(s, "create table t (a int, b varchar(10), c int, d text, primary key (b, a))")
    s.sql("insert into t values (1, 'b1', 100, 'd'); update t set c = 5; update t set a = 2")
    events = s.records(5)
    assert [list(e["key"].items()) for e in events] == [[("b", "b1"), ("a", 1)]] * 4 + [[("b", "b1"), ("a", 2)]]


def test_a_table_without_a_key_has_records_without_one(s):
    start(s, "create table t (a varchar(10), n int)").sql("insert into t values ('x', 1), ('x', 1); update t set n = 2;"
                                                          "delete from t limit 1")
    events = s.records(5)
    assert {e["key"] for e in events} == {None}
    assert [e["value"]["op"] for e in events] == ["c", "c", "u", "u", "d"]
    assert events[4]["value"]["before"] == {"a": "x", "n": 2}


def test_a_key_by_configuration(s):
    setup = "create table t (a varchar(10), n int, w text)"
    start(s, setup, sink={"key": {f"{s.db}.t": ["n", "a"]}})
    s.sql("insert into t values ('x', 1, 'w'); update t set w = null; update t set n = 2; delete from t")
    events = s.records(7)
    assert [tuple(e["key"].values()) for e in events] == [(1, "x")] * 4 + [(2, "x")] * 3
    assert [e["value"] and e["value"]["op"] for e in events] == ["c", "u", "d", None, "c", "d", None]


def test_statements_of_many_rows(s):
    start(s, ROW).sql("insert into t values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 4)")
    s.sql("update t set b = b + 10 where id <= 3; delete from t where id > 2;"
          "insert into t select id + 100, a, b from t; replace into t values (1, 'again', 0);"
          "insert into t values (2, 'x', 1) on duplicate key update b = 99; insert ignore into t values (2, 'never', 0)")
    found = {}
    for e in s.records(4 + 3 + 4 + 2 + 1 + 1):
        if e["value"]:
            found[e["key"]["id"]] = e["value"]["after"]
    want = {row[0]: dict(zip(("id", "a", "b"), row)) for row in s.sql("select * from t")}
    assert {k: v for k, v in found.items() if v} == want


def test_work_of_triggers_arrives_in_its_order(s):
    start(s, ROW + "create table log_of (id int primary key auto_increment, what text);"
          "create trigger watched after insert on t for each row insert into log_of(what) values (new.a)")
    s.sql("insert into t values (1, 'x', 1), (2, 'y', 2)")
    assert {e["value"]["after"].get("what") for e in s.records(4)} == {None, "x", "y"}


def test_names_that_need_quotes(s):
    start(s, "create table `Odd \"Näme\" 'q'` (id int primary key, `Größe in €` int, `1st` text, `ti``ck` int, `select` int)")
    s.sql("insert into `Odd \"Näme\" 'q'` values (1, 2, 'x', 3, 4)")
    (event,) = s.records(1)
    assert list(event["value"]["after"].values()) == [1, 2, "x", 3, 4]


def test_tables_that_are_excluded_do_not_arrive(s):
    start(s, ROW + "create table secret (id int primary key)", exclude=[f"{s.db}.secret"])
    s.sql("insert into secret values (1); insert into t values (1, 'x', 1); truncate secret")
    assert {e["topic"] for e in s.records(1)} == {topic(s)}


def test_a_default_does_not_turn_null_into_itself(s):
    start(s, "create table t (id int primary key, score int default 42)")
    s.sql("insert into t values (1, null), (2, default)")
    rows = s.after(2)
    assert rows[1]["score"] is None and rows[2]["score"] == 42


# --- tables that change in mid-stream --------------------------------------------------

def test_ddl_between_rows(s):
    start(s, ROW).sql("insert into t values (1, 'x', 1); alter table t add c decimal(8,3); insert into t values (2, 'y', 2, 2.5);"
                      "alter table t drop b; insert into t values (3, 'z', 3.5);"
                      "alter table t change a z text; insert into t values (4, 'r', 4);"
                      "alter table t modify c bigint; insert into t values (5, 's', 5000000000);"
                      "alter table t modify c bigint first; insert into t values (6, 6, 'o');"
                      "alter table t add d int default 7 after id, algorithm = instant; insert into t(id) values (8)")
    rows = s.after(7)
    assert rows[1] == {"id": 1, "a": "x", "b": 1}
    assert {k: str(v) for k, v in rows[2].items()} == {"id": "2", "a": "y", "b": "2", "c": "2.500"}
    assert {k: str(v) for k, v in rows[3].items()} == {"id": "3", "a": "z", "c": "3.500"}
    assert list(rows[4]) == ["id", "z", "c"] and rows[4]["z"] == "r"
    assert rows[5]["c"] == 5_000_000_000
    assert list(rows[6].items()) == [("c", 6), ("id", 6), ("z", "o")]
    assert list(rows[8].items()) == [("c", None), ("id", 8), ("d", 7), ("z", None)]


def test_what_changed_while_it_was_stopped_is_read_as_it_was(s):
    start(s, ROW).sql("insert into t values (1, 'x', 1)")
    s.caught_up().rf.terminate()
    s.sql("insert into t values (2, 'y', 2); alter table t drop a, add c int; insert into t values (3, 3, 3);"
          "drop table t; create table t (id int primary key, other text); insert into t values (4, 'new')")
    s.rf.start()
    rows = s.after(4)
    assert rows[2] == {"id": 2, "a": "y", "b": 2} and rows[3] == {"id": 3, "b": 3, "c": 3}
    assert rows[4] == {"id": 4, "other": "new"}


def test_a_shadow_table_takes_the_place_of_a_table_as_gh_ost_does(s):
    start(s, ROW, tables=[f"{s.db}.t"])
    s.sql("insert into t values (1, 'x', 1), (2, 'y', 2); create table _t_gho like t; alter table _t_gho add c int;"
          "insert into _t_gho select t.*, 0 from t; update t set b = 3 where id = 1;"
          "replace into _t_gho values (1, 'x', 3, 0); rename table t to _t_del, _t_gho to t; drop table _t_del;"
          "insert into t values (3, 'z', 3, 30); update t set c = 1 where id = 1")
    events = s.records(5)
    assert ops(events) == [("c", 1), ("c", 2), ("u", 1), ("c", 3), ("u", 1)]
    assert events[4]["value"]["after"] == {"id": 1, "a": "x", "b": 3, "c": 1}


def test_a_shadow_table_with_triggers_takes_the_place_of_a_table_as_pt_osc_does(s):
    start(s, ROW, tables=[f"{s.db}.t"])
    s.sql("insert into t values (1, 'x', 1), (2, 'y', 2); create table _t_new like t; alter table _t_new modify b bigint;"
          "create trigger osc_ins after insert on t for each row replace into _t_new values (new.id, new.a, new.b);"
          "create trigger osc_upd after update on t for each row replace into _t_new values (new.id, new.a, new.b);"
          "create trigger osc_del after delete on t for each row delete ignore from _t_new where id <=> old.id;"
          "insert low_priority ignore into _t_new select * from t lock in share mode;"
          "update t set b = 10; delete from t where id = 2; insert into t values (3, 'z', 3);"
          "rename table t to _t_old, _t_new to t; drop table _t_old; insert into t values (4, 'w', 5000000000)")
    events = s.records(8)
    assert ops(events) == [("c", 1), ("c", 2), ("u", 1), ("u", 2), ("d", 2), (None, 2), ("c", 3), ("c", 4)]
    assert events[7]["value"]["after"]["b"] == 5_000_000_000


def test_two_tables_swap_their_names(s):
    start(s, ROW + "create table u (id int primary key, only_u int)")
    s.sql("insert into t values (1, 'x', 1); insert into u values (1, 1); rename table t to q, u to t, q to u;"
          "insert into t values (2, 2); insert into u values (2, 'y', 2)")
    found = {(e["topic"], e["key"]["id"]): list(e["value"]["after"]) for e in s.records(4)}
    assert found[topic(s), 1] == found[topic(s, "u"), 2] == ["id", "a", "b"]
    assert found[topic(s, "u"), 1] == found[topic(s), 2] == ["id", "only_u"]


def test_a_table_made_from_a_query_is_captured_from_its_first_row(s):
    start(s, ROW).sql("insert into t values (1, 'x', 1), (2, 'y', 2); create table copied (primary key (id)) select * from t")
    s.sql("update copied set b = 5 where id = 2; drop table copied")
    events = [e for e in s.records(5) if e["topic"].endswith(".copied")]
    assert ops(events) == [("c", 1), ("c", 2), ("u", 2)]
    assert events[1]["value"]["after"] == {"id": 2, "a": "y", "b": 2}


def test_an_alter_in_two_phases_counts_once(on):
    s = on("mariadb")
    start(s, ROW, schema_changes=f"ddl.{s.db}")
    s.sql("set binlog_alter_two_phase = 1; insert into t values (1, 'x', 1); alter table t add c int, algorithm = copy;"
          "insert into t values (2, 'y', 2, 3)")
    rows = s.after(2)
    assert "c" not in rows[1] and rows[2]["c"] == 3
    (said,) = json_values(s, 1, f"ddl.{s.db}")
    assert said["ddl"] == "alter table t add c int, algorithm = copy"


def test_sequences_and_old_versions_of_rows(on):
    s = start(on("mariadb"), "create sequence numbers; create table t (id int primary key default nextval(numbers), a text)"
              " with system versioning")
    s.sql("insert into t(a) values ('x'), ('y'); update t set a = 'z' where id = 1; alter sequence numbers restart 10")
    s.sql("insert into t(a) values ('w')")
    found = [e for e in s.caught_up().so_far() if e["value"]]
    assert {e["topic"] for e in found} == {topic(s)}, "a sequence is no table of rows"
    assert [e["value"]["after"]["a"] for e in found if e["value"]["op"] == "c"][:2] == ["x", "y"]


CASCADE = (ROW + "create table child (id int primary key, t_id int, foreign key (t_id) references t(id) on delete cascade);"
           "insert into t values (1, 'x', 1); insert into child values (10, 1), (11, 1)")


def test_rows_that_a_foreign_key_deletes_arrive_or_check_warns_of_them(s):
    start(s, CASCADE)
    s.sql("delete from t where id = 1; insert into t values (2, 'y', 2)")
    if s.server.kind == "mysql":
        assert sorted(ops(e for e in s.records(7) if e["value"])) == [("c", 2), ("d", 1), ("d", 10), ("d", 11)]
    else:
        assert ops(s.records(3)) == [("d", 1), (None, 1), ("c", 2)]
        assert f"{s.db}.child: rows that foreign key" in s.rf.cli("check").stdout


# --- truncate ---------------------------------------------------------------------------

def test_a_truncate_is_a_line_in_the_log(s):
    start(s, ROW).sql("insert into t values (1, 'x', 1); truncate t; insert into t values (2, 'y', 2)")
    assert ids(s.records(2)) == [1, 2]
    s.rf.logs("truncate", f"{s.db}.t")


def test_a_truncate_is_an_event(s):
    start(s, ROW, sink={"truncate": "emit"})
    s.sql(f"insert into t values (1, 'x', 1); truncate table `{s.db}` . t; insert into t values (2, 'y', 2)")
    assert [(e["value"]["op"], e["key"] and e["key"]["id"]) for e in s.records(3)] == [("c", 1), ("t", None), ("c", 2)]


def test_a_truncate_is_a_stop(s):
    start(s, ROW, sink={"truncate": "stop"})
    s.sql("insert into t values (1, 'x', 1); truncate t; insert into t values (2, 'y', 2)")
    assert f"{s.db}.t" in stopped(s, "E_TRUNCATE", 1)
    assert ids(s.records(1)) == [1]


# --- transactions --------------------------------------------------------------------------

def test_rolled_back_work_never_arrives(s):
    start(s, ROW).sql("begin; insert into t values (1, 'no', 0); rollback")
    s.sql("begin; insert into t values (2, 'yes', 0); savepoint s; insert into t values (3, 'no', 0); rollback to s;"
          "savepoint s; insert into t values (4, 'yes', 0); release savepoint s; commit")
    assert ids(s.records(2)) == [2, 4]


def test_two_tables_in_one_transaction(s):
    start(s, ROW + "create table u (id int primary key, t_id int)")
    s.sql("begin; insert into t values (1, 'x', 1); insert into u values (1, 1); update t set b = 2; delete from u; commit")
    events = s.records(5)
    assert len({e["headers"]["rowferry.id"].split(b"/")[0] for e in events}) == 1
    assert len({e["headers"]["rowferry.id"] for e in events}) == 5


def test_transactions_that_are_compressed(on):
    s = start(on("mysql"), ROW)
    s.sql("set binlog_transaction_compression = on; begin; insert into t select n, repeat('x', 50), n from " + s.server.series(2000) +
          "; update t set b = -b where id <= 10; savepoint p; delete from t where id = 2000; commit; insert into t values (0, 'y', 0)")
    events = s.records(2000 + 10 + 2 + 1)
    assert ops(events)[-3:] == [("d", 2000), (None, 2000), ("c", 0)]
    assert events[-4]["value"]["after"] == {"id": 10, "a": "x" * 50, "b": -10}


def test_events_that_are_compressed(on):
    s = on("mariadb")
    with setting(s.server, "log_bin_compress", "on"), setting(s.server, "log_bin_compress_min_len", 10):
        start(s, ROW).sql("begin; insert into t select n, repeat('x', 50), n from " + s.server.series(2000) +
                          "; update t set b = -b where id <= 10; delete from t where id = 2000; commit")
        events = s.records(2000 + 10 + 2)
    assert ops(events)[-2:] == [("d", 2000), (None, 2000)]
    assert events[-3]["value"]["after"] == {"id": 10, "a": "x" * 50, "b": -10}


def test_the_statement_is_a_header(s):
    start(s, ROW.replace("text", "text character set utf8mb4"), rows_query=True)
    more = "set binlog_rows_query_log_events = on;" if s.server.kind == "mysql" else ""
    s.sql(more + "insert into t values (1, 'ж', 1) /* an order */; update t set b = 2")
    headers = [e["headers"]["rowferry.query"].decode() for e in s.records(2)]
    assert headers == ["insert into t values (1, 'ж', 1) /* an order */", "update t set b = 2"]


def test_schema_changes_have_a_topic(s):
    start(s, ROW, schema_changes=f"ddl.{s.db}")
    s.sql("insert into t values (1, 'x', 1); alter table t add `größe` int; create table u (id int primary key); drop table u")
    said = json_values(s, 3, f"ddl.{s.db}")
    assert [v["databaseName"] for v in said] == [s.db] * 3
    assert said[0]["ddl"] == "alter table t add `größe` int"
    assert said[1]["ddl"].startswith("create table u") and said[2]["ddl"].upper().startswith("DROP TABLE")
    assert len({v["id"] for v in said}) == 3 and all(v["gtid"] and v["pos"] > 4 for v in said)


def test_tagged_gtids_are_places_too(on):
    s = start(on("mysql"), ROW)
    s.sql("set gtid_next = 'automatic:shop'; insert into t values (1, 'x', 1); insert into t values (2, 'x', 1);"
          "set gtid_next = 'automatic'; insert into t values (3, 'x', 1)")
    events = s.records(3)
    assert [":shop:" in e["value"]["source"]["gtid"] for e in events] == [True, True, False]
    s.caught_up()
    assert ":shop:" in s.rf.positions()["events"]
    s.rf.kill9()
    s.sql("set gtid_next = 'automatic:other'; insert into t values (4, 'x', 1)")
    s.rf.start()
    assert ids(s.records(4)) == [1, 2, 3, 4]


def test_gtids_of_many_domains_are_places_too(on):
    s = start(on("mariadb"), ROW)
    s.sql("insert into t values (1, 'x', 1); set session gtid_domain_id = 7; insert into t values (2, 'x', 1);"
          "set session server_id = 42; insert into t values (3, 'x', 1)")
    assert [e["value"]["source"]["gtid"].split("-")[0] for e in s.records(3)] == ["0", "7", "7"]
    s.caught_up().rf.kill9()
    s.sql("set session gtid_domain_id = 9; insert into t values (4, 'x', 1)")
    s.rf.start()
    assert ids(s.records(4)) == [1, 2, 3, 4]


# --- row images ----------------------------------------------------------------------------

def image(s, which, text):
    s.sql(f"set binlog_row_image = {which}; {text}")


def test_a_minimal_image_leaves_fields_out_of_json(s):
    start(s, ROW, sink={"format": "json", "registry": None})
    image(s, "MINIMAL", "insert into t values (1, 'x', 1); update t set a = 'y'; update t set a = null; update t set b = 2;"
          "update t set id = 9; delete from t")
    values = json_values(s, 9)
    assert values[0]["after"] == {"id": 1, "a": "x", "b": 1}
    assert values[1]["after"] == {"id": 1, "a": "y"} and values[1]["before"] is None
    assert values[2]["after"] == {"id": 1, "a": None}
    assert values[3]["after"] == {"id": 1, "a": UNAVAILABLE, "b": 2}
    assert [v and v["op"] for v in values[4:]] == ["d", None, "c", "d", None]


def test_a_number_that_was_not_sent_stops_with_avro(s):
    start(s, ROW)
    image(s, "MINIMAL", "insert into t values (1, 'x', 1); update t set b = 5; update t set a = 'y'; update t set b = 6")
    line = stopped(s, "E_VALUE", 1)
    assert f"{s.db}.t" in line and "column b" in line
    create, update = s.records(2)
    assert update["value"]["after"] == {"id": 1, "a": UNAVAILABLE, "b": 5}


def test_an_image_without_blobs_marks_what_did_not_change(s):
    start(s, ROW)
    image(s, "NOBLOB", "insert into t values (1, 'x', 1); update t set b = 2; update t set a = 'y'; delete from t")
    events = s.records(5)
    assert [e["value"]["after"]["a"] for e in events[:3]] == ["x", UNAVAILABLE, "y"]
    assert ops(events) == [("c", 1), ("u", 1), ("u", 1), ("d", 1), (None, 1)]


# --- what the log has as text ---------------------------------------------------------------

STATEMENT = "set binlog_format = STATEMENT; insert into t values (2, 'by statement', 2)"


def test_a_statement_without_rows_stops_behind_what_came_before(s):
    start(s, ROW).sql("insert into t values (1, 'x', 1)")
    s.sql(STATEMENT)
    s.sql("insert into t values (3, 'y', 3)")
    assert "by statement" in stopped(s, "E_STATEMENT")
    assert ids(s.records(1)) == [1]
    s.rf.start()
    stopped(s, "E_STATEMENT")
    assert ids(s.records(1)) == [1], "a restart does not pass it"
    s.rf.config["source"]["statements"] = "warn"
    s.rf.write_config()
    s.rf.start()
    assert ids(s.records(2)) == [1, 3]
    s.rf.logs("E_STATEMENT", "not delivered", timeout=1)


def test_a_statement_in_another_database_is_none_of_ours_where_the_log_says_so(s, new_db):
    start(s, ROW)
    other = new_db(s.server)
    s.server.sql(ROW + STATEMENT, other)
    if s.server.kind == "mariadb":  # its log names the session's database only: a trigger may have written to ours
        stopped(s, "E_STATEMENT")
        return
    s.sql("insert into t values (1, 'x', 1)")
    assert ids(s.records(1)) == [1]


@pytest.mark.parametrize("engine", ["MyISAM", "MEMORY"])
def test_a_table_without_transactions_stops_unless_it_is_accepted(s, engine):
    start(s, "create table t (id int primary key, b int)")
    s.sql("insert into t values (1, 1)")
    s.sql(f"create table u (id int primary key, b int) engine = {engine}; insert into u values (2, 2)")
    assert f"{s.db}.u" in stopped(s, "E_NOT_TRANSACTIONAL")
    assert ids(s.records(1)) == [1]
    s.rf.config["source"]["nontransactional"] = "accept"
    s.rf.write_config()
    s.sql("insert into t values (3, 3); update u set b = 5")
    s.rf.start()
    assert sorted(ops(s.records(4))) == [("c", 1), ("c", 2), ("c", 3), ("u", 2)]


LESS = [("mysql", "MINIMAL"), ("mariadb", "MINIMAL"), ("mariadb", "NO_LOG")]


@pytest.mark.parametrize("server, metadata", LESS)
def test_a_log_that_does_not_name_columns_is_read_with_the_catalogue(on, server, metadata):
    s = on(server)
    with setting(s.server, "binlog_row_metadata", f"'{metadata}'"):
        start(s, "create table t (id bigint unsigned primary key, a text character set latin1, e enum('p', 'q'), w set('x', 'y'));")
        s.sql("insert into t values (18446744073709551615, 'é', 'q', 'x,y'); update t set a = 'ü'; delete from t")
        create, update, delete, tombstone = s.records(4)
    assert {k: str(v) for k, v in update["value"]["after"].items()} == {"id": "18446744073709551615", "a": "ü", "e": "q", "w": "x,y"}
    assert update["value"]["before"]["a"] == "é" and [*create["key"]] == ["id"]


@pytest.mark.parametrize("server, metadata", LESS)
def test_where_the_catalogue_may_have_changed_since_it_stops(on, server, metadata):
    s = on(server)
    with setting(s.server, "binlog_row_metadata", f"'{metadata}'"):
        start(s, ROW + "create table u (id int primary key)").sql("insert into t values (1, 'x', 1)")
        assert ids(s.records(1)) == [1]
        s.caught_up().rf.terminate()
        s.sql("insert into u values (5); insert into t values (2, 'y', 2); alter table t change a z text")
        s.rf.start()
        line = stopped(s, "E_ROW_METADATA")
        assert f"{s.db}.t" in line and "alter table t" in line
        assert sorted(ids(s.records(2))) == [1, 5]


@pytest.mark.parametrize("server, metadata", LESS)
def test_what_was_read_ahead_for_one_table_is_kept_for_the_next(on, server, metadata):
    s = on(server)
    with setting(s.server, "binlog_row_metadata", f"'{metadata}'"):
        start(s, "".join(f"create table {t} (id int primary key); " for t in "tuvw")).caught_up().rf.terminate()
        s.rf.config["log"] = {"level": "debug"}
        s.rf.write_config()
        s.sql("insert into t values (1); insert into u values (2); insert into v values (3); insert into w values (4); "
              "alter table w change id k int; insert into t values (5)")
        s.rf.start()
        assert f"{s.db}.w" in stopped(s, "E_ROW_METADATA")
        assert sorted(ids(s.records(3))) == [1, 2, 3]
    reads = re.findall(r"table=(\w) the log was read ahead from (\d+/\d+) to (\d+/\d+)", s.rf.logged())
    assert [table for table, _, _ in reads] == ["t", "u", "v", "w"]
    end = reads[0][2]
    assert all((begin, to) == (end, end) for _, begin, to in reads[1:3]), reads


def test_a_statement_right_behind_a_compressed_transaction_is_seen(on):
    s = on("mysql")
    with setting(s.server, "binlog_row_metadata", "'MINIMAL'"), setting(s.server, "binlog_transaction_compression", "1"):
        start(s, "create table t (id int primary key, a text)").caught_up().rf.terminate()
        s.sql("insert into t values (1, repeat('x', 1000)); alter table t change a z text")
        s.rf.start()
        assert "alter table t" in stopped(s, "E_ROW_METADATA")


OLD_TIMES = "create table {} (id int primary key, t time{}, d datetime, s timestamp null, n int);"


@pytest.mark.parametrize("metadata", ["FULL", "MINIMAL"])
def test_times_in_an_old_form_are_read_unless_they_have_fractions(on, metadata):
    """How long a fraction is, the log does not say, so nothing behind it can be told."""
    s = on("mariadb")
    with setting(s.server, "binlog_row_metadata", f"'{metadata}'"), setting(s.server, "mysql56_temporal_format", "off"):
        start(s, OLD_TIMES.format("t", "") + OLD_TIMES.format("u", "(3)"))
        s.sql("insert into t values (1, '-12:34:56', '2024-02-29 12:34:56', '2024-02-29 12:34:56', 7)")
        (event,) = s.records(1)
        assert event["value"]["after"] == {"id": 1, "t": -45296000000, "d": 1709210096000, "s": "2024-02-29T12:34:56Z", "n": 7}
        s.sql("insert into u values (1, '12:34:56.789', '2024-02-29 12:34:56', '2024-02-29 12:34:56', 7)")
        line = stopped(s, "E_TYPE", 1)
    assert f"{s.db}.u" in line and "column t:" in line
    s.records(1)


# --- XA --------------------------------------------------------------------------------------

@pytest.fixture
def xa(s):
    """Prepares XA transactions, each in a connection of its own; none of them outlives the test."""
    opened, server = {}, s.server

    def prepare(name, *texts, phase="xa end '{0}'; xa prepare '{0}'"):
        c = server.connect(s.db)
        opened[name] = c
        for one in (f"xa start '{name}'", *texts, *phase.format(name).split("; ")):
            c.execute(one)

    def decide(name, how):
        opened[name].close()                  # the server gives it free when the connection has ended
        def done():
            try:
                server.sql(f"xa {how} '{name}'", s.db)
                return True
            except Exception as why:
                assert "1397" in str(why) or "1399" in str(why), why
        wait_for(done, 20, f"xa {how} {name}")
    yield prepare, decide
    for c in opened.values():
        with contextlib.suppress(Exception):
            c.close()
    def none_left():
        left = server.sql("xa recover")
        for _, gtrid, bqual, data in left:
            with contextlib.suppress(Exception):
                server.sql(f"xa rollback '{data}'")
        return not left
    wait_for(none_left, 20, "no XA transaction is left")


def test_xa_rows_come_with_the_commit(s, xa):
    prepare, decide = xa
    start(s, ROW)
    prepare("one", "insert into t values (1, 'xa', 1), (2, 'xa', 2)", "update t set b = 5 where id = 2")
    s.sql("insert into t values (3, 'between', 3)")
    assert ids(s.records(1)) == [3]
    decide("one", "commit")
    s.sql("insert into t values (4, 'after', 4)")
    assert ops(s.records(5)) == [("c", 3), ("c", 1), ("c", 2), ("u", 2), ("c", 4)]


def test_xa_that_is_rolled_back_never_arrives(s, xa):
    prepare, decide = xa
    start(s, ROW)
    prepare("no", "insert into t values (1, 'no', 1)")
    decide("no", "rollback")
    prepare("never", "insert into t values (1, 'no', 1)", phase="xa end '{0}'; xa rollback '{0}'")
    s.sql("insert into t values (2, 'yes', 2)")
    assert ids(s.records(1)) == [2]


def test_xa_in_one_phase(s, xa):
    prepare, _ = xa
    start(s, ROW)
    prepare("single", "insert into t values (1, 'x', 1)", phase="xa end '{0}'; xa commit '{0}' one phase")
    s.sql("insert into t values (2, 'y', 2)")
    assert ids(s.records(2)) == [1, 2]


def test_two_xa_at_once(s, xa):
    prepare, decide = xa
    start(s, ROW)
    prepare("a", "insert into t values (1, 'a', 1)")
    prepare("b", "insert into t values (2, 'b', 2)")
    prepare("c", "insert into t values (3, 'c', 3)")
    s.sql("insert into t values (4, 'between', 4)")
    decide("b", "commit")
    decide("c", "rollback")
    decide("a", "commit")
    assert ids(s.records(3)) == [4, 2, 1]


@pytest.mark.parametrize("how", ["terminate", "kill9"])
def test_xa_is_remembered_over_a_restart(s, xa, how):
    prepare, decide = xa
    start(s, ROW)
    prepare("long", "insert into t select n, 'xa', n from " + s.server.series(3000))
    s.sql("insert into t values (5000, 'between', 0)")
    s.records(1)
    s.caught_up()
    getattr(s.rf, how)()
    s.server.flush_logs()
    s.sql("insert into t values (5001, 'next file', 0)")
    s.rf.start()
    s.records(2)
    decide("long", "commit")
    assert ids(s.records(3002)) == [5000, 5001, *range(1, 3001)]


def test_xa_whose_rows_were_purged_stops_behind_all_that_came_before(s, xa):
    prepare, decide = xa
    start(s, ROW)
    prepare("old", "insert into t values (1, 'lost', 1)")
    s.sql("insert into t values (2, 'x', 2)")
    s.caught_up()
    s.server.purge()
    s.sql("insert into t values (3, 'y', 3)")
    decide("old", "commit")
    s.sql("insert into t values (4, 'z', 4)")
    stopped(s, "E_XA_ROWS_LOST")
    assert ids(s.records(2)) == [2, 3]


def test_status_says_no_while_rows_of_an_open_xa_are_purged(s, xa):
    prepare, decide = xa
    start(s, ROW)
    prepare("old", "insert into t values (1, 'lost', 1)")
    s.sql("insert into t values (2, 'x', 2)")
    s.records(1)
    s.caught_up()
    assert s.rf.cli("status").returncode == 0
    s.server.purge()
    done = s.rf.cli("status")
    assert done.returncode == 1 and "E_XA_ROWS_LOST" in done.stdout and "next: roll it back" in done.stdout, done.stdout
    assert json.loads(s.rf.cli("status", "--json").stdout)["sinks"][0]["error"]["code"] == "E_XA_ROWS_LOST"
    assert s.rf.cli("check").returncode and "E_XA_ROWS_LOST" in s.rf.cli("check").stdout
    decide("old", "rollback")
    s.sql("insert into t values (3, 'y', 3)")
    s.records(2)
    s.caught_up()
    assert s.rf.cli("status").returncode == 0


# --- large -------------------------------------------------------------------------------------

def peak(rf):
    """VmHWM: the most memory that the process ever had, in KiB."""
    with open(f"/proc/{rf.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


@pytest.mark.parametrize("server, how", [("mariadb", "do 0"), ("mysql", "do 0"),
                                         ("mysql", "set binlog_transaction_compression = on")],
                         ids=["mariadb", "mysql", "mysql-compressed"])
def test_a_big_transaction_takes_no_more_memory_than_a_small_one(on, server, how):
    """A compressed one is one event of the log, and has to be at hand as that."""
    rows = 5_000_000 if soak(0) else 200_000
    s = start(on(server), "create table t (id bigint primary key, a text, n int)")
    before = s.server.binlogs()
    s.sql(f"{how}; insert into t select n, concat(sha2(n, 256), repeat('x', 100)), n % 7 from {s.server.series(rows)}")
    written = sum(size for _, size in s.server.binlogs()) - sum(size for _, size in before)
    s.rf.wait_passed(s.server, s.db, 600)
    used = peak(s.rf)
    print(f"{rows} rows in one transaction of {written >> 20} MiB: {used / 1024:.0f} MiB")
    assert used < MOST_KIB + ("compression" in how) * 2 * (written >> 10)
    seen, schemas = bytearray(rows + 1), Schemas(s.registry.url)
    for m in each_record(s.kafka.direct, [topic(s)], timeout=120):
        seen[schemas.decode(m.key())["id"]] += 1
    assert seen[0] == 0 and seen.count(1) == rows


def test_a_row_of_five_megabytes(s):
    start(s, "create table t (id int primary key, a longtext, b longblob)",
          sink={"options": {"message.max.bytes": 30_000_000}, "topic_options": {"max.message.bytes": 30_000_000}})
    s.sql("insert into t values (1, repeat('é', 2500000), null)")
    s.sql("insert into t values (2, null, repeat(x'00', 5000000))")
    rows = s.after(2)
    assert rows[1]["a"] == "é" * 2_500_000 and rows[2]["b"] == bytes(5_000_000)


def test_writers_in_many_connections_arrive_once_each(s):
    """Group commit: many transactions in one write of the log."""
    start(s, ROW)

    def write(writer):
        with s.server.connect(s.db) as c:
            for n in range(50):
                c.execute("insert into t values (%s, 'x', %s)", (writer * 1000 + n, n))
    threads = [threading.Thread(target=write, args=(w,)) for w in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(ids(s.records(400))) == sorted(w * 1000 + n for w in range(8) for n in range(50))
