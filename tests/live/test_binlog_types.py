"""Every type of a MySQL or MariaDB column, decoded by fastavro, against what the server's own SELECT says of it."""
import math
import struct
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import pytest

from support.readers import await_events, latest_schema

BIG = {"partitions": 1, "options": {"message.max.bytes": 4000000}}
LEAST_INT, LEAST_LONG = -(1 << 31), -(1 << 63)
# Dates that are none may be written, and the session's clock is UTC
SESSION = "set sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00', max_recursive_iterations = 1000000;"


def session(server):
    return SESSION if server.kind == "mariadb" else SESSION.replace(", max_recursive_iterations = 1000000", "")


# --- what the server's text must have become --------------------------------------

def integer(text):
    return int(text)


def boolean(text):
    return text == "1"


def decimal(text):
    return Decimal(text)


def number(text):
    return float(text)


def text(text):
    return text


def raw(text):
    return bytes.fromhex(text)


def days_of(year, month, day):
    """Since 1970-01-01 in the Gregorian calendar, which begins here with the year 0."""
    y = year - (month <= 2)
    era, of_era = divmod(y, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def is_date(year, month, day):
    longest = [0, 31, 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28,
               31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return month > 0 and 0 < day <= longest[month]


def fields(text):
    return [int(part) for part in text.split("-")]


def date(text):
    y, m, d = fields(text)
    return days_of(y, m, d) if is_date(y, m, d) else LEAST_INT + (y * 13 + m) * 32 + d


def clock(text):
    """h:m:s.f as microseconds, with its sign."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, fraction = text.partition(".")
    h, m, s = map(int, whole.split(":"))
    return sign * ((h * 3600 + m * 60 + s) * 1_000_000 + int(fraction.ljust(6, "0") if fraction else 0))


def datetime_in(units):
    def reads(text):
        day, _, time = text.partition(" ")
        y, m, d = fields(day)
        moment = clock(time) // (1_000_000 // units)
        if is_date(y, m, d):
            return days_of(y, m, d) * 86400 * units + moment
        return LEAST_LONG + ((y * 13 + m) * 32 + d) * 86400 * units + moment
    return reads


def timestamp(text):
    return text.replace(" ", "T") + "Z"


def bits(count):
    def reads(text):
        return int(text) == 1 if count == 1 else int(text).to_bytes((count + 7) // 8, "little")
    return reads


def geometry(text):
    stored = bytes.fromhex(text)
    srid, = struct.unpack("<I", stored[:4])
    return {"wkb": stored[4:], "srid": srid or None}


def point(text):
    shape = geometry(text)
    order = "<" if shape["wkb"][0] else ">"
    x, y = struct.unpack(order + "dd", shape["wkb"][5:21])
    return {"x": x, "y": y, **shape}


def floats(text):
    stored = bytes.fromhex(text)
    return list(struct.unpack(f"<{len(stored) // 4}f", stored))


@dataclass
class Case:
    reads: object                  # the server's text as the value that must have arrived
    values: list                   # SQL
    asks: str = "cast(v as char)"  # what is selected
    only: str = ""                 # the kind of server that has the type


def integers(unsigned_bits, signed):
    low, high = (-(1 << (unsigned_bits - 1)), (1 << (unsigned_bits - 1)) - 1) if signed else (0, (1 << unsigned_bits) - 1)
    half = 1 << (unsigned_bits - 1)
    return [str(v) for v in sorted({0, 1, low, low + 1, high - 1, high, *((half - 1, half) if not signed else (-1,))})]


def quoted(*texts):
    return [f"'{t}'" for t in texts]


NINES = "9" * 35 + "." + "9" * 30
DATES = ["1970-01-01", "1969-12-31", "2024-02-29", "1000-01-01", "9999-12-31", "0001-01-01", "1582-10-04", "0000-00-00",
         "2024-00-00", "2024-05-00", "0000-05-01", "2024-02-31", "2023-02-29", "1900-02-29"]
TIMES = ["0:0:0", "838:59:59", "-838:59:59", "-0:0:1", "12:34:56.789123", "-12:34:56.789123", "23:59:59.999999",
         "-0:0:0.000001", "-0:0:0.1", "-1:0:0.01", "838:59:58.999999", "-838:59:58.999999", "-256:0:0.5", "-255:59:59.5"]
MOMENTS = [f"{d} {t}" for d, t in zip(DATES, ["00:00:00", "23:59:59.999999", "12:34:56.789012", "00:00:00", "23:59:59",
                                              "00:00:00.5", "01:02:03", "00:00:00", "01:02:03.5", "00:00:00", "00:00:01",
                                              "01:02:03.25", "04:05:06.789", "00:00:00"])]
STAMPS = ["1970-01-01 00:00:01", "2038-01-19 03:14:07", "2024-03-31 01:30:00", "2024-10-27 00:30:00.5",
          "2001-09-09 01:46:40.000001", "2024-02-29 12:34:56.789123", "0000-00-00 00:00:00"]
LETTERS = ["''", "'plain'", "'gruß € 😀 漢字'", r"'back\\slash \'quote\' \"two\"'", r"'line\nbreak\ttab\0nul'", "'pad   '"]
LABELS = ", ".join(f"'l{n}'" for n in range(1, 301))
SHAPES = ["linestring(0 0, 1 1, 2 0)", "polygon((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 2 1, 2 2, 1 1))", "multipoint(1 1, 2 2)",
          "multilinestring((0 0, 1 1), (2 2, 3 3))", "multipolygon(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
          "geometrycollection(point(1 1), linestring(0 0, 1 1))"]


def from_text(shape, srid=0):
    return f"st_geomfromtext('{shape}'{f', {srid}' if srid else ''})"


CASES = {
    "boolean": Case(integer, ["true", "false", "127"]),
    "decimal(10,2)": Case(decimal, ["0", "0.01", "-0.01", "99999999.99", "-99999999.99", "1.28", "-1.28", "327.68", "-2.56"]),
    "decimal(65,30)": Case(decimal, ["0", NINES, f"-{NINES}", "0.000000000000000000000000000001",
                                     "-0.000000000000000000000000000001", "1000000000.000000001", "123456789.123456789"]),
    "decimal(65,0)": Case(decimal, ["9" * 65, "-" + "9" * 65, "1000000000", "18446744073709551616"]),
    "decimal(30,30)": Case(decimal, ["0." + "9" * 30, "-0." + "9" * 30, "0.1", "0.000000000000000000000000123456"]),
    "decimal(1,0)": Case(decimal, ["0", "9", "-9"]),
    "decimal(18,9)": Case(decimal, ["999999999.999999999", "-999999999.999999999", "-0.000000001", "1.000000001"]),
    "decimal(12,4) unsigned": Case(decimal, ["0", "99999999.9999", "0.0001"]),
    "float": Case(number, ["0", "1.5", "-1.175494351e-38", "3.402823466e38", "0.1", "16777217", "1e-7", "1.1e-10"], "v + 0e0"),
    "double": Case(number, ["0", "0.1", "-2.2250738585072014e-308", "1.7976931348623157e308", "9007199254740993", "1e22"],
                   "v + 0e0"),
    "float(7,3)": Case(number, ["9999.999", "-1.5", "0.125"], "v + 0e0"),
    "int(6) unsigned zerofill": Case(integer, ["0", "42", "4294967295"], "v + 0"),
    "year": Case(integer, ["0", "1901", "2155", "'00'", "70"], "v + 0"),
    "date": Case(date, quoted(*DATES)),
    "char(10)": Case(text, LETTERS[:3] + ["'pad   '", "repeat('😀', 10)"]),
    "char(255)": Case(text, LETTERS + ["repeat('é', 255)"]),
    "varchar(63)": Case(text, LETTERS + ["repeat('😀', 63)"], "convert(v using utf8mb4)"),
    "varchar(64)": Case(text, LETTERS + ["repeat('😀', 64)"], "convert(v using utf8mb4)"),
    "tinytext": Case(text, LETTERS + ["repeat('x', 255)"], "convert(v using utf8mb4)"),
    "text": Case(text, LETTERS + ["repeat('日本', 5000)"], "convert(v using utf8mb4)"),
    "mediumtext": Case(text, LETTERS + ["repeat('ж', 100000)"], "convert(v using utf8mb4)"),
    "longtext": Case(text, LETTERS + ["repeat('long ', 100000)"], "convert(v using utf8mb4)"),
    "binary(8)": Case(raw, ["''", "x'0102'", "x'0000000000000000'", "x'0102030405060708'", "x'20'"], "hex(v)"),
    "binary(255)": Case(raw, ["''", "repeat(x'ff', 255)", "x'00ff'"], "hex(v)"),
    "varbinary(255)": Case(raw, ["''", "x'00'", "repeat(x'ab', 255)", "x'2000'"], "hex(v)"),
    "varbinary(256)": Case(raw, ["''", "x'00'", "repeat(x'ab', 256)"], "hex(v)"),
    "tinyblob": Case(raw, ["''", "x'00'", "repeat(x'01', 255)"], "hex(v)"),
    "blob": Case(raw, ["''", "x'ff00'", "repeat(x'02', 256)"], "hex(v)"),
    "mediumblob": Case(raw, ["''", "repeat(x'00ff', 40000)"], "hex(v)"),
    "longblob": Case(raw, ["''", "x'deadbeef'", "repeat(x'00', 300)"], "hex(v)"),
    "enum('a','b','é','x,y','it''s')": Case(text, ["'a'", "'é'", "'x,y'", "'it''s'", "0", "'none of them'"]),
    "enum('','z')": Case(text, ["''", "'z'", "0"]),
    f"enum({LABELS})": Case(text, ["1", "255", "256", "300", "0"]),
    "set('a','b','é','x y')": Case(text, ["''", "'a'", "'é,a'", "'a,b,é,x y'", "'none of them'"]),
    f"set({', '.join(quoted(*range(1, 65)))})": Case(text, ["1", "18446744073709551615", "9223372036854775808", "0"]),
    "point": Case(point, [from_text("point(1 2)"), from_text("point(-1.5 1e300)"), from_text("point(1 2)", 4326)], "hex(v)"),
    "geometry": Case(geometry, [from_text(s) for s in [*SHAPES, "point(1 2)", "geometrycollection empty"]]
                     + [from_text("linestring(1 2, 3 4)", 3857)], "hex(v)"),
    "vector(3)": Case(floats, ["to_vector('[1, -2.5, 3.4028235e38]')", "to_vector('[0.1, 0.2, 0.3]')"], "hex(v)", "mysql"),
    "vector": Case(floats, ["to_vector('[0]')", "to_vector('[1, 2, 3, 4, 5]')", "to_vector('[-0.0, 1.5e-38]')"], "hex(v)",
                   "mysql"),
    "json": Case(text, [*quoted("null", "true", "0", "-32768", "65536", "9223372036854775807", "18446744073709551615",
                                "18446744073709551616", "1.0", "-0.0", "1e22", "5e-324", "1e-7", "123456.75", '""', '"é 日本 😀"',
                                '"\\\\u0000\\\\u001f\\\\"\\\\\\\\\\\\/\\\\n"', "{}", "[]", "[[], {}, [[[1]]]]",
                                '{"b": 1, "a": 2, "aa": 3, "": 4, "é": 5, "b": 6}', '[1, "two", 3.5, null, {"k": [false]}]'),
                        "json_object('long', repeat('x', 66000))", "concat(repeat('[', 30), repeat(']', 30))"]),
    "json ": Case(text, ["concat(repeat('[', 100), repeat(']', 100))",
                         "json_array(cast(-1.50 as decimal(10,2)), cast(12345678901234567890.123 as decimal(30,3)))",
                         "json_array(cast('2024-01-02' as date), cast('-12:34:56.789' as time(3)))",
                         "json_array(cast('2024-01-02 03:04:05.678' as datetime(3)), timestamp('2024-01-02 03:04:05'))",
                         "json_array(cast('838:59:59' as time), cast('-00:00:00.000001' as time(6)))",
                         "json_object('bits', b'101', 'bytes', x'00ff10', 'year', cast(2024 as year), 'g', point(1, 2))",
                         "json_array(cast(x'6162' as binary), cast('text' as char), 1 = 1, null, cast(5 as unsigned))"],
                  only="mysql"),
    "uuid": Case(text, quoted("00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a00",
                              "ffffffff-ffff-ffff-ffff-ffffffffffff"), only="mariadb"),
    "inet4": Case(text, quoted("0.0.0.0", "255.255.255.255", "10.0.0.0", "127.0.0.1"), only="mariadb"),
    "inet6": Case(text, quoted("::", "2001:db8::", "::ffff:192.0.2.1", "ffff::1:0", "fe80::1"), only="mariadb"),
    "varchar(2000) compressed": Case(text, LETTERS + ["repeat('w', 2000)"], only="mariadb"),
    "text compressed": Case(text, LETTERS + ["repeat('é', 20000)"], only="mariadb"),
    "longtext compressed": Case(text, LETTERS + ["repeat('long ', 20000)"], only="mariadb"),
    "blob compressed": Case(raw, ["''", "x'00'", "repeat(x'00ff', 3000)"], "hex(v)", "mariadb"),
    "varbinary(300) compressed": Case(raw, ["''", "x'00'", "repeat(x'ab', 300)"], "hex(v)", "mariadb"),
    "varchar(500) character set latin1 compressed": Case(text, ["''", "repeat('é', 500)", "'a'"],
                                                         "convert(v using utf8mb4)", "mariadb"),
}
for name, size in {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}.items():
    CASES[name] = Case(integer, integers(size, signed=True))
    CASES[f"{name} unsigned"] = Case(decimal if size == 64 else integer, integers(size, signed=False))
for digits in range(7):
    CASES[f"time({digits})"] = Case(clock, quoted(*TIMES))
    CASES[f"datetime({digits})"] = Case(datetime_in(1000 if digits <= 3 else 1_000_000),
                                        quoted(*(m for m in MOMENTS if m < "9999" or digits == 6)))
    CASES[f"timestamp({digits}) null"] = Case(timestamp, quoted(*STAMPS))


# --- one run for all types ---------------------------------------------------------

@pytest.fixture(scope="module")
def stage():
    """What one run for all types has brought on each server: a table for each type, a row for each value."""
    return {}


def cases_of(server):
    return {t: c for t, c in CASES.items() if c.only in ("", server.kind)}


def sets_of(server):
    """{character set: bytes of one letter} of the server; those of one byte only."""
    return {name: int(size) for name, size in
            server.sql("select character_set_name, maxlen from information_schema.character_sets "
                       "where character_set_name <> 'binary' order by 1")}


WORDS = ["Hello, world ~", "gruß à la Ñandú", "Ωμέγα", "Привет", "שלום", "สวัสดี", "日本語テスト", "漢字中文", "한국어", "😀"]


def letters_of(server, name, size):
    """Texts for a column of that character set: all its single bytes that are letters, and words that it may have."""
    if size == 1:
        kept = server.sql("select group_concat(hex(b) order by b separator '') from (select char(n - 1) as b from "
                          f"{server.series(256)}) q where convert(convert(b using {name}) using utf8mb4) not in ('', '?')", "mysql")
        kept = bytes.fromhex(kept[0][0])
        half = len(kept) // 2
        return [f"_binary x'{part.hex()}'" for part in (kept[:half], kept[half:])]
    return [f"convert('{word}' using {name})" for word in WORDS]


def statements(server):
    """(setup, rows, {topic's table: rows}) for everything that the one run holds."""
    setup, rows, count = [], [], 0
    for n, (t, case) in enumerate(cases_of(server).items()):
        setup.append(f"create table t{n} (id int primary key, v {t.strip()})")
        rows.append(f"insert into t{n} values " + ", ".join(f"({k}, {v})" for k, v in enumerate([*case.values, "null"])))
        count += len(case.values) + 1
    setup.append("create table bit_fields (id int primary key, " + ", ".join(f"b{n} bit({n})" for n in range(1, 65)) + ")")
    rows += [f"insert into bit_fields values (1, {', '.join('0' for n in range(64))}), "
             f"(2, {', '.join(str((1 << n) - 1) for n in range(1, 65))}), "
             f"(3, {', '.join(str(1 << n) for n in range(64))}), "
             f"(4, {', '.join(str(0xa5c3960f1e2d3c4b & ((1 << n) - 1)) for n in range(1, 65))})",
             "insert into bit_fields(id) values (5)"]
    count += 5
    for name, size in sets_of(server).items():
        setup.append(f"create table cs_{name} (id int primary key, v varchar(300) character set {name}, "
                     f"c char(20) character set {name}, e enum('a', 'b') character set {name})")
        texts = letters_of(server, name, size)
        rows.append(f"insert into cs_{name} values " +
                    ", ".join(f"({k}, {v}, left(convert({v} using {name}), 20), 1 + {k} % 2)" for k, v in enumerate(texts)))
        count += len(texts)
    return setup, rows, count


@dataclass
class Run:
    db: str
    rf: object
    rows: dict                     # {table: {id: the row after}}


def run_all(stage, server, kafka, registry, new_db, pipelines):
    if server.kind not in stage:
        stage[server.kind] = None  # a run that fails is not tried again for each type
        db = server.create_db()
        setup, rows, count = statements(server)
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
