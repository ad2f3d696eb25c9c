"""What the Kafka sink writes and when it stops: formats, keys, truncates, partitions, topics, large messages."""
import json

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions

from support.readers import raw_records

ROW = "create table t (id int primary key, a text, n int);"
EXIT_NO, EXIT_CONFIG, EXIT_REFUSED = 1, 2, 4


def topic(s, table="t"):
    return f"{s.rf.pipeline}.public.{table}"


def stopped(s, status, *words):
    assert s.rf.wait(45) == status, s.rf.logged()[-3000:]
    return s.rf.logs(*words, timeout=1)


# --- formats and envelopes ---------------------------------------------------------

def test_json_needs_no_registry(stream15):
    s = stream15.start(ROW, sink={"format": "json", "registry": None})
    s.sql("insert into t values (1, '€ \"x\"', 2); delete from t")
    s.rf.wait_passed(s.pg, s.db)
    records = raw_records(s.kafka.direct, [topic(s)])
    assert [json.loads(m.key()) for m in records] == [{"id": 1}] * 3
    values = [m.value() and json.loads(m.value()) for m in records]
    assert values[0]["op"] == "c" and values[0]["after"] == {"id": 1, "a": '€ "x"', "n": 2}
    assert values[1]["op"] == "d" and values[2] is None


def test_the_plain_envelope_is_the_row_with_three_fields(stream15):
    s = stream15.start(ROW, sink={"envelope": "plain", "tombstones": False})
    s.sql("insert into t values (1, 'x', 2); update t set a = null; delete from t")
    create, update, delete = [e["value"] for e in s.records(3)]
    assert {k: v for k, v in create.items() if k != "__ts_us"} == {
        "id": 1, "a": "x", "n": 2, "__op": "c", "__id": create["__id"]}
    assert update["a"] is None and update["__op"] == "u"
    assert delete["id"] == 1 and delete["__op"] == "d" and delete["n"] is None
    assert [e["headers"]["rowferry.id"].decode() for e in s.records(3)] == [
        v["__id"] for v in (create, update, delete)]


def test_a_configured_key(stream15):
    s = stream15.start(ROW + "alter table t replica identity full",
                       sink={"key": {"public.t": ["n", "a"]}, "partitions": 1})
    s.sql("insert into t values (1, 'x', 2); update t set a = 'y'")
    events = s.records(4)
    assert [e["key"] for e in events] == [{"n": 2, "a": "x"}] * 3 + [{"n": 2, "a": "y"}]
    assert [e["value"] and e["value"]["op"] for e in events] == ["c", "d", None, "c"]


# --- truncate ------------------------------------------------------------------------

def test_a_truncate_is_a_line_in_the_log(stream15):
    s = stream15.start(ROW + "create table u (id int primary key)")
    s.sql("insert into t values (1, 'x', 1); truncate t, u; insert into t values (2, 'y', 2)")
    assert set(s.after(2)) == {1, 2}
    s.rf.logs(" warn ", "table=public.t", "position=", "truncated")
    s.rf.logs(" warn ", "table=public.u", "truncated")


def test_a_truncate_as_an_event_goes_to_every_partition(stream15):
    s = stream15.start(ROW, sink={"truncate": "emit", "partitions": 3})
    s.sql("insert into t values (1, 'x', 1); truncate t")
    events = [e for e in s.records(4) if e["value"]["op"] == "t"]
    assert {e["partition"] for e in events} == {0, 1, 2}
    assert {e["key"] for e in events} == {None}


def test_a_truncate_that_stops(stream15):
    s = stream15.start(ROW, sink={"truncate": "stop"})
    s.sql("insert into t values (1, 'x', 1); truncate t; insert into t values (2, 'y', 2)")
    line = stopped(s, EXIT_NO, "E_TRUNCATE")
    assert "public.t" in line
    assert set(s.after(1)) == {1}, "what came before it is delivered, and nothing behind it"


# --- topics ----------------------------------------------------------------------------

def test_a_topic_is_made_as_configured(stream15):
    s = stream15.start(ROW, sink={"partitions": 5, "topic_options": {"retention.ms": 123456789}})
    s.sql("insert into t values (1, 'x', 1)")
    s.records(1)
    admin = s.kafka.admin()
    assert len(admin.list_topics(timeout=10).topics[topic(s)].partitions) == 5
    (future,) = admin.describe_configs([ConfigResource("topic", topic(s))]).values()
    assert future.result(20)["retention.ms"].value == "123456789"
    (future,) = admin.describe_configs(
        [ConfigResource("topic", f"rowferry.{s.rf.pipeline}.events.offsets")]).values()
    assert future.result(20)["cleanup.policy"].value == "compact"


def test_a_topic_that_may_not_be_made_is_named(stream15):
    s = stream15.start(ROW, sink={"create_topics": False})
    s.sql("insert into t values (1, 'x', 1)")
    line = stopped(s, EXIT_CONFIG, "E_TOPIC_MISSING")
    assert topic(s) in line
    s.kafka.create_topic(topic(s), 2)
    s.start()
    assert set(s.after(1)) == {1}


def test_another_number_of_partitions_is_refused_until_accepted(stream15):
    s = stream15.start(ROW, sink={"partitions": 2})
    s.sql("insert into t select g, 'x', g from generate_series(1, 20) g")
    s.records(20)
    s.rf.terminate()
    admin = s.kafka.admin()                 # it must live as long as its futures
    for future in admin.create_partitions([NewPartitions(topic(s), 4)]).values():
        future.result(20)
    s.sql("insert into t values (99, 'y', 1)")
    s.rf.start()
    line = stopped(s, EXIT_REFUSED, "E_PARTITIONS_CHANGED")
    assert topic(s) in line and len(s.so_far()) == 20
    s.rf.config["sinks"][0]["accept_repartition"] = True
    s.rf.write_config()
    s.start()
    assert 99 in s.after(21)


def test_two_tables_that_would_share_a_topic_are_an_error(stream15):
    s = stream15.prepare('create table "a b" (id int primary key); create table "a_b" (id int primary key)')
    s.rf.start()
    s.rf.logs("guarantee=")
    s.sql('insert into "a b" values (1); insert into "a_b" values (2)')
    line = stopped(s, EXIT_CONFIG, "E_NAME_COLLISION")
    assert "a_b" in line


def test_two_columns_that_would_share_a_field_are_an_error(stream15):
    s = stream15.start('create table t (id int primary key, "a-b" int, "a_b" int)')
    s.sql("insert into t values (1, 2, 3)")
    stopped(s, EXIT_CONFIG, "E_NAME_COLLISION")


# --- what does not fit ---------------------------------------------------------------------

@pytest.mark.parametrize("where", ["producer", "broker"])
def test_a_message_that_is_too_large_is_named_and_can_be_let_through(stream15, where):
    sink = {} if where == "producer" else {"options": {"message.max.bytes": 20_000_000}}
    s = stream15.start(ROW, sink=sink)
    s.sql("insert into t values (1, 'x', 1); insert into t values (2, repeat('x', 3000000), 2);"
          "insert into t values (3, 'y', 3)")
    line = stopped(s, EXIT_NO, "E_MESSAGE_TOO_LARGE")
    assert "public.t" in line and "bytes" in line
    if where == "broker":                   # the topic exists by now, so its setting must be raised
        change = ConfigResource("topic", topic(s), incremental_configs=[ConfigEntry(
            "max.message.bytes", "20000000", incremental_operation=AlterConfigOpType.SET)])
        admin = s.kafka.admin()
        for future in admin.incremental_alter_configs([change]).values():
            future.result(20)
    else:
        s.rf.config["sinks"][0]["options"] = {"message.max.bytes": 20_000_000}
        s.rf.config["sinks"][0]["topic"] = s.rf.pipeline + ".big.{table}"
        s.rf.config["sinks"][0]["topic_options"] = {"max.message.bytes": 20_000_000}
        s.rf.write_config()
    s.start()
    s.rf.wait_passed(s.pg, s.db)
    ids = sorted(e["key"]["id"] for e in s.so_far())
    assert ids == [1, 2, 3], "each once, before and behind the large one"


# --- tables come, go and come back -----------------------------------------------------------

def test_a_table_dropped_with_rows_still_in_the_log(stream15):
    s = stream15.start(ROW + "create table gone (id int primary key, a text not null)")
    s.rf.terminate()
    s.sql("insert into gone values (1, 'x'); update gone set a = 'y'; drop table gone;"
          "insert into t values (2, 'z', 1)")
    s.start()
    assert {e["key"]["id"] for e in s.records(3)} == {1, 2}


def test_a_table_dropped_and_made_again_with_another_shape(stream15):
    s = stream15.start(ROW + "create table other (id int primary key)")
    s.sql("insert into t values (1, 'x', 1); drop table t; create table t (id int primary key, b bytea)")
    s.rf.logs(" warn ", "table=public.t ", "joins", timeout=60)
    s.sql(r"insert into t values (2, '\x00ff')")
    rows = s.after(2)
    assert rows[1] == {"id": 1, "a": "x", "n": 1} and rows[2] == {"id": 2, "b": b"\x00\xff"}


def test_a_label_added_to_an_enum_in_mid_stream(stream15):
    s = stream15.start("create type mood as enum ('sad', 'ok');"
                       "create table t (id int primary key, m mood)")
    s.sql("insert into t values (1, 'ok')")
    s.sql("alter type mood add value 'great'")
    s.sql("insert into t values (2, 'great')")
    assert {k: v["m"] for k, v in s.after(2).items()} == {1: "ok", 2: "great"}


def test_a_column_made_nullable_and_back(stream15):
    s = stream15.start("create table t (id int primary key, a text not null)")
    s.sql("insert into t values (1, 'x')")
    s.sql("alter table t alter a drop not null; insert into t values (2, null)")
    s.sql("update t set a = 'y' where id = 2; alter table t alter a set not null; insert into t values (3, 'z')")
    events = s.records(4)
    assert [e["value"]["after"]["a"] for e in sorted(events, key=lambda e: e["headers"]["rowferry.id"])] == [
        "x", None, "y", "z"]


def test_a_primary_key_that_changes_its_column(stream15):
    s = stream15.start(ROW, sink={"partitions": 1})
    s.sql("insert into t values (1, 'x', 7)")
    s.sql("alter table t drop constraint t_pkey; alter table t add primary key (n)")
    s.sql("insert into t values (2, 'y', 8); update t set a = 'z' where n = 8")
    assert [e["key"] for e in s.records(3)] == [{"id": 1}, {"n": 8}, {"n": 8}]
