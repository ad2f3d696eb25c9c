#!/usr/bin/env python3
"""Makes the golden captures anew from real servers, and checks the events against them.

    .cache/venv/bin/python tests/golden/capture.py [15] [18]

script.sql runs on an empty database; build/tests/golden/capture writes down what the two slots send
(pg15-text.bin, pg15-binary.bin, pg15-unlisted.bin); test_golden writes the events that our encoder makes
of them (*.jsonl). While the server is up its own text of each value, and its own arithmetic on dates and
times, are compared with those events, and the tables with what the events add up to.
"""
import base64
import json
import os
import struct
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
from support import servers  # noqa: E402

GOLDEN = "golden,golden_root,golden_inserts,golden_filter"
LONG_MAX, LONG_MIN = 2**63 - 1, -(2**63)


def run(*argv, **kw):
    subprocess.run([str(a) for a in argv], check=True, cwd=ROOT, stdin=subprocess.DEVNULL, **kw)


def capture(pg, db):
    """The three files of one server."""
    end = pg.one("select pg_current_wal_flush_lsn()", db)
    for slot, publications, form, name in (("golden_text", GOLDEN, "text", "text"),
                                           ("golden_binary", GOLDEN, "binary", "binary"),
                                           ("golden_text", "unlisted", "text", "unlisted")):
        run(ROOT / "build/tests/golden/capture", pg.url(db), slot, publications, form, end,
            HERE / f"pg{pg.version}-{name}.bin")


def events(name):
    with open(HERE / f"{name}.jsonl", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


# --- values against the server's own text ------------------------------------

def said(column):
    """The text that psql shows of a column; a row of nulls `is null` without being it."""
    return f"case when {column} is not distinct from null then null else format('%s', {column}) end"


def counted(column, expression, divisor=1):
    """A date or time as a number that the server itself makes; infinities as text."""
    finite = "true" if column in ("t", "t0", "t3") else f"isfinite({column})"
    return (f"case when {column} is null then null when {finite} then floor(({expression})::numeric / {divisor})::text"
            f" else format('%s', {column}) end")


def zoned(column, digits):
    year = f"extract(year from {column})"
    iso = f"case when {year} > 0 then {year} else {year} + 1 end"   # the server knows no year 0
    fraction = f"rpad(to_char({column}, '.US'), {digits + 1})" if digits else "''"
    return (f"case when {column} is null then null when isfinite({column}) then (case when {iso} > 9999 then '+' when {iso} < 0 then '-'"
            f" else '' end) || lpad(abs({iso})::int::text, greatest(4, length(abs({iso})::int::text)), '0')"
            f" || to_char({column}, '-MM-DD\"T\"HH24:MI:SS') || trim({fraction}) || 'Z'"
            f" else format('%s', {column}) end")


def as_whole(text):
    return {"infinity": LONG_MAX, "-infinity": LONG_MIN}.get(text) or int(text)


def as_date(text):
    return {"infinity": 2**31 - 1, "-infinity": -(2**31)}.get(text) or int(text)


def single(v):
    return struct.unpack("f", struct.pack("f", float(v)))[0]


TYPES = {
    "types_fixed": [("b", said("b"), lambda t: t == "t"), ("i2", said("i2"), int), ("i4", said("i4"), int),
                    ("i8", said("i8"), int), ("f4", said("f4"), single), ("f8", said("f8"), float),
                    ("o", said("o"), int), ("u", said("u"), str), ("e", said("e"), str)],
    "types_text": [(c, said(c), str) for c in ("t", "v", "v10", "c5", "n", "j", "jb", "x")]
    + [("bin", "encode(bin, 'hex')", lambda t: base64.b64encode(bytes.fromhex(t)).decode())],
    "types_numeric": [(c, said(c), str) for c in ("n", "n_10_2", "n_38", "n_5_neg", "n_3_5", "n_60_30")],
    "types_time": [("d", counted("d", "d - date '1970-01-01'"), as_date)]
    + [(c, counted(c, f"extract(epoch from {c}) * 1000000", 1 if c[-1] in "ts" else 1000), as_whole)
       for c in ("t", "t0", "t3", "ts", "ts0", "ts3")]
    + [(c, zoned(c, n), str) for c, n in (("tz", 6), ("tz0", 0), ("tz3", 3))],
}
SPECIAL = [(c, said(c), str) for c in ("n", "d")]
UNLISTED = ("ia ta ea iv ip net mac bits vbits p r nr mr tr vec tmz ch pr dom dtext l m").split()
TYPES_UNLISTED = {"unlisted_types": [(c, said(c), str) for c in UNLISTED]}


def inserted(lines, table):
    return {e["value"]["id"]: e["value"] for e in lines
            if e.get("table") == f"public.{table}" and e["value"] and e["value"]["__op"] == "c"}


def equal(want, got):
    """A float's JSON may be a string: NaN and infinities."""
    if isinstance(want, float) and isinstance(got, str):
        return repr(want) == repr(float(got.lower()))
    if isinstance(want, float):
        return repr(want) == repr(float(got)) or (got is not None and single(got) == want != float(got))
    return want == got


def check_values(pg, db, lines, tables, last_id=10**6):
    """Every value of these tables, in the plain envelope; returns how many."""
    checked = 0
    for table, columns in tables.items():
        rows = inserted(lines, table)
        asked = ", ".join(sql for _, sql, _ in columns)
        for key, *texts in pg.sql(f"set timezone = 'UTC'; select id, {asked} from {table} order by id", db):
            for (name, _, convert), text in zip(columns, texts):
                want = None if text is None else convert(text)
                got = rows[key][name]
                if not equal(want, got):
                    raise SystemExit(f"pg{pg.version} {table} id {key} {name}: the server says {text!r},"
                                     f" that is {want!r}; the event {got!r}")
                checked += 1
    return checked


def check_decimals(pg, db, plain, debezium):
    """The unscaled bytes of Debezium's envelope against the digits that were checked above."""
    scales = {"n_10_2": 2, "n_38": 0, "n_5_neg": 0, "n_3_5": 5, "n_60_30": 30}
    want = inserted(plain, "types_numeric")
    checked = 0
    for e in debezium:
        if e.get("table") != "public.types_numeric":
            continue
        after = e["value"]["after"]
        for name, v in after.items():
            if name == "id" or v is None:
                continue
            scale, raw = (v["scale"], v["value"]) if name == "n" else (scales[name], v)
            whole = int.from_bytes(base64.b64decode(raw), "big", signed=True)
            got = Decimal((whole < 0, tuple(map(int, str(abs(whole)))), -scale))
            if f"{got:f}" != want[after["id"]][name]:
                raise SystemExit(f"types_numeric id {after['id']} {name}: {got:f} for {want[after['id']][name]}")
            checked += 1
    return checked


# --- tables against what the events add up to --------------------------------

def replay(lines):
    """Applies the events of tables with a key in their order: {table: {key: row}}."""
    tables = {}
    for e in lines:
        if "error" in e or e["value"] is None or e["key"] is None and e["value"]["__op"] != "t":
            continue
        table = tables.setdefault(e["table"], {})
        row = {k: v for k, v in e["value"].items() if not k.startswith("__")}
        key = json.dumps(e["key"])
        op = e["value"]["__op"]
        if op == "t":
            table.clear()
        elif op == "d":
            if table.pop(key, None) is None:
                raise SystemExit(f"{e['id']}: a delete of a row that is not there")
        elif op == "c":
            if key in table:
                raise SystemExit(f"{e['id']}: an insert of a row that is there")
            table[key] = row
        else:
            old = table[key]
            table[key] = {k: old[k] if v == "__debezium_unavailable_value" else v for k, v in row.items()}
    return tables


STATES = ["public.types_fixed", "public.ident_default", "public.ident_composite", "public.ident_full",
          "public.ident_index", "public.toast_key", "public.tr_a", "public.tr_b", "public.tr_c",
          'public.part_leaf', "public.part_root", "public.many", "public.gen", "public.filtered"]


def check_states(pg, db, lines):
    """Tables of whole numbers and text: what the events add up to is what the table holds."""
    tables, checked = replay(lines), 0
    for name in STATES:
        parts = [t for t in tables if t == name or name == "public.part_leaf" and t.startswith(name)]
        got = sorted((json.dumps(r, sort_keys=True) for t in parts for r in tables[t].values()))
        columns = list(next((r for t in parts for r in tables[t].values()), {}))
        rows = pg.sql(f"select to_json(x)::text from {name} x", db)
        want = sorted(json.dumps({k: v for k, v in json.loads(t).items() if not columns or k in columns},
                                 sort_keys=True) for (t,) in rows)
        if name == "public.types_fixed":      # floats have their own words there
            got, want = [len(got)], [len(want)]
        if got != want:
            raise SystemExit(f"pg{pg.version} {name}: the table has {want}, the events make {got}")
        checked += len(want)
    return checked


def main(argv):
    os.environ.pop("GOLDEN_WRITE", None)
    run("make", "build/tests/golden/capture", "build/tests/unit/test_golden")
    for version in map(int, argv or ("15", "18")):
        with servers.Postgres(version) as pg:
            db = pg.create_db("golden")
            run("psql", "-X", "-q", "-f", HERE / "script.sql", pg.url(db))
            capture(pg, db)
            run(ROOT / "build/tests/unit/test_golden", env={**os.environ, "GOLDEN_WRITE": "1",
                                                            "GOLDEN_SERVER": f"pg{version}"})
            plain, debezium = events(f"pg{version}.plain"), events(f"pg{version}.debezium")
            values = check_values(pg, db, plain, TYPES)
            values += check_values(pg, db, events(f"pg{version}-unlisted.plain"), TYPES_UNLISTED)
            decimals = check_decimals(pg, db, plain, debezium)
            rows = check_states(pg, db, plain)
            print(f"pg{version}: {len(plain)} events; {values} values, {decimals} decimals and {rows} rows"
                  " are as the server has them")


if __name__ == "__main__":
    main(sys.argv[1:])
