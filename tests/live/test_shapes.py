"""Tables change their shape in mid-stream; rows that are not sent whole; odd names."""
from support.readers import read_prefix

UNAVAILABLE = "__debezium_unavailable_value"


ROW = "create table t (id int primary key, a text, b int);"


def test_a_column_added_in_mid_stream(stream):
    stream.start(ROW).sql("insert into t values (1, 'x', 1); alter table t add c numeric(8,3);"
                          "insert into t values (2, 'y', 2, 2.5)")
    rows = stream.after(2)
    assert set(rows[1]) == {"id", "a", "b"}
    assert str(rows[2]["c"]) == "2.500"


def test_a_column_dropped_in_mid_stream(stream):
    stream.start(ROW).sql("insert into t values (1, 'x', 1)")
    stream.sql("alter table t drop b")
    stream.sql("insert into t values (2, 'y')")
    rows = stream.after(2)
    assert rows[1]["b"] == 1 and set(rows[2]) == {"id", "a"}


def test_a_column_renamed_in_mid_stream(stream):
    stream.start(ROW).sql("insert into t values (1, 'x', 1)")
    stream.sql("alter table t rename a to z")
    stream.sql("insert into t values (2, 'y', 2)")
    rows = stream.after(2)
    assert rows[1]["a"] == "x" and rows[2]["z"] == "y" and "a" not in rows[2]


def test_a_column_that_changes_its_type_in_mid_stream(stream):
    stream.start(ROW, sink={}).sql("insert into t values (1, 'x', 1)")
    stream.sql("alter table t alter b type bigint")
    stream.sql("insert into t values (2, 'y', 5000000000)")
    rows = stream.after(2)
    assert rows[1]["b"] == 1 and rows[2]["b"] == 5_000_000_000


def test_a_change_of_shape_inside_a_transaction(stream):
    stream.start(ROW).sql("begin; insert into t values (1, 'x', 1); alter table t add c text;"
                          "insert into t values (2, 'y', 2, 'new'); alter table t drop c;"
                          "insert into t values (3, 'z', 3); commit")
    rows = stream.after(3)
    assert ("c" in rows[1], rows[2]["c"], "c" in rows[3]) == (False, "new", False)


def test_a_default_does_not_turn_null_into_itself(stream):
    stream.start("create table t (id int primary key, score int default 42)")
    stream.sql("insert into t values (1, null), (2, default)")
    rows = stream.after(2)
    assert rows[1]["score"] is None and rows[2]["score"] == 42


def test_an_unchanged_toast_value_is_told_apart_from_null(stream):
    stream.start("create table t (id int primary key, n int, big text);"
                 "alter table t alter big set storage external")
    stream.sql("insert into t values (1, 1, repeat('x', 9000))")
    stream.sql("update t set n = 2")
    stream.sql("update t set big = null")
    states = [e["value"]["after"]["big"] for e in stream.records(3)]
    assert states == ["x" * 9000, UNAVAILABLE, None]


def test_replica_identity_full_gives_the_row_before(stream):
    stream.start(ROW + "alter table t replica identity full")
    stream.sql("insert into t values (1, 'x', 1)")
    stream.sql("update t set a = 'y'")
    stream.sql("delete from t")
    create, update, delete, tombstone = stream.records(4)
    assert create["value"]["before"] is None
    assert update["value"]["before"] == {"id": 1, "a": "x", "b": 1}
    assert update["value"]["after"] == {"id": 1, "a": "y", "b": 1}
    assert delete["value"]["op"] == "d" and delete["value"]["after"] is None
    assert delete["value"]["before"] == {"id": 1, "a": "y", "b": 1}
    assert tombstone["value"] is None and tombstone["key"] == {"id": 1}


def test_replica_identity_default_gives_only_what_was_sent(stream):
    stream.start(ROW).sql("insert into t values (1, 'x', 1)")
    stream.sql("update t set a = 'y'")
    stream.sql("delete from t")
    _, update, delete, tombstone = stream.records(4)
    assert update["value"]["before"] is None and update["value"]["op"] == "u"
    assert delete["value"]["op"] == "d" and delete["key"] == {"id": 1}
    assert tombstone["value"] is None


def test_a_key_that_changes_is_a_delete_a_tombstone_and_a_create(stream):
    stream.start(ROW, sink={"partitions": 1}).sql("insert into t values (1, 'x', 1)")
    stream.sql("update t set id = 7")
    create, delete, tombstone, again = stream.records(4)
    assert (delete["value"]["op"], delete["key"]["id"]) == ("d", 1)
    assert tombstone["value"] is None and tombstone["key"]["id"] == 1
    assert (again["value"]["op"], again["key"]["id"]) == ("c", 7)
    assert again["value"]["after"] == {"id": 7, "a": "x", "b": 1}


def test_a_replica_identity_index_makes_the_key(stream):
    stream.start("create table t (id int primary key, code text not null);"
                 "create unique index t_code on t(code);"
                 "alter table t replica identity using index t_code")
    stream.sql("insert into t values (1, 'a')")
    stream.sql("update t set id = 2")
    stream.sql("delete from t")
    events = stream.records(4)
    assert [e["value"] and e["value"]["op"] for e in events] in (["c", "u", "d", None],)


def test_a_table_without_a_key_has_records_without_one(stream):
    stream.start("create table t (a text, n int)", keyless="inserts")
    stream.sql("insert into t values ('x', 1), ('x', 1)")
    events = stream.records(2)
    assert [e["key"] for e in events] == [None, None]
    assert all(e["value"]["after"] == {"a": "x", "n": 1} for e in events)


def test_names_that_need_quotes(stream):
    stream.start('create table "Odd Name" (id int primary key, "Größe in €" int, "1st" text)')
    stream.sql('insert into "Odd Name" values (1, 2, \'x\')')
    (event,) = stream.records(1)
    assert list(event["value"]["after"].values()) == [1, 2, "x"]


def test_rolled_back_work_never_arrives(stream):
    stream.start(ROW).sql("begin; insert into t values (1, 'no', 0); rollback")
    stream.sql("begin; insert into t values (2, 'yes', 0); savepoint s;"
               "insert into t values (3, 'no', 0); rollback to s; commit")
    assert set(stream.after(1)) == {2}


def test_tables_that_are_excluded_do_not_arrive(stream, kafka, registry):
    stream.start(ROW + "create table secret (id int primary key)", exclude=["public.secret"])
    stream.sql("insert into secret values (1)")
    stream.sql("insert into t values (1, 'x', 1)")
    stream.records(1)
    assert {e["topic"] for e in read_prefix(kafka, registry, stream.rf.pipeline)} == {
        f"{stream.rf.pipeline}.public.t"}


def test_one_row_of_a_megabyte(stream):
    stream.start(ROW, sink={"options": {"message.max.bytes": 8000000}})
    stream.sql("insert into t values (1, repeat('é', 400000), 1)")
    assert stream.after(1)[1]["a"] == "é" * 400000
