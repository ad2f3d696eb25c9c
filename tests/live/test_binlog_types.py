"""Every type of a MySQL or MariaDB column, decoded by fastavro, against what the server's own SELECT says of it."""
import math
from dataclasses import dataclass
from datetime import datetime

import pytest

from support.binlog_columns import CASES, bits, cases_of, number, session, sets_of, statements
from support.readers import await_events, latest_schema

BIG = {"partitions": 1, "options": {"message.max.bytes": 4000000}}


# --- one run for all types ---------------------------------------------------------

@pytest.fixture(scope="module")
def stage():
    """What one run for all types has brought on each server: a table for each type, a row for each value."""
    return {}


@dataclass
class Run:
    db: str
    rf: object
    rows: dict                     # {table: {id: the row after}}


def run_all(stage, server, kafka, registry, new_db, pipelines):
    if server.kind not in stage:
        stage[server.kind] = None  # a run that fails is not tried again for each type
        db = server.create_db()
        setup, rows, count = statements(server, cases_of(server))
        server.sql(session(server) + "; ".join(setup), db)
        rf = pipelines.to_kafka(server, db, kafka, registry, sink=BIG).start()
        rf.wait_streaming(server, db)
        for one in rows:
            server.sql(session(server) + one, db)
        rf.wait_passed(server, db, 120)
        events = await_events(kafka, registry, rf.pipeline + ".", count)
        assert len(events) == count, f"{len(events)} of {count} records\n{rf.logged()[-3000:]}"
        found = {}
        for e in events:
            found.setdefault(e["topic"].rpartition(".")[2], {})[e["key"]["id"]] = e["value"]["after"]
        stage[server.kind] = Run(db, rf, found)
    assert stage[server.kind], "the run of all types failed"
    return stage[server.kind]


@pytest.fixture
def run(stage, my_any, kafka, registry, new_db, pipelines):
    return run_all(stage, my_any, kafka, registry, new_db, pipelines)


def told(server, db, query):
    """The first column as text, read in UTC."""
    rows = server.sql(session(server) + query, db)
    return [None if v is None else v if isinstance(v, str) else v.decode() if isinstance(v, bytes) else repr(v) for (v,) in rows]


@pytest.mark.parametrize("name", CASES)
def test_a_type_keeps_its_values(name, run, my_any):
    if name not in cases_of(my_any):
        pytest.skip(f"only {CASES[name].only} has {name}")
    case, table = CASES[name], f"t{list(cases_of(my_any)).index(name)}"
    texts = told(my_any, run.db, f"select {case.asks} from {table} order by id")
    got = [run.rows[table][n]["v"] for n in range(len(case.values) + 1)]
    assert got == [None if t is None else case.reads(t) for t in texts]
    assert [type(v) for v in got] == [type(None if t is None else case.reads(t)) for t in texts]
    if case.reads is number:
        assert [math.copysign(1, v) for v in got[:-1]] == [math.copysign(1, float(t)) for t in texts[:-1]]


def test_bit_fields_of_all_widths(run, my_any):
    for n in range(1, 65):
        texts = told(my_any, run.db, f"select cast(b{n} + 0 as char) from bit_fields order by id")
        got = [run.rows["bit_fields"][k][f"b{n}"] for k in range(1, 6)]
        assert got == [None if t is None else bits(n)(t) for t in texts], f"bit({n})"


def test_texts_of_all_character_sets(run, my_any):
    names = sets_of(my_any)
    assert len(names) > 30
    for name in names:
        for column in ("v", "c", "e"):
            texts = told(my_any, run.db, f"select hex(convert({column} using utf8mb4)) from cs_{name} order by id")
            got = [run.rows[f"cs_{name}"][k][column] for k in range(len(texts))]
            assert got == [bytes.fromhex(t).decode() for t in texts], f"{column} in {name}"


# --- rows as a whole ---------------------------------------------------------------

def test_invisible_and_generated_columns_come_with_the_others(stream_my):
    s = stream_my.start("create table t (id int primary key, a int, hidden int invisible default 7, "
                        "twice int generated always as (a * 2) virtual, thrice int generated always as (a * 3) stored)",
                        sink={"partitions": 1})
    s.sql("insert into t(id, a) values (1, 10); update t set a = 11; insert into t(id, hidden) values (2, null)")
    first, second, third = (e["value"]["after"] for e in s.records(3))
    assert first == {"id": 1, "a": 10, "hidden": 7, "twice": 20, "thrice": 30}
    assert second == {"id": 1, "a": 11, "hidden": 7, "twice": 22, "thrice": 33}
    assert third == {"id": 2, "a": None, "hidden": None, "twice": None, "thrice": None}


def test_a_key_that_the_server_makes_is_a_key(mysql, kafka, registry, new_db, pipelines):
    db = new_db(mysql)
    mysql.sql("set sql_generate_invisible_primary_key = on; create table t (a int)", db)
    rf = pipelines.to_kafka(mysql, db, kafka, registry).start()
    rf.wait_streaming(mysql, db)
    mysql.sql("insert into t values (1), (1)", db)
    events = await_events(kafka, registry, rf.pipeline + ".", 2)
    assert sorted(e["key"]["my_row_id"] for e in events) == [1, 2]
    assert [e["value"]["after"]["a"] for e in events] == [1, 1]


PARTS = ["json_set(doc, '$.a', 2)", "json_set(doc, '$.b[1]', 'z', '$.b[2].deep', 9)", "json_remove(doc, '$.b[0]')",
         "json_replace(doc, '$.long', 'short')", "json_set(doc, '$.new', true, '$.\"quoted key\"', null)",
         "json_set(doc, '$.b[7]', 'past the end')", "json_array_insert(doc, '$.b[1]', 'put in')",
         "json_array_append(doc, '$.b', json_array(1, 2))", "json_set(doc, '$.c', cast(1.25 as decimal(5,2)))",
         "json_set(doc, '$.b', json_object('whole', 'new'))", "json_set(doc, '$', 'root')", "null"]


@pytest.mark.parametrize("compressed", ["off", "on"])
def test_partial_updates_of_a_document_arrive_whole(mysql, kafka, registry, new_db, pipelines, compressed):
    db = new_db(mysql)
    mysql.sql("create table t (id int primary key, doc json, n int)", db)
    rf = pipelines.to_kafka(mysql, db, kafka, registry).start()
    rf.wait_streaming(mysql, db)
    with mysql.connect(db) as c:
        c.execute(f"set binlog_row_value_options = 'PARTIAL_JSON', binlog_transaction_compression = {compressed}")
        c.execute("""insert into t values (1, '{"a": 1, "b": ["x", "y", {"deep": 1.5}], "long": "aaaaaaaaaaaaaaa"}', 0)""")
        want = []
        for part in PARTS:
            c.execute(f"update t set doc = {part}, n = n + 1")
            want += c.execute("select cast(doc as char), n from t").fetchall()
    events = await_events(kafka, registry, rf.pipeline + ".", len(PARTS) + 1)
    assert [(e["value"]["after"]["doc"], e["value"]["after"]["n"]) for e in events[1:]] == want
    assert [e["value"]["before"]["n"] for e in events[1:]] == list(range(len(PARTS)))


def test_a_byte_without_a_character_stops_with_table_column_and_place(stream_my):
    s = stream_my.start("create table t (id int primary key, word varchar(10) character set cp1257)")
    s.sql("insert into t values (1, 'x'); insert into t values (2, _binary x'a1'); insert into t values (3, 'y')")
    assert s.rf.wait(30) == 1, s.rf.logged()[-2000:]
    line = s.rf.logs("E_TEXT_ENCODING", timeout=1)
    assert f"{s.db}.t" in line and "word" in line
    assert [e["key"]["id"] for e in s.records(1)] == [1], "what came before it is delivered, and nothing behind it"


def test_names_and_types_in_the_schema_are_debeziums(stream_my):
    s = stream_my.start("create table t (id bigint primary key, d decimal(12,2), ts timestamp(3) null, dt datetime(3), "
                        "dt6 datetime(6), at time(6), day date, y year, b bit(9), flag bit(1), e enum('a', 'b'), s set('a', 'b'), "
                        "g geometry, p point, u8 bigint unsigned, small smallint not null default 7, j json)")
    s.sql("insert into t(id) values (1)")
    s.records(1)
    schema = latest_schema(s.registry, f"{s.rf.pipeline}.{s.db}.t-value")
    value = next(b for b in schema["fields"][0]["type"] if isinstance(b, dict))
    types = {f["name"]: f for f in value["fields"]}
    names = {"d": "org.apache.kafka.connect.data.Decimal", "ts": "io.debezium.time.ZonedTimestamp",
             "dt": "io.debezium.time.Timestamp", "dt6": "io.debezium.time.MicroTimestamp", "at": "io.debezium.time.MicroTime",
             "day": "io.debezium.time.Date", "y": "io.debezium.time.Year", "b": "io.debezium.data.Bits",
             "e": "io.debezium.data.Enum", "s": "io.debezium.data.EnumSet", "g": "io.debezium.data.geometry.Geometry",
             "p": "io.debezium.data.geometry.Point", "u8": "org.apache.kafka.connect.data.Decimal"}
    if s.server.kind == "mysql":
        names["j"] = "io.debezium.data.Json"
    for field, name in names.items():
        branches = [b for b in types[field]["type"] if isinstance(b, dict)]
        assert branches and branches[0]["connect.name"] == name, field
    assert types["small"]["default"] == 7
    assert types["flag"]["type"] == ["null", "boolean"]


def test_the_source_block_says_where_a_change_came_from(stream_my):
    s = stream_my.start("create table t (id int primary key)")
    s.sql("insert into t values (1), (2)")
    events = s.records(2)
    assert sorted(e["value"]["source"]["row"] for e in events) == [0, 1]
    value = events[0]["value"]
    source, server = value["source"], s.server
    assert value["op"] == "c" and value["before"] is None
    assert (source["db"], source["table"], source["name"]) == (s.db, "t", s.rf.pipeline)
    assert source["connector"] == server.kind and source["snapshot"] == "false"
    assert source["server_id"] == server.one("select @@global.server_id")
    assert source["file"] in [name for name, _ in server.binlogs()] and source["pos"] > 4
    assert source["gtid"] and source["gtid"] in (server.gtid() if server.kind == "mariadb" else source["gtid"])
    now = datetime.now().timestamp() * 1000
    assert abs(source["ts_ms"] - now) < 60_000 and abs(value["ts_ms"] - now) < 60_000
    assert events[0]["headers"]["rowferry.id"].decode().startswith(source["gtid"] + "/0/")
