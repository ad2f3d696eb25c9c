"""Every type of a column, decoded by fastavro, against the server's own text of it."""
import datetime
import math
import struct
import sys
from decimal import Decimal

import pytest

from support.readers import await_events, latest_schema

EPOCH = datetime.datetime(1970, 1, 1)
sys.set_int_max_str_digits(0)              # a numeric has more than the 4,300 that Python likes


# --- an event's value as the text that the server would print -----------------

def as_bool(v):
    return "t" if v is True else "f" if v is False else repr(v)


def as_integer(v):
    assert isinstance(v, int) and not isinstance(v, bool)
    return str(v)


def as_decimal(v):
    assert isinstance(v, Decimal)
    return f"{v:f}"


def as_variable(v):
    number = int.from_bytes(v["value"], "big", signed=True)
    digits = tuple(int(d) for d in str(abs(number)))        # a tuple is exact, arithmetic rounds
    return f"{Decimal((number < 0, digits, -v['scale'])):f}"


def as_text(v):
    assert isinstance(v, str)
    return v


def as_bytes(v):
    assert isinstance(v, bytes)
    return "\\x" + v.hex()


def as_date(v):
    return str((EPOCH + datetime.timedelta(days=v)).date())


def fraction(moment, micros):
    return moment + (f".{micros:06d}".rstrip("0") if micros else "")


def as_time(v):
    seconds, micros = divmod(v, 1_000_000)
    return fraction(f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}", micros)


def as_timestamp(v):
    t = EPOCH + datetime.timedelta(microseconds=v)
    return fraction(f"{t:%Y-%m-%d %H:%M:%S}".rjust(19, "0"), t.microsecond)


def as_timestamptz(v):
    """Debezium's ISO text has a T, six digits and a Z; the session's zone is UTC."""
    t = datetime.datetime.strptime(v, "%Y-%m-%dT%H:%M:%S.%fZ")
    return fraction(f"{t:%Y-%m-%d %H:%M:%S}".rjust(19, "0"), t.microsecond) + "+00"


def single(v):
    return struct.unpack("f", struct.pack("f", v))[0]


CASES = {
    # type: (reads an event's value as text, SQL literals)
    "boolean": (as_bool, ["true", "false"]),
    "smallint": (as_integer, ["0", "-32768", "32767"]),
    "integer": (as_integer, ["0", "-2147483648", "2147483647"]),
    "bigint": (as_integer, ["0", "-9223372036854775808", "9223372036854775807"]),
    "numeric(12,2)": (as_decimal, ["0", "0.01", "-0.01", "9999999999.99", "-9999999999.99", "1.28",
                                   "-1.28", "327.68", "2.55", "-2.56"]),
    "numeric(38,10)": (as_decimal, ["1234567890123456789012345678.0123456789", "-0.0000000001",
                                    "10000", "100000000"]),
    "numeric(10,0)": (as_decimal, ["0", "1", "-1", "127", "128", "-128", "-129", "9999999999"]),
    "numeric(5,5)": (as_decimal, ["0", "0.00001", "-0.99999", "0.1"]),
    "numeric(1000,500)": (as_decimal, ["0", "1e499", "-1e-500", "repeat('9', 500)::numeric",
                                       "('0.' || repeat('9', 500))::numeric"]),
    "numeric": (as_variable, ["0", "1", "-1", "1.5", "100", "10000000000000000000000000000",
                              "0.000000000000000000000000000012345", "1e50", "-123456.789000",
                              "12345678901234567890.12345678901234567890", "-0.0000", "10000", "9999",
                              "0.0001", "1.0000", "99999999.99999999", "1e131071", "-1e-16383",
                              "(repeat('9', 131072) || '.' || repeat('9', 16383))::numeric"]),
    "text": (as_text, ["''", "'plain'", "'gruß € 😀 漢字'", r"'back\slash ''quote'' \"two\"'",
                       "E'line\\nbreak\\ttab'", "repeat('long ', 20000)"]),
    "varchar(20)": (as_text, ["''", "'abc'", "'€€€'"]),
    "char(5)": (as_text, ["'ab'", "'abcde'"]),
    "bytea": (as_bytes, [r"'\x'", r"'\x00'", r"'\x00ff10207f80'", r"decode(repeat('00ff', 5000), 'hex')"]),
    "uuid": (as_text, ["'00000000-0000-0000-0000-000000000000'",
                       "'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'"]),
    "json": (as_text, ["'{\"a\": 1,  \"b\":[1,2,null]}'", "'null'", "'\"x\"'"]),
    "jsonb": (as_text, ["'{\"b\": 1.50, \"a\":[true,null]}'", "'12345678901234567890.5'", "'[]'"]),
    "date": (as_date, ["'1970-01-01'", "'1969-12-31'", "'2024-02-29'", "'0001-01-01'", "'9999-12-31'"]),
    "time": (as_time, ["'00:00'", "'23:59:59.999999'", "'12:34:56.7'", "'24:00'"]),
    "timestamp": (as_timestamp, ["'1970-01-01 00:00'", "'1969-12-31 23:59:59.999999'",
                                 "'2024-02-29 12:34:56.789012'", "'0001-01-01 00:00:00'",
                                 "'9999-12-31 23:59:59.999999'"]),
    "timestamptz": (as_timestamptz, ["'1970-01-01 00:00+00'", "'2024-07-01 12:00:00.5+02'",
                                     "'1969-12-31 23:59:59.999999+00'",
                                     "'9999-12-31 23:59:59.999999+00'"]),
    "mood": (as_text, ["'sad'", "'very happy'", "'Ünïcode'"]),
}
UNLISTED = {                                # types that make the whole session text
    "inet": (as_text, ["'10.0.0.1/8'", "'::1'"]),
    "interval": (as_text, ["'1 year 2 mons 3 days 04:05:06.7'", "'-1 day'"]),
    "int[]": (as_text, ["'{1,2,null}'", "'{}'"]),
    "int4range": (as_text, ["'[1,5)'", "'empty'"]),
    "money": (as_text, ["'12.34'"]),
}
FLOATS = {"real": ["0", "1.5", "-1.17549435e-38", "3.4028235e38", "0.1", "'NaN'", "'Infinity'",
                   "'-Infinity'"],
          "double precision": ["0", "0.1", "-2.2250738585072014e-308", "1.7976931348623157e308",
                               "'NaN'", "'Infinity'", "'-Infinity'"]}


def server_text(pg, db, query):
    """The server's own text of each row's first column, as psql would get it."""
    with pg.connect(db) as c:
        result = c.pgconn.exec_(query.encode())
        return [None if (v := result.get_value(r, 0)) is None else v.decode()
                for r in range(result.ntuples)]


def replicated(pg, kafka, registry, new_db, pipelines, setup, statement, count, **kw):
    """Runs a statement under a pipeline of its own; the records and where they came from."""
    db = new_db(pg)
    pg.sql("create type mood as enum ('sad', 'ok', 'very happy', 'Ünïcode')", db)
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


ALL = {**{k: v[1] for k, v in CASES.items()}, **FLOATS}


def types_of(form):
    return ALL if form == "binary" else {**ALL, **{k: v[1] for k, v in UNLISTED.items()}}


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
