#!/usr/bin/env python3
"""Makes first inputs for the fuzz targets out of the golden captures and the examples in docs/.

    tests/fuzz/seeds.py FOLDER        writes FOLDER/fuzz_frame/..., FOLDER/fuzz_values/..., ...

What is committed under corpus/ is these and what fuzzing found beside them, made small (inputs with a
name are regressions and stay):

    build/fuzz/fuzz_frame -set_cover_merge=1 -use_counters=0 -max_len=4096 NEW FOLDER/fuzz_frame \\
        tests/fuzz/corpus/fuzz_frame build/fuzz/found/fuzz_frame
"""
import hashlib
import re
import struct
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# As in fuzz_values.c, in its order; 600 (a point) stands for all others.
VALUE_TYPES = [16, 17, 20, 21, 23, 25, 26, 114, 142, 700, 701, 1082, 1083, 1114, 1184, 1700, 2950, 3802, 600]
# A type for each enum value_type, in its order, as fuzz_pgoutput.c has its columns.
ROW_TYPES = [16, 21, 23, 20, 700, 701, 1700, 1700, 25, 17, 2950, 114, None, 1082, 1083, 1114, 1184, 600]


def messages(name):
    raw, at = (ROOT / "tests/golden" / f"{name}.bin").read_bytes(), 0
    while at < len(raw):
        _, size = struct.unpack_from(">QI", raw, at)
        yield raw[at + 12:at + 12 + size]
        at += 12 + size


def relation(message):
    """(id, [type of each column])"""
    rid, = struct.unpack_from(">I", message, 1)
    at = 5
    for _ in range(2):
        at = message.index(b"\0", at) + 1
    count, = struct.unpack_from(">H", message, at + 1)
    at, types = at + 3, []
    for _ in range(count):
        at = message.index(b"\0", at + 1) + 1
        types.append(struct.unpack_from(">I", message, at)[0])
        at += 8
    return rid, types


def tuples(message):
    """[(kind, [(kind, bytes), ...]), ...] of a row message."""
    at, found = 5, []
    while at < len(message):
        kind, (count,) = message[at:at + 1], struct.unpack_from(">H", message, at + 1)
        at, values = at + 3, []
        for _ in range(count):
            how, size = message[at:at + 1], 0
            at += 1
            if how in b"tb":
                size, = struct.unpack_from(">I", message, at)
                at += 4
            values.append((how, message[at:at + size]))
            at += size
        found.append((kind, values))
    return found


def frame_seeds():
    """One input for each transaction, with the descriptions that its rows need in front."""
    for name in ("pg15-text", "pg15-binary", "pg18-text", "pg15-unlisted"):
        known, now = {}, []
        for m in messages(name):
            kind = m[:1]
            if kind == b"R":
                known[struct.unpack_from(">I", m, 1)[0]] = m
            if kind in b"IUDT" and len(m) > 600:
                continue                        # the long values are in fuzz_values
            now.append(m)
            if kind != b"C":
                continue
            used = {struct.unpack_from(">I", r, 1)[0] for r in now if r[:1] in b"IUD"}
            told = [m for r, m in known.items() if r in used and m not in now]
            for options in (1 if "binary" in name else 0, (3 if "binary" in name else 2) | 56):
                yield bytes([options]) + b"".join(struct.pack(">H", len(x)) + x for x in told + now)
            now = []


def values_by_type():
    """{type: {(kind, bytes)}} of all columns of all captures."""
    found = defaultdict(set)
    for name in ("pg15-text", "pg15-binary", "pg15-unlisted", "pg18-text", "pg18-binary"):
        types = {}
        for m in messages(name):
            if m[:1] == b"R":
                rid, columns = relation(m)
                types[rid] = columns
            elif m[:1] in b"IUD":
                for _, values in tuples(m):
                    for oid, value in zip(types[struct.unpack_from(">I", m, 1)[0]], values):
                        if value[0] in b"tb" and len(value[1]) < 800:
                            found[oid].add(value)
    return found


def value_seeds():
    for oid, values in values_by_type().items():
        kind = VALUE_TYPES.index(oid if oid in VALUE_TYPES else 25 if oid in (19, 1042, 1043) else 600)
        for how, raw in sorted(values):
            for modifier in (0, 33, 60, 90):
                yield bytes([kind, modifier << 1 | (how == b"b")]) + raw


def pgoutput_seeds():
    by_type = {oid: sorted(v) for oid, v in values_by_type().items()}
    for round_ in range(8):
        row = b""
        for place, oid in enumerate(ROW_TYPES):
            choices = by_type.get(oid) or [(b"t", b"sad")]
            if place == 6:                       # numeric(20, 4)
                choices = [(b"t", b"1.0000"), (b"t", b"-12345.6789"), (b"t", b"0.0000"), (b"t", b"NaN")]
            how, raw = choices[round_ * 7 % len(choices)]
            row += how + struct.pack(">I", len(raw)) + raw
        row = struct.pack(">H", len(ROW_TYPES)) + row
        nulls = struct.pack(">H", len(ROW_TYPES)) + b"nn" + b"t\0\0\0\x017" + b"n" * (len(ROW_TYPES) - 3)
        unchanged = struct.pack(">H", len(ROW_TYPES)) + b"u" * len(ROW_TYPES)
        head = struct.pack(">I", 0x4001)
        forms = [b"I" + head + b"N" + row, b"U" + head + b"N" + row, b"U" + head + b"O" + row + b"N" + unchanged,
                 b"U" + head + b"K" + nulls + b"N" + row, b"D" + head + b"K" + nulls, b"D" + head + b"O" + row]
        for i, form in enumerate(forms):
            yield bytes([(round_ + i) % 6]) + form


def config_seeds():
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]:
        for block in re.findall(r"```ya?ml\n(.*?)```", page.read_text(), re.S):
            if len(block) < 4000:
                yield block.encode()
    yield (b"pipeline: p\nstate_dir: /tmp\nsource: {type: postgresql, url: 'postgresql://u@h/d', tables: ['a.*', b],"
           b" exclude: [a.x], keyless: inserts, publication: x, slot: y, status: 1s, heartbeat: 200ms}\n"
           b"batch: {threads: 2, size: 4KiB, buffer: 256KiB}\nlog: {level: debug, format: json}\naudit: /tmp/a\n"
           b"sinks:\n  - {name: k, type: kafka, brokers: 'h:1', registry: 'http://r', format: avro, envelope: plain,"
           b" tombstones: false, truncate: stop, transaction: whole, key: {'a.*': 'id, x'}, topic: '{table}',"
           b" options: {linger.ms: '5'}}\n  - {name: s, type: stdout}\n  - {name: n, type: 'null'}\n")
    yield b"pipeline: &a p\nsource: *a\n"
    yield "pipeline: \"\\u00e9\\x00\"\n# ü\n---\n- [a, {b: c}]\n...\n".encode()


def offset_seeds():
    yield (b'{"v":1,"state":"at","position":"lsn:0/16B3748+0/16C0000/1234","source":"postgresql:7/shop",'
           b'"timeline":1,"options":"0123456789abcdef","epoch":3,"batch_no":77,"written_us":1795341167467797}')
    yield (b'{"v":1,"state":"starting","position":"none","source":"x","timeline":4294967295,"options":"",'
           b'"epoch":9223372036854775807,"batch_no":0,"written_us":0,"later":[{"a":1e400}]}')
    for test in (ROOT / "tests/unit/test_offset.c").read_text().split("\n"):
        for text in re.findall(r'"(\{(?:\\.|[^"\\])*\})"', test):
            yield text.encode().decode("unicode_escape").encode("latin-1")


def registry_seeds():
    yield b'{"id":1}'
    yield b'{"subject":"a-value","version":3,"id":2147483647,"schema":"{\\"type\\":\\"string\\"}"}'
    yield b'{"error_code":40901,"message":"Schema being registered is incompatible with an earlier schema"}'
    yield b'{"error_code":42201,"message":"\\u0000\\ud83d\\ude00","details":[1,{"a":null}],"id":0}'
    yield b"<html><body>502 Bad Gateway</body></html>"
    yield b'[1,2.5,"x",true,{"id":"7"}]'


def gtid_seeds():
    """The first byte: 0 MySQL's text, 1 MariaDB's, 2 bytes, 3 one GTID. Two sets, parted by a NUL or by length."""
    uuids = ["3e11fa47-71ca-11e1-9e33-c80aa9429562", "FFFFFFFF-ffff-ffff-ffff-ffffffffffff"]

    def encoded(*rows, tagged):
        count = 1 | len(rows) << 8 | 1 << 56 if tagged else len(rows)
        raw = struct.pack("<Q", count)
        for uuid, tag, intervals in rows:
            raw += bytes.fromhex(uuid.replace("-", "")) + (bytes([len(tag) << 1]) + tag if tagged else b"")
            raw += struct.pack("<Q", len(intervals)) + b"".join(struct.pack("<QQ", *i) for i in intervals)
        return raw

    def two(a, b):
        return b"\2" + struct.pack("<H", len(a)) + a + b

    a, c = uuids
    yield f"\0{a}:1-3:5:tag_a:1-2:7\0{a}:2-6:tag_a:7,\n{c}:9223372036854775806".encode()
    yield f"\0{c} : 1 - 9223372036854775806 , {a}:8:6:4:2-5:b:1:a:3".encode()
    yield f"\0{a}:10-20\0{a}:12-14:18,{c}:z_9:1".encode()
    yield f"\0{a}:5-3,".encode()
    yield b"\x010-1-5,1-5-7\x000-1-4,4294967295-2-9"
    yield b"\1 7-4294967295-9223372036854775806 ,\n3-1-1\x007-1-1"
    yield f"\3{a}:77".encode()
    yield f"\3 {c}:Tag_A:1".encode()
    yield b"\x030-1-5"
    plain = encoded((a, b"", [(1, 6), (7, 8)]), (c, b"", [(1, 2**63 - 1)]), tagged=False)
    tags = encoded((a, b"", [(5, 6)]), (a, b"tag", [(1, 4), (6, 9)]), (c, b"z9", [(2, 3)]), tagged=True)
    yield two(plain, tags)
    yield two(encoded((a, b"tag", [(1, 4)]), tagged=True), encoded(tagged=False))
    yield two(encoded((c, b"b", [(9, 10), (1, 2), (2, 5)]), (a, b"", []), (c, b"a" * 32, [(1, 2)]), tagged=True), tags)
    yield two(encoded((a, b"", [(1, 1)]), tagged=False), plain)
    yield two(tags[:-1], plain)


def binlog_json_seeds():
    """Documents and diffs of the golden file that are small enough; see fuzz_binlog_json.c."""
    for line in (ROOT / "tests/golden/binlog-json.txt").read_text().split("\n"):
        document, diffs, *_ = line.split(" ", 2) if line.count(" ") > 1 and line[0] != "#" else ("", "", "")
        if document and "\t" not in document + diffs and len(document) < 600:
            raw = bytes.fromhex(document)
            yield struct.pack("<H", len(raw)) + raw + bytes.fromhex(diffs.strip("-"))


def canonical_seeds():
    """The examples of test_canonical.c, with the head that fuzz_canonical.c wants."""
    types = re.findall(r"^    TYPE_(\w+),", (ROOT / "include/cdc/value.h").read_text(), re.M)
    forms = {"TEXT": 0, "RAW": 1, "HEX": 2, "GEOMETRY": 3, "EWKB": 4}
    text = (ROOT / "tests/unit/test_canonical.c").read_text("latin-1")
    for type_, flags, examples in re.findall(r"ALL(?:_HOW)?\((?:HOW\(\.type = )?TYPE_(\w+)([^\"]*)(.*?)\);\n", text, re.S):
        head = ("padded" in flags) | ("json_doubles" in flags) << 1 | ("wkb_only" in flags) << 2
        for form, literal in re.findall(r'\b(TEXT|RAW|HEX|GEOMETRY|EWKB)\("((?:[^"\\]|\\.)*)"\)', examples):
            value = literal.encode("latin-1").decode("unicode_escape").encode("latin-1")
            yield bytes([types.index(type_), forms[form], head]) + value


def enumerators(path, prefix):
    """{name: number} of an enum's lines, such as BINLOG_TINY = 1 or CHARSET_BIG5."""
    found, now = {}, 0
    for name, number in re.findall(rf"^    {prefix}(\w+)(?: = (\w+))?,", (ROOT / path).read_text(), re.M):
        now = int(number) if number.isdigit() else now + 1
        found[name] = now
    return found


def binlog_columns():
    """[(fuzz_binlog_values's head, hex of a value)] of the examples in test_binlog_types.c."""
    types = enumerators("cdc/decode/binlog_column.h", "BINLOG_")
    sets = {"UNKNOWN": 0, "BINARY": 1, "UTF8MB4": 2, "UTF8MB3": 3, "ASCII": 4, "LATIN1": 5}
    disguises = {"UUID": 1, "INET6": 2, "INET4": 3, "VECTOR": 4}

    def head(type_, disguise=0, bits2=0, fraction=0, width=0, precision=0, scale=0, bits=0, most=0, charset=0):
        return bytes([type_, disguise, bits2, fraction, width, precision, scale, bits, min((most + 3) // 4, 255),
                      charset])

    text = (ROOT / "tests/unit/test_binlog_types.c").read_text()
    pattern = r'^    \{\{?([A-Z]+)\(([^)]*)\)([^}"]*)\}?,\s+"([0-9a-f]*)"'
    for macro, words, rest, raw in re.findall(pattern, text, re.M):
        words, fields = words.split(", "), dict(re.findall(r"\.(\w+) = (?:\w+_(?=[A-Z]))?(\w+)", rest))
        if macro == "TYPE":
            yield head(types[words[0]], disguises.get(fields.get("disguise"), 0),
                       (fields.get("is_unsigned") == "true") | int(fields.get("geometry", 0)) << 1, 0,
                       int(fields.get("width", 0)), bits=int(fields.get("bits", 0)),
                       most=int(fields.get("max_bytes", 0)), charset=sets.get(fields.get("charset"), 0)), raw
        elif macro == "DECIMAL":
            yield head(types["NEWDECIMAL"], precision=int(words[0]), scale=int(words[1])), raw
        elif macro == "FRACTION":
            yield head(types[words[0]], fraction=int(words[1])), raw
        elif macro == "CHARS":
            most = int(words[1])
            yield head(types[words[0]], width=2 if most > 255 else 1, most=most, charset=sets[words[2]]), raw
        elif macro == "BLOB":
            yield head(types["BLOB"], width=int(words[0]), charset=sets[words[1]]), raw
        elif macro == "DISGUISED":
            yield head(types["STRING"], disguises[words[0]], width=1, most=int(words[1]), charset=1), raw
        elif macro == "LABELS":
            yield head(types[words[0]], width=int(words[1])), raw
        elif macro == "COMPRESSED":
            yield head(types[words[0] + "_COMPRESSED"], width=int(words[1]), most=1000, charset=sets[words[2]]), raw


def binlog_value_seeds():
    for head, raw in binlog_columns():
        yield head + bytes.fromhex(raw)
    yield bytes([245, 0, 0, 0, 4, 0, 0, 0, 0, 0]) + bytes.fromhex("0400000004000102")
    others = list(enumerators("cdc/decode/binlog_charset.c", "CHARSET_"))
    texts = (ROOT / "tests/unit/test_binlog_charset.c").read_text()
    for name, raw in re.findall(r'^        \{"(\w+)", "([0-9a-f]+)", ', texts, re.M):
        if name.upper() in others:
            number = 6 + others.index(name.upper())
            yield bytes([252, 0, 0, 0, 1, 0, 0, 0, 0, number, len(raw) // 2]) + bytes.fromhex(raw)


def binlog(name):
    """(type, whole event without checksum) of each event of a capture, without those that are large."""
    raw, at = (ROOT / "tests/golden" / f"{name}.binlog").read_bytes(), 4
    size = struct.unpack_from("<I", raw, at + 9)[0]
    tail = 4 if raw[at + size - 5] == 1 else 0
    while at + 19 <= len(raw):
        size = struct.unpack_from("<I", raw, at + 9)[0]
        yield raw[at + 4], raw[at:at + size - tail]
        at += size


GROUPS = {33, 34, 42, 162}               # the types that begin one
ROWS = {23, 24, 25, 30, 31, 32, 39, *range(166, 172)}
STREAMS = {"mysql97-plain": 0, "mysql97-compressed": 0, "mysql97-partial-json": 0, "mysql97-minimal": 4,
           "mysql97-minimal-metadata": 16, "mysql97-statements": 32, "mysql97-anonymous": 8 | 32,
           "mariadb1011-plain": 1 | 16, "mariadb1011-compressed": 1, "mariadb1011-no-metadata": 1 | 4,
           "mariadb1011-statements": 1 | 32}


def groups(name):
    """The groups of a capture as lists of events; the first list is what stands before them."""
    found = [[]]
    for kind, event in binlog(name):
        if kind in GROUPS:
            found.append([])
        found[-1].append((kind, event))
    return found


def shape(group):
    """What is new about a group: its types of events, and of columns."""
    kinds = tuple(dict.fromkeys(kind for kind, _ in group))
    texts = tuple(event[-40:].split(b"\0")[-1][:9].lower() for kind, event in group if kind in (2, 165))
    return kinds, texts


def binlog_event_seeds():
    def stream(options, *lists):
        events = [event for events in lists for _, event in events]
        return bytes([options]) + b"".join(struct.pack("<H", len(e)) + e for e in events)

    rotate = struct.pack("<IBIIIH", 0, 4, 1, 19 + 8 + 13, 0, 0x20) + struct.pack("<Q", 4) + b"binlog.000001"
    seen = set()
    for name, options in STREAMS.items():
        head, *rest = groups(name)
        head = [(4, rotate), *head[:1]]
        found, prepared = [], None
        for group in rest:
            size = sum(len(event) for _, event in group)
            known = (name.startswith("mysql"), shape(group))
            if any(kind == 38 for kind, _ in group):
                prepared = group
            if known in seen or size > 1500:
                continue
            seen.add(known)
            decides = any(b"XA COMMIT" in event for kind, event in group if kind == 2)
            found.append((prepared if decides and prepared else []) + group)
        for n in range(0, len(found), 3):
            yield stream(options, head, *found[n:n + 3])
            yield stream(options | 2, head, *found[n:n + 1])


def binlog_rows_seeds():
    seen = set()
    for name in STREAMS:
        maps = {}
        for kind, event in binlog(name):
            if kind == 19:
                maps[event[19:25]] = event[19:]
            elif kind in ROWS and event[19:25] in maps and len(event) < 1200:
                described = maps[event[19:25]]
                known = (name, kind, len(described))
                if known in seen or len(described) > 1500 or len(seen) % 1000 > 900:
                    continue
                seen.add(known)
                yield bytes([name.startswith("mariadb"), kind]) + struct.pack("<H", len(described)) + described + event[19:]


def binlog_payload_seeds():
    found = sorted((event[19:] for kind, event in binlog("mysql97-compressed") if kind == 40), key=len)
    yield from (b"\x3f" + body for body in found[::len(found) // 20] if len(body) < 3000)
    inner = struct.pack("<IBIIIH", 0, 16, 1, 27, 0, 0) + bytes(8)
    yield b"\0" + bytes([2, 3, 252, 255, 0, 3, 1, 54, 1, 1, 54, 0]) + inner * 2
    yield b"\0" + bytes([2, 3, 252, 255, 0, 1, 1, 53, 0]) + (inner * 2)[:53]


def position_seeds():
    a, b = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "00000000-0000-0000-0000-000000000001"
    texts = ["none", "0/16B3748", "lsn:0/16B3748+0/16C0000/1234", f"gtid:{a}:1-5:7:tag:1-3,{b}:9", "gtid:", "mariadb:",
             f"gtid:{a}:1-5@binlog.000003/1234", f"gtid:{a}:1-5@binlog.000003/1234+{a}:6/3/40/{a}",
             f"gtid:{a}:1-4+{a}:tag:6/3/40/{b}", "mariadb:0-1-5,1-5-7@bin.000001/4", "mariadb:0-1-5+0-2-6/1/1/2",
             "file:binlog.000003/1234", "file:a.b.4294967295/18446744073709551614",
             "file:binlog.000003/1234+binlog.000003:1234/1/2/x", f"file:binlog.000003/4+{a}:5/1/2/x"]
    yield from (text.encode() for text in texts)
    yield f"gtid:{a}:1-5:8\0gtid:{a}:3-9,{b}:1+{a}:10/1/1/s".encode()
    yield f"gtid:{a}:1-5+{a}:6/3/3/s\0gtid:{a}:1-5+{a}:6/2/2/s".encode()
    yield b"mariadb:0-1-5,1-1-1\0mariadb:0-2-7"
    yield b"file:binlog.000003/4+binlog.000003:9/1/2/x\0file:binlog.000003/4+binlog.000003:9/3/2/x"


SEEDS = {"fuzz_frame": frame_seeds, "fuzz_values": value_seeds, "fuzz_pgoutput": pgoutput_seeds,
         "fuzz_config": config_seeds, "fuzz_offset": offset_seeds, "fuzz_registry": registry_seeds,
         "fuzz_gtid": gtid_seeds, "fuzz_binlog_json": binlog_json_seeds,
         "fuzz_binlog_values": binlog_value_seeds, "fuzz_binlog_events": binlog_event_seeds,
         "fuzz_binlog_rows": binlog_rows_seeds, "fuzz_binlog_payload": binlog_payload_seeds,
         "fuzz_position": position_seeds, "fuzz_canonical": canonical_seeds}


def main(argv):
    if len(argv) != 1:
        print(__doc__)
        return 2
    for target, make in SEEDS.items():
        folder = Path(argv[0]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for raw in make():
            (folder / hashlib.sha1(raw).hexdigest()).write_bytes(raw)
        print(f"{target}: {len(list(folder.iterdir()))} inputs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
