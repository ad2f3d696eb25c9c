"""Every type of a MySQL or MariaDB column, with the values at its edges, and what they must become."""
import struct
from dataclasses import dataclass
from decimal import Decimal

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


# --- all of them as statements ---------------------------------------------------------

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


def statements(server, cases):
    """(setup, rows, how many rows) for everything that one run holds: a table `t<n>` for the n-th type,
    one for all widths of BIT, one for each character set."""
    setup, rows, count = [], [], 0
    for n, (t, case) in enumerate(cases.items()):
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
