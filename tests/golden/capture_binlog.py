#!/usr/bin/env python3
"""Makes the captures of binlogs anew from real servers, and checks that they say all that happened.

    .cache/venv/bin/python tests/golden/capture_binlog.py [mysql] [mariadb] [VARIANT ...]

script-binlog.sql, then the script of the kind of server, run on a server with a variant's options; its
binlog files are copied as they are (mysql97-plain.binlog, mysql97-plain-2.binlog). Beside them stands what
the server itself says of each table in the end (mysql97.tables.jsonl), for a decoder to be judged by: a line
for each table and one for each of its rows. It is the same for all variants, or this program says so and
stops. mysql97.captures.jsonl has a line for each variant: its options, its files, its tables' file.

A column has one or more `forms`, and a row's value is null, a string, or a list with one for each form:
    text    what the server shows in UTF-8
    hex     the bytes as they are stored
    number  the exact value of a float, a bit field or a zerofill; the index of an enum, the bits of a set

The check: mysqlbinlog plays the files into an empty server, whose tables must then be the same.
"""
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support.mysql import MariaDB, MySQL  # noqa: E402

VARIANTS = {
    MySQL: {
        "plain": {},
        "compressed": {"binlog_transaction_compression": "ON"},
        "partial-json": {"binlog_row_value_options": "PARTIAL_JSON"},
        "partial-json-minimal": {"binlog_row_value_options": "PARTIAL_JSON", "binlog_row_image": "MINIMAL"},
        "minimal": {"binlog_row_image": "MINIMAL"},
        "noblob": {"binlog_row_image": "NOBLOB"},
        "minimal-metadata": {"binlog_row_metadata": "MINIMAL"},
    },
    MariaDB: {
        "plain": {},
        "compressed": {"log_bin_compress": "ON", "log_bin_compress_min_len": 10},
        "minimal": {"binlog_row_image": "MINIMAL"},
        "noblob": {"binlog_row_image": "NOBLOB"},
        "minimal-metadata": {"binlog_row_metadata": "MINIMAL"},
        "no-metadata": {"binlog_row_metadata": "NO_LOG"},
    },
}
SMALL = {                                # these run script-small.sql
    MySQL: {"statements": {}, "no-checksum": {"binlog_checksum": "NONE"},
            "anonymous": {"gtid_mode": "OFF", "enforce_gtid_consistency": "OFF"}},
    MariaDB: {"statements": {}, "no-checksum": {"binlog_checksum": "NONE"}},
}
PREFIX = {MySQL: "mysql97", MariaDB: "mariadb1011"}
SYSTEM = "'mysql', 'sys', 'information_schema', 'performance_schema'"
LIMIT = 300_000                          # bytes, for a file that is kept
# mariadb-binlog makes no statement of a two-phase ALTER that is compressed, so it can't be played.
UNPLAYED = {"mariadb1011-compressed": {"instant"}}


# --- the scripts -------------------------------------------------------------

def statements(path):
    """(words of the directives before it, statement) for each."""
    directives, lines = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("-- @"):
            directives.append(line[4:].split())
        elif lines or line and not line.startswith("--"):
            lines.append(line)
            if line.split("   -- ")[0].rstrip().endswith(";"):
                yield directives, "\n".join(lines)
                directives, lines = [], []
    assert not lines, f"{path.name} ends inside a statement"


class Sessions:
    """The connections of a script, by name; each begins in the same database and time zone."""

    def __init__(self, server):
        self.server, self.open = server, {}
        self.go("a")

    def go(self, name):
        if name not in self.open:
            self.open[name] = self.server.connect()
            self.open[name].execute("set time_zone = '+00:00'")
            if len(self.open) > 1:
                self.open[name].execute("use golden")
        self.current = self.open[name]

    def run(self, path):
        for directives, statement in statements(path):
            fails = None
            for what, value in directives:
                if what == "session":
                    self.go(value)
                else:
                    fails = int(value)
            self.execute(statement, fails)

    def execute(self, statement, fails):
        code = None
        try:
            self.current.execute(statement.rstrip().rstrip(";"))
        except Exception as why:
            code = why.args[0]
            if code != fails:
                raise SystemExit(f"{self.server.name}: {why}\n{statement}")
        if fails and code is None:
            raise SystemExit(f"{self.server.name}: this should have failed with {fails}\n{statement}")

    def close(self):
        for connection in self.open.values():
            connection.close()


# --- what the server says ----------------------------------------------------

NUMBERS = {"float", "bit", "enum", "set"}
HEX = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector", "geometry", "point",
       "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection"}


def forms_of(data_type, column_type, charset):
    if data_type in HEX:
        return ["hex"]
    if data_type == "bit":
        return ["number"]
    if data_type in NUMBERS or "zerofill" in column_type:
        return ["text", "number"]
    if charset and not charset.startswith("utf8"):
        return ["text", "hex"]
    return ["text"]


def expression(name, data_type, form):
    quoted = "`" + name.replace("`", "``") + "`"
    if form == "hex":
        return f"hex({quoted})"
    if form == "number":
        return f"cast({quoted} as {'double' if data_type == 'float' else 'unsigned'})"
    return f"cast({quoted} as char character set utf8mb4)" if data_type in ("json", "uuid", "inet4", "inet6") else quoted


def columns_of(c, db, table, kind):
    found = [dict(name=name, type=column_type, charset=charset, collation=collation, extra=extra,
                  data_type=data_type, forms=forms_of(data_type, column_type, charset))
             for name, column_type, data_type, charset, collation, extra in c.execute(
                 "select column_name, column_type, data_type, character_set_name, collation_name, extra"
                 " from information_schema.columns where table_schema = %s and table_name = %s"
                 " order by ordinal_position", (db, table)).fetchall()]
    if kind == "SYSTEM VERSIONED" and not c.execute(
            "select 1 from information_schema.columns where table_schema = %s and table_name = %s"
            " and generation_expression = 'ROW START'", (db, table)).fetchall():
        found += [dict(name=n, type="timestamp(6)", charset=None, collation=None, extra="hidden",
                       data_type="timestamp", forms=["text"]) for n in ("row_start", "row_end")]
    return found


def key_of(c, db, table):
    return [name for (name,) in c.execute(
        "select column_name from information_schema.statistics where table_schema = %s and table_name = %s"
        " and index_name = 'PRIMARY' order by seq_in_index", (db, table)).fetchall()]


def rows_of(c, db, table, kind, columns):
    asked = [expression(f["name"], f["data_type"], form) for f in columns for form in f["forms"]]
    versions = " for system_time all" if kind == "SYSTEM VERSIONED" else ""
    order = "" if kind == "SEQUENCE" else f" order by {', '.join(str(n + 1) for n in range(min(len(asked), 20)))}"
    for row in c.execute(f"select {', '.join(asked)} from `{db}`.`{table}`{versions}{order}").fetchall():
        values, made = list(row), []
        for f in columns:
            mine = [values.pop(0) for _ in f["forms"]]
            made.append(mine[0] if mine[0] is None or len(mine) == 1 else mine)
        yield made


def tables(server):
    """The lines of the JSON file but the first."""
    with server.connect(conv={}) as c:
        c.execute("set time_zone = '+00:00', sort_buffer_size = 64 << 20")
        for db, table, kind in c.execute(
                "select table_schema, table_name, table_type from information_schema.tables where table_schema"
                f" not in ({SYSTEM}) and table_type <> 'VIEW' order by 1, 2").fetchall():
            columns = columns_of(c, db, table, kind)
            rows = list(rows_of(c, db, table, kind, columns))
            yield {"db": db, "table": table, "kind": kind, "key": key_of(c, db, table), "rows": len(rows),
                   "columns": [{k: v for k, v in f.items() if k != "data_type" and v} for f in columns]}
            for row in rows:
                yield {"db": db, "table": table, "row": row}


# --- the check ---------------------------------------------------------------

def play(server, binlogs):
    """Plays the files into a server by mysqlbinlog and the command-line client; returns the complaints."""
    said = b""
    for path in binlogs:
        copy = server.folder / path.name
        shutil.copy(path, copy)
        copy.chmod(0o644)
        text = server.run(server.mysqlbinlog, "--no-defaults", "--disable-log-bin", server.inside(copy))
        done = subprocess.run(["mariadb", "--no-defaults", "--protocol=tcp", "-h127.0.0.1", f"-P{server.port}", "-uroot",
                               "--binary-mode", "--force", "--default-character-set=utf8mb4"],
                              input=text, capture_output=True)
        said += done.stderr
    return said.decode(errors="replace")


def compare(name, want, got):
    """Tables and rows in text; the first differences are shown."""
    # A setting of the server decides about the old form of times, which a definition does not say.
    ours, theirs = ([json.dumps(line, ensure_ascii=False, sort_keys=True).replace(" /* mariadb-5.3 */", "")
                     for line in lines] for lines in (want, got))
    lost, extra = [t for t in ours if t not in set(theirs)], [t for t in theirs if t not in set(ours)]
    for word, them in (("missing", lost), ("too many", extra)):
        for text in them[:10]:
            print(f"{name}: {word}: {text[:300]}")
    return not (lost or extra)


# --- one capture -------------------------------------------------------------

class Capture:
    """A variant: what runs, with which options, and where it is kept."""

    def __init__(self, kind, variant, options, small):
        self.kind, self.variant, self.options = kind, variant, options
        prefix = PREFIX[kind]
        self.name = f"{prefix}-{variant}"
        if small:
            story = "statements" if variant == "statements" else "small"
            self.scripts, self.tables = [f"script-{story}.sql"], HERE / f"{prefix}-{story}.tables.jsonl"
        else:
            self.scripts = ["script-binlog.sql", f"script-{kind.name}.sql"]
            self.tables = HERE / f"{prefix}.tables.jsonl"
        self.captures = HERE / f"{prefix}.captures.jsonl"

    def make(self):
        """Runs the scripts; keeps the files, and what they are about."""
        with self.kind(**self.options) as server:
            sessions = Sessions(server)
            for script in self.scripts:
                sessions.run(HERE / script)
            sessions.close()
            self.lines = list(tables(server))
            about = {"variant": self.variant, "server": server.one("select version()"), "options": self.options,
                     "gtid": server.gtid(), "tables": self.tables.name}
            server.stop()
            self.copy(sorted(server.data.glob("binlog.0*")))
        about["files"] = [f.name for f in self.files]
        kept = self.captures.read_text().splitlines() if self.captures.exists() else []
        kept = [t for t in kept if json.loads(t)["variant"] != self.variant] + [text_of(about)]
        self.captures.write_text("".join(f"{t}\n" for t in sorted(kept)))

    def copy(self, binlogs):
        self.files = [HERE / f"{self.name}{'' if n == 0 else f'-{n + 1}'}.binlog" for n in range(len(binlogs))]
        for source, file in zip(binlogs, self.files):
            shutil.copyfile(source, file)
            if file.stat().st_size > LIMIT:
                raise SystemExit(f"{file.name} is too large to keep: {file.stat().st_size}")

    def agrees(self):
        """The tables are those of the other variants, and those that the files make."""
        text = "".join(f"{text_of(line)}\n" for line in self.lines)
        if self.variant in ("plain", "statements", "no-checksum"):
            self.tables.write_text(text, encoding="utf-8")
        good = compare(f"{self.name} and the file", map(json.loads, self.tables.open(encoding="utf-8")), self.lines)
        unplayed = UNPLAYED.get(self.name, ())
        with self.kind(**self.options) as server:
            said = play(server, self.files)
            played = compare(f"{self.name} played", *([t for t in lines if t["table"] not in unplayed]
                                                      for lines in (self.lines, tables(server))))
        if not played:
            print(said[-3000:])
        return good and played


def text_of(line):
    return json.dumps(line, ensure_ascii=False)


def main(argv):
    kinds = [k for k in VARIANTS if k.name in argv] or list(VARIANTS)
    wanted = [a for a in argv if a not in ("mysql", "mariadb")]
    bad = 0
    for kind in kinds:
        for capture in [*[Capture(kind, v, o, False) for v, o in VARIANTS[kind].items()],
                        *[Capture(kind, v, o, True) for v, o in SMALL[kind].items()]]:
            if wanted and capture.variant not in wanted:
                continue
            capture.make()
            good = capture.agrees()
            bad += not good
            print(f"{capture.name}: {' and '.join(str(f.stat().st_size) for f in capture.files)} bytes, "
                  f"{len(capture.lines)} lines of tables: {'as they must be' if good else 'DIFFERENT'}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
