"""Every type of a column, decoded by fastavro, against the server's own text of it."""
import datetime
import math

import pytest

from support.postgres_columns import ALL, CASES, FLOATS, MOOD, UNLISTED, as_variable, single, types_of
from support.readers import await_events, latest_schema


def server_text(pg, db, query):
    """The server's own text of each row's first column, as psql would get it."""
    with pg.connect(db) as c:
        result = c.pgconn.exec_(query.encode())
        return [None if (v := result.get_value(r, 0)) is None else v.decode()
                for r in range(result.ntuples)]


def replicated(pg, kafka, registry, new_db, pipelines, setup, statement, count, **kw):
    """Runs a statement under a pipeline of its own; the records and where they came from."""
    db = new_db(pg)
    pg.sql(MOOD, db)
    pg.sql(setup, db)
    rf = pipelines.to_kafka(pg, db, kafka, registry, **kw).start()
    rf.wait_streaming(pg, db)
    pg.sql(statement, db)
    events = await_events(kafka, registry, rf.pipeline + ".", count)
    assert len(events) == count, f"{len(events)} of {count} records\n{rf.logged()[-3000:]}"
    return db, rf, events


def column(n):
    return f"c{n}"


@pytest.fixture(scope="module")
def stage():
    """One run for all types on each server in each format: a table for each type, a row for each value."""
    return {}


def run_all(stage, form, pg, kafka, registry, new_db, pipelines):
    if (form, pg.version) not in stage:
        types = types_of(form)
        names = {t: f"t{n}" for n, t in enumerate(types)}
        setup = "".join(f"create table {names[t]} (id int primary key, v {t});" for t in types)
        rows = "".join(f"insert into {names[t]} values " + ", ".join(
            f"({n}, {literal})" for n, literal in enumerate([*types[t], "null"])) + ";" for t in types)
        count = sum(len(v) + 1 for v in types.values())
        stage[form, pg.version] = None      # a run that fails is not tried again for each type
        db, rf, events = replicated(pg, kafka, registry, new_db, pipelines, setup, rows, count,
                                    sink={"partitions": 1, "options": {"message.max.bytes": 4000000}})
        rf.logs(f"format={form} streaming", timeout=1)
        values, texts = {}, {}
        for t in types:
            mine = {e["key"]["id"]: e["value"] for e in events
                    if e["topic"].endswith(f".{names[t]}")}
            values[t] = [mine[n]["after"]["v"] for n in range(len(types[t]) + 1)]
            texts[t] = server_text(pg, db, f"select v from {names[t]} order by id")
        stage[form, pg.version] = values, texts
    assert stage[form, pg.version], "the run of all types failed"
    return stage[form, pg.version]


@pytest.mark.parametrize("type_name, form", [(t, "binary") for t in CASES]
                         + [(t, "text") for t in [*CASES, *UNLISTED]])
def test_a_type_keeps_its_values(type_name, form, stage, pg_any, kafka, registry, new_db, pipelines):
    values, texts = run_all(stage, form, pg_any, kafka, registry, new_db, pipelines)
    reads = {**CASES, **UNLISTED}[type_name][0]
    got = [None if v is None else reads(v) for v in values[type_name]]
    assert got == texts[type_name]


@pytest.mark.parametrize("form", ["binary", "text"])
@pytest.mark.parametrize("type_name", FLOATS)
def test_a_float_keeps_its_bits(type_name, form, stage, pg_any, kafka, registry, new_db, pipelines):
    values, texts = run_all(stage, form, pg_any, kafka, registry, new_db, pipelines)
    for got, text in zip(values[type_name], texts[type_name], strict=True):
        if text is None:
            assert got is None
            continue
        want = float(text)
        if type_name == "real" and math.isfinite(want):
            want = single(want)
        assert (math.isnan(got) and math.isnan(want)) or got == want


def test_binary_and_text_give_the_same_bytes(stage, pg_any, kafka, registry, new_db, pipelines):
    binary, _ = run_all(stage, "binary", pg_any, kafka, registry, new_db, pipelines)
    text, _ = run_all(stage, "text", pg_any, kafka, registry, new_db, pipelines)
    assert {t: repr(binary[t]) for t in ALL} == {t: repr(text[t]) for t in ALL}


def test_a_type_that_comes_in_mid_stream_makes_the_session_text(pg_any, kafka, registry, new_db, pipelines):
    db, rf, _ = replicated(pg_any, kafka, registry, new_db, pipelines,
                           "create table t (id int primary key, v numeric)", "insert into t values (1, 1.50)", 1)
    rf.logs("format=binary streaming", timeout=1)
    pg_any.sql("begin; insert into t values (2, 2.50); alter table t add w interval;"
               "insert into t values (3, 3.50, '1 day'); commit", db)
    rows = {e["key"]["id"]: e["value"]["after"] for e in await_events(kafka, registry, rf.pipeline + ".", 3)}
    assert rows[3]["w"] == "1 day" and as_variable(rows[2]["v"]) == "2.50"
    rf.logs("format=text streaming")


SPECIAL = {
    ("date", "'infinity'"): 2147483647, ("date", "'-infinity'"): -2147483648,
    ("timestamp", "'infinity'"): 2**63 - 1, ("timestamp", "'-infinity'"): -(2**63),
    ("timestamptz", "'infinity'"): "infinity", ("timestamptz", "'-infinity'"): "-infinity",
}


def test_what_has_no_end_is_said_as_the_page_says(pg_any, kafka, registry, new_db, pipelines):
    columns = ", ".join(f"c{n} {t}" for n, (t, _) in enumerate(SPECIAL))
    _, _, (event,) = replicated(
        pg_any, kafka, registry, new_db, pipelines, f"create table t (id int primary key, {columns})",
        f"insert into t values (1, {', '.join(v for _, v in SPECIAL)})", 1)
    after = event["value"]["after"]
    assert [after[f"c{n}"] for n in range(len(SPECIAL))] == list(SPECIAL.values())


@pytest.mark.parametrize("kind, literal", [("numeric(12,2)", "'NaN'"), ("numeric", "'NaN'"),
                                           ("numeric", "'-Infinity'"), ("timestamp", "'294276-12-31'")])
def test_what_can_not_be_said_stops_with_table_column_and_place(stream15, kind, literal):
    s = stream15.start(f"create table t (id int primary key, amount {kind})")
    s.sql(f"insert into t values (1, null); insert into t values (2, {literal})")
    s.sql("insert into t values (3, null)")
    assert s.rf.wait(30) == 1, s.rf.logged()[-2000:]
    line = s.rf.logs("E_VALUE", timeout=1)
    assert "public.t" in line and "amount" in line and "/" in line
    assert [e["key"]["id"] for e in s.records(1)] == [1], "what came before it is delivered, and nothing behind it"


def test_columns_of_all_types_in_one_row(pg_any, kafka, registry, new_db, pipelines):
    columns = ", ".join(f"{column(n)} {t}" for n, t in enumerate(ALL))
    firsts = ", ".join(v[-1] for v in ALL.values())
    db, _, events = replicated(
        pg_any, kafka, registry, new_db, pipelines,
        f"create table wide (id int primary key, {columns})",
        f"insert into wide values (1, {firsts}); insert into wide(id) values (2)", 2)
    rows = {e["key"]["id"]: e["value"]["after"] for e in events}
    for n, (t, (reads, _)) in enumerate(CASES.items()):
        text = server_text(pg_any, db, f"select {column(n)} from wide where id = 1")
        assert [reads(rows[1][column(n)])] == text, t
    assert all(rows[2][column(n)] is None for n in range(len(ALL)))


def test_names_and_types_in_the_schema_are_debeziums(pg15, kafka, registry, new_db, pipelines):
    _, rf, _ = replicated(
        pg15, kafka, registry, new_db, pipelines,
        "create table t (id bigint primary key, d numeric(12,2), u uuid, j jsonb, at timestamptz, "
        "ts timestamp, day date, n numeric, m mood, flag boolean not null)",
        "insert into t(id, flag) values (1, true)", 1)
    schema = latest_schema(registry, f"{rf.pipeline}.public.t-value")
    assert schema["name"] == "Envelope"
    assert [f["name"] for f in schema["fields"]][:3] == ["before", "after", "source"]
    value = next(b for b in schema["fields"][0]["type"] if isinstance(b, dict))
    types = {f["name"]: f["type"] for f in value["fields"]}
    assert types["id"] == "long" and types["flag"] == "boolean"
    names = {"d": "org.apache.kafka.connect.data.Decimal", "u": "io.debezium.data.Uuid",
             "j": "io.debezium.data.Json", "at": "io.debezium.time.ZonedTimestamp",
             "ts": "io.debezium.time.MicroTimestamp", "day": "io.debezium.time.Date",
             "n": "io.debezium.data.VariableScaleDecimal", "m": "io.debezium.data.Enum"}
    for field, name in names.items():
        branches = [b for b in types[field] if isinstance(b, dict)]
        assert branches and branches[0]["connect.name"] == name, field


def test_the_source_block_says_where_a_change_came_from(pg15, kafka, registry, new_db, pipelines):
    db, rf, events = replicated(pg15, kafka, registry, new_db, pipelines,
                                "create table t (id int primary key)",
                                "insert into t values (1)", 1)
    value = events[0]["value"]
    assert value["op"] == "c" and value["before"] is None
    source = value["source"]
    assert (source["db"], source["schema"], source["table"]) == (db, "public", "t")
    assert source["connector"] == "postgresql" and source["name"] == rf.pipeline
    assert source["txId"] and source["lsn"]
    now = datetime.datetime.now().timestamp() * 1000
    assert abs(source["ts_ms"] - now) < 60_000 and abs(value["ts_ms"] - now) < 60_000
