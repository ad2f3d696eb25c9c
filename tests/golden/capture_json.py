#!/usr/bin/env python3
"""Makes binlog-json.txt anew: MySQL's binary JSON out of a real binlog, with the text that the server shows.

    tests/golden/capture_json.py SOCKET DATADIR [SEED]

wants a MySQL (9.7.4 was used) whose files may be read, with binlog_row_image=FULL and nothing else going on; it
makes the schema golden_json anew. Lines: document, diffs or "-", text; bytes in hex. Where the same few characters
come more than 40 times, TAB LENGTH TAB COUNT TAB follows the first of them: JSON's text has no tabs. Another SEED
makes other random ones to look at.
"""
import json
import random
import re
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLE_MAP, WRITE_ROWS, PARTIAL_UPDATE_ROWS = 19, 30, 39
INT, JSON = 3, 245

# --- what is asked -----------------------------------------------------------

INTEGERS = sorted({s * 2**b + d for b in (7, 8, 15, 16, 31, 32, 63, 64) for d in (-1, 0, 1) for s in (-1, 1)
                   if -2**63 <= s * 2**b + d < 2**64})
DOUBLES = """0e0 -0e0 1e0 -1.5e0 0.1e0 0.30000000000000004e0 607213041978.9073e0 1e14 999999999999999e0 1e15 1e16
    -1234567890123456.8e0 9999999999999998e0 4503599627370496.5e0 9007199254740993e0 123456789012345680e0 1e20 1e22
    1e23 1e100 1e308 1.7976931348623157e308 -1.7976931348623157e308 1e-3 1e-4 9.999e-5 1e-5 -1.5e-10 1e-14
    1.2345678901234567e-14 5.684341886080802e-14 1e-15 9.9e-16 1e-16 2.2250738585072014e-308 2.225073858507201e-308
    3e-310 5e-324 -5e-324""".split()
DECIMALS = [("-1.50", 10, 2), ("0", 1, 0), ("0", 5, 5), ("0.5", 65, 30), ("-0.5", 30, 30), ("1" * 35, 65, 30),
            ("9" * 65, 65, 0), ("-" + "9" * 65, 65, 0), ("-0." + "9" * 30, 30, 30), ("-0.000001", 20, 6),
            ("123456789.123456789", 18, 9), ("-1000000000", 10, 0), ("1000000000.0000000001", 20, 10)]
TIMES = """date'2024-01-02' date'0000-00-00' date'9999-12-31' cast('2024-00-00'@as@date) timestamp'0000-00-00@00:00:00'
    timestamp'2024-01-02@03:04:05' timestamp'2024-01-02@03:04:05.678' timestamp'9999-12-31@23:59:59.999999'
    time'00:00:00' time'-00:00:00.1' time'-00:00:01.1' time'-838:59:59' time'838:59:59' time'-12:34:56.789'
    time'12:34:56.000001' time'-12:34:56.999999' time'100:00:00'""".split()
BYTES = """x'00ff' cast('abc'@as@binary) b'101' _binary'' repeat(x'01',57) repeat(x'01',58) repeat(x'02',114)
    repeat(x'02',115) st_geomfromtext('point(1@2)') st_geomfromtext('point(1@2)',4326)""".split()
TEXTS = ["''", "'a\"b\\\\c/d'", "'é'", "'😀'", "_utf8mb4 0xe280a8efbfbd", "repeat('x',127)", "repeat('x',128)",
         "repeat('y',16383)", "repeat('y',16384)", f"char({','.join(map(str, range(128)))} using utf8mb4)"]
NESTED = ["cast('{}' as json)", "cast('[]' as json)", "cast('[[], {}, [{}], {\"a\": []}]' as json)",
          "json_object('a',1,'b',2,'aa',3,'B',4,'é',5,'',6,'ab\"',7,'\\n',8,'0',9)", "json_object(repeat('k',65535),1)",
          "cast(concat(repeat('[',100),repeat(']',100)) as json)",
          "cast(concat(repeat('{\"a\":',99),'[\"x\"]',repeat('}',99)) as json)",
          # large ones, with four bytes for each offset
          "json_array(repeat('z',65536),1,-1,40000,65536,-70000,4294967295,3000000000,4294967296,null,'',json_array())",
          "json_object('a',repeat('z',65536),'b',-70000,'c',json_array(1,-70000),'',false,'dd',3000000000,'e',65536)",
          "cast(concat('[',repeat('7,',22000),'70000]') as json)"]
COLUMNS = {"a": "char(3) character set binary", "b": "varbinary(9)", "c": "blob", "d": "tinyblob", "e": "longblob",
           "f": "bit(12)", "g": "enum('x','y')", "h": "set('p','q')", "i": "year", "j": "timestamp(3)",
           "k": "datetime(1)", "l": "float", "m": "text character set latin1", "n": "geometry"}
COLUMN_VALUES = ("x'01','ab',x'00ff','t','long',b'101010101010','y','p,q',1999,'2024-05-06 07:08:09.123',"
                 "'2024-05-06 07:08:09.1',0.1,x'e9',st_geomfromtext('polygon((0 0,1 1,1 0,0 0))')")

START = ('{"a":1,"b":[1,2,3,"four"],"c":{"d":"x","e":[{"f":1},{"g":"hello world"}]},"a.b[0]":{},'
         '"quote\\"d \\\\ \\u0001 é 😀":[[1,[2]]],"long":"' + "long " * 30 + '"}')
UPDATES = [  # of one document, one after the other
    "json_set(j,'$.a',2)", "json_set(j,'$.b[1]','x')", "json_replace(j,'$.c.e[1].g','hi')", "json_remove(j,'$.b[0]')",
    "json_remove(j,'$.c.d','$.c.e[0]')", "json_set(j,'$.new',true)", "json_set(j,'$.b[100]','appended')",
    "json_set(j,'$.b[last]','last')", "json_set(j,'$.b[last-1]',x'00ff')", "json_set(j,'$.b[last-9]','in front')",
    "json_set(j,'$.a[0]',7)", "json_set(j,'$.a[1]',8)", "json_set(j,'$.c[0].d',date'2024-01-02')",
    "json_set(j,'$.\"quoted key\"',1)", "json_set(j,'$.\"a.b[0]\".x',1.50)", "json_set(j,'$.\"\"',json_object())",
    "json_set(j,'$.\"\".\"\"','x')", "json_set(j,'$.\"1a\"',5,'$.$x_1',5,'$.é',json_array(1,2))",
    "json_set(j,'$.\"quote\\\\\"d \\\\\\\\ \\\\u0001 é \\\\ud83d\\\\ude00\"[0][1][0]','deep')",
    "json_set(j,'$.\"\\\\b\\\\f\\\\n\\\\r\\\\t/\\\\u001f\"',null)",
    "json_remove(j,'$.\"\\\\b\\\\f\\\\n\\\\r\\\\t/\\\\u001f\"')",
    "json_set(json_remove(json_set(j,'$.b[0]',50),'$.b[1]','$.b[1]'),'$.b[8]',json_object('k',1))",
    "json_set(j,'$.c',json_object('z',json_array()),'$.c.z[0]',1,'$.c.z[1]',2,'$.c.y',3)",
    "json_remove(j,'$.c.z[0]','$.c.z[0]','$.c.y','$.c.z')", "json_set(j,'$.long','short')",
    "json_set(j,'$.long2',repeat('long again ',20))", "json_set(j,'$','the end')", "json_set(j,'$[0]',1)",
]


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Random(random.Random):
    """Documents and changes that nobody thought of."""

    KEYS = ["a", "b", "key", "é", "😀", "a b", "", 'x"y', "long key " * 8, "\t", "a.b", "[0]", "$", "\\", "1",
            "\x01"]
    SCALARS = [*map(str, INTEGERS[::4]), "1.5e0", "1.25", "true", "cast('null' as json)", "'s'", "'text text text '",
               "x'00ff01'", "''", *(t.replace("@", " ") for t in TIMES[::3])]

    def double(self):
        while True:
            v = self.choice([struct.unpack("<d", self.randbytes(8))[0],
                             self.choice([1, -1]) * 10**self.uniform(-18, 18),
                             round(self.uniform(-1e6, 1e6), self.randint(0, 9))])
            if abs(v) < 1e308:
                return repr(v) + ("" if "e" in repr(v) else "e0")

    def value(self, depth):
        if depth == 0 or self.random() < 0.3:
            return self.choice(self.SCALARS)
        items = range(self.choice([0, 1, 3, 7]))
        if self.random() < 0.5:
            return f"json_array({','.join(self.value(depth - 1) for _ in items)})"
        return f"json_object({','.join(f'{quoted(self.choice(self.KEYS))},{self.value(depth - 1)}' for _ in items)})"

    def path(self, doc):
        at = "$"
        while at == "$" or self.random() < 0.75:
            if isinstance(doc, dict):
                key = self.choice([*doc, self.choice(self.KEYS)])
                at += "." + json.dumps(key, ensure_ascii=self.random() < 0.3)
                doc = doc.get(key)
            elif isinstance(doc, list):
                i = self.randint(0, len(doc))
                last = doc and self.random() < 0.4
                at += f"[last-{i}]" if last else f"[{i}]"
                doc = doc[len(doc) - 1 - i if last else i] if i < len(doc) else None
            else:
                return at + self.choice(["", "", "[0]", "[1]"])
        return at

    def update(self, doc):
        text = "j"
        for _ in range(self.choice([1, 1, 2, 4])):
            name, paths = self.choice(["set", "set", "replace", "remove"]), range(self.choice([1, 1, 2, 3]))
            more = (quoted(self.path(doc)) + ("" if name == "remove" else "," + self.value(1)) for _ in paths)
            text = f"json_{name}({text},{','.join(more)})"
        return text


# --- the server, and its binlog ----------------------------------------------

class Server:
    def __init__(self, socket):
        self.argv = ["mysql", "--no-defaults", "-uroot", f"--socket={socket}", "-N", "--raw", "--force",
                     "--default-character-set=utf8mb4", "--max-allowed-packet=64M"]

    def lines(self, statements):
        """What all of them say, run in one session; those that fail are left out."""
        text = "set sql_mode=''; set binlog_row_value_options='PARTIAL_JSON';\n" + ";\n".join(statements) + ";\n"
        done = subprocess.run(self.argv, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=False)
        return done.stdout.decode().split("\n")[:-1]


def packed(body, at):
    first = body[at]
    size = {252: 2, 253: 3, 254: 8}.get(first, 0)
    return (int.from_bytes(body[at + 1:at + 1 + size], "little") if size else first), at + 1 + size


def bits(body, at, count):
    return [body[at + i // 8] >> i % 8 & 1 for i in range(count)], at + (count + 7) // 8


def image(body, at, partial):
    """((id, document, is a diff), where the next begins) of a table (id INT, j JSON)."""
    diff, options = [0], 0
    if partial:
        options, at = packed(body, at)
    if options & 1:
        diff, at = bits(body, at, 1)
    null, at = bits(body, at, 2)
    key = int.from_bytes(body[at:at + 4], "little")
    if null[1]:
        return (key, None, False), at + 4
    size = int.from_bytes(body[at + 4:at + 8], "little")
    return (key, body[at + 8:at + 8 + size], bool(diff[0])), at + 8 + size


def rows(path, table):
    """(before or None, after) of each row of a table."""
    raw, at, ours = path.read_bytes(), 4, set()
    while at + 19 <= len(raw):
        kind, size = raw[at + 4], int.from_bytes(raw[at + 9:at + 13], "little")
        body, at = raw[at + 19:at + size - 4], at + size
        if kind == TABLE_MAP and body[9 + body[8] + 2:].startswith(table.encode() + b"\0\2" + bytes([INT, JSON])):
            ours.add(body[:6])
        if kind not in (WRITE_ROWS, PARTIAL_UPDATE_ROWS) or body[:6] not in ours:
            continue
        inside = 8 + int.from_bytes(body[8:10], "little") + 1 + (1 if kind == WRITE_ROWS else 2)
        while inside < len(body):
            before = None
            if kind == PARTIAL_UPDATE_ROWS:
                before, inside = image(body, inside, False)
            after, inside = image(body, inside, kind == PARTIAL_UPDATE_ROWS)
            yield before, after


# --- the file ----------------------------------------------------------------

def short(text):
    return re.sub(r"([ -~]{1,10}?)\1{40,}", lambda m: f"{m[1]}\t{len(m[1])}\t{len(m[0]) // len(m[1])}\t", text)


def line(document, diffs, text):
    return f"{short(document.hex())} {'-' if diffs is None else short(diffs.hex())} {short(text)}\n"


def expressions(rnd):
    yield from ["true", "false", "cast('null' as json)", *map(str, INTEGERS), *DOUBLES]
    yield from (f"cast({v} as decimal({p},{s}))" for v, p, s in DECIMALS)
    yield from (t.replace("@", " ") for t in TIMES + BYTES)
    yield from TEXTS + NESTED
    yield from (f"json_array({','.join(rnd.double() for _ in range(30))})" for _ in range(8))
    yield f"json_array({','.join(repr(2.0**i) for i in range(-1074, -13, 25))})"
    yield from (rnd.value(4) for _ in range(40))


def documents(server, binlog, rnd):
    asked = [f"insert into doc values({i},json_extract(json_array({e}),'$[0]'))"
             for i, e in enumerate(expressions(rnd))]
    asked += [f"insert into doc select {i},json_array({c}) from source" for i, c in enumerate(COLUMNS, len(asked))]
    server.lines(["use golden_json", *asked])
    text = server.lines(["select cast(j as char) from golden_json.doc order by id"])
    found = [after for _, after in rows(binlog(), "doc")]
    assert len(text) == len(found) == len(asked), (len(text), len(found), len(asked))
    return [line(document, None, said) for (_, document, _), said in zip(found, text)]


def updates(server, binlog, rnd):
    said, shown = [], "select cast(j as char) from golden_json.upd where id="

    def change(i, expression):
        answer = server.lines([f"update golden_json.upd set j={expression} where id={i}", "select row_count()",
                               f"{shown}{i}"])
        if answer[0] == "1":
            said.append(answer[1])

    for i in range(21):
        start = f"cast({quoted(START)} as json)" if i == 0 else f"json_object('top',{rnd.value(3)},'b',{rnd.value(3)})"
        server.lines([f"insert into golden_json.upd values({i},{start})"])
        for n in range(len(UPDATES) if i == 0 else 5):
            change(i, UPDATES[n] if i == 0 else rnd.update(json.loads(server.lines([f"{shown}{i}"])[0])))
    found = [(b, a) for b, a in rows(binlog(), "upd") if b is not None]
    assert len(found) == len(said), (len(found), len(said))
    for ((_, old, _), (_, new, is_diff)), text in zip(found, said):
        yield line(old, new, text) if is_diff else line(new, None, text)


def main(argv):
    if len(argv) not in (2, 3):
        print(__doc__)
        return 2
    server, rnd = Server(argv[0]), Random(int(argv[2]) if len(argv) > 2 else 1)

    def binlog():
        return Path(argv[1]) / server.lines(["show binary log status"])[0].split("\t")[0]

    table = "(id int primary key, j json)"
    server.lines(["drop schema if exists golden_json", "create schema golden_json", "use golden_json",
                  f"create table doc{table}", f"create table upd{table}",
                  f"create table source({','.join(f'{n} {t}' for n, t in COLUMNS.items())})",
                  f"insert into source values({COLUMN_VALUES})", "flush binary logs"])
    version = server.lines(["select version()"])[0]
    made = [f"# MySQL {version}, by capture_json.py\n", *documents(server, binlog, rnd), *updates(server, binlog, rnd)]
    (HERE / "binlog-json.txt").write_text("".join(made), encoding="utf-8")
    print(f"{len(made) - 1} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
