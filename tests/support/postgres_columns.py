"""Every type of a PostgreSQL column, with the values at its edges, and an event's value as the server's text."""
import datetime
import struct
import sys
from decimal import Decimal

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


MOOD = "create type mood as enum ('sad', 'ok', 'very happy', 'Ünïcode')"
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
ALL = {**{k: v[1] for k, v in CASES.items()}, **FLOATS}


def types_of(form):
    return ALL if form == "binary" else {**ALL, **{k: v[1] for k, v in UNLISTED.items()}}
