"""Runs the blocks of one document, one after the other, in a folder and a database of its own.

The documents speak of servers on their usual ports and of the usual folders; what stands in
PLACES is replaced by what the test has started.
"""
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from blocks import missing_line, parse
from support.fetch import ROOT
from support.gtid import holds, of_position
from support.mysql import MariaDB, MySQL
from support.proc import Process, discard, scratch, wait_for
from support.rowferry import binary, cli_json

SECONDS = 150
DATABASE = "shop"
BINLOG_DATABASE = "store"
BINLOG_SERVERS = {"mariadb": MariaDB, "mysql": MySQL}
# the document that makes it, and which of its sql
SCENES = {"shop": ("quick-start.md", []), "store": ("mysql.md", ["mariadb"])}
MAKE_RUNS = {"", "all", "demo", "demo SOURCE=mariadb"}    # others are only looked at: make -n

MAKE = """#!/bin/sh
case "$*" in {runs}) exec {make} -C {root} "$@";; *) exec {make} -n -C {root} "$@" >/dev/null;; esac
"""
SECTIONS = {
    "pipeline": "pipeline: shop\n",
    "state_dir": "state_dir: /var/lib/rowferry\n",
    "source": "source:\n  type: postgresql\n"
              "  url: postgresql://rowferry@localhost:5432/shop\n  tables: [public.orders]\n",
    "sinks": "sinks:\n  - name: events\n    type: kafka\n    brokers: localhost:9092\n"
             "    registry: http://localhost:8081\n",
}


class Story:
    def __init__(self, path, pg, kafka, registry, server_with):
        self.path, self.pg, self.kafka, self.registry = path, pg, kafka, registry
        self.server_with, self.binlog = server_with, {}
        self.folder = scratch("docs")
        self.running, self.output, self.status = [], "", 0
        self.places = {
            "http://localhost:8081": registry.url,
            "localhost:9092": kafka.brokers,
            "localhost:5432": f"127.0.0.1:{pg.port}",
            "'change me'": "'secret'",
            "/run/secrets/": f"{self.folder}/secrets/",
            "/etc/rowferry/": f"{self.folder}/etc/",
            "/var/lib/rowferry": f"{self.folder}/state",
        }
        self._prepare()

    # -- the scene --

    def _prepare(self):
        tools = self.folder / "tools"
        for name in ("secrets", "etc", "tools"):
            (self.folder / name).mkdir()
        runs = "|".join(f'"{target}"' for target in sorted(MAKE_RUNS))
        self._tool(tools / "make", MAKE.format(runs=runs, make="/usr/bin/make", root=ROOT))
        self._tool(tools / "sudo", '#!/bin/sh\nexec "$@"\n')
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("PG", "ROWFERRY_", "MAKE", "MFLAGS"))}
        self.env["HOME"] = str(self.folder)
        self.env["PATH"] = ":".join(map(str, [tools, binary().parent, self.pg.bin,
                                              Path(sys.executable).parent, self.env["PATH"]]))
        self.clean()
        self.pg.sql(f"create database {DATABASE}")

    def _tool(self, path, text):
        path.write_text(text)
        path.chmod(0o755)

    def clean(self):
        """No database, role, topic or subject of the document is left."""
        try:
            self.pg.drop_db(DATABASE)
        except Exception as why:
            if "does not exist" not in str(why):
                raise
        self.pg.sql("drop role if exists rowferry")
        self.pg.sql("alter system reset all")
        self.pg.sql("select pg_reload_conf()")
        for server in self.binlog.values():
            server.drop_db(BINLOG_DATABASE)
            for name, host in server.sql("select user, host from mysql.user "
                                         "where user like 'rowferry%'"):
                server.sql(f"drop user '{name}'@'{host}'")
        self.kafka.delete_topics(*(t for prefix in ("shop", "store", "rowferry.")
                                   for t in self.kafka.topics(prefix)))
        with urllib.request.urlopen(f"{self.registry.url}/subjects", timeout=20) as answer:
            subjects = json.load(answer)
        for subject in subjects:
            if subject.startswith(("shop", "store")):
                urllib.request.urlopen(urllib.request.Request(
                    f"{self.registry.url}/subjects/{subject}", method="DELETE"), timeout=20)

    def close(self):
        try:
            for process, _ in self.running:
                process.kill9()
            self.clean()
        finally:
            discard(self.folder)

    # -- the blocks --

    def run(self):
        blocks, wanted_status = parse(self.path), 0
        for block in blocks:
            self.where = f"{self.path.name}:{block.line}"
            if block.kind == "fails":
                wanted_status = int(block.info[0])
                continue
            if block.order and block.kind not in ("sh", "sql"):
                getattr(self, f"order_{block.kind}")(*block.info)
                continue
            if block.kind == "sql" and block.info:
                self.binlog_sql(block.text, block.info[0])
                continue
            text = self.fill_in(block.text)
            if block.kind == "sh" and "background" in block.info:
                self.background(text)
            elif block.kind == "sh":
                self.sh(text, wanted_status)
                wanted_status = 0
            elif block.kind == "text" and "output" in block.info:
                line = missing_line(block.text, self.take_back(self.output))
                assert line is None, f"{self.where}: not printed: {line}\n{self.output}"
            elif block.kind not in ("text", "ini"):
                getattr(self, block.kind)(text)

    def fill_in(self, text):
        for name, value in self.places.items():
            text = text.replace(name, value)
        for kind in ("secrets", "etc"):
            for name in re.findall(re.escape(f"{self.folder}/{kind}/") + r"([\w.-]+)", text):
                path = self.folder / kind / name
                if not path.exists():
                    path.write_text("secret\n")
                    path.chmod(0o600)
        return text

    def take_back(self, text):
        for name, value in self.places.items():
            text = text.replace(value, name)
        return text

    def command(self, argv, wanted_status=0, stdin=None):
        """Runs it to its end; what it said is in self.output."""
        log = self.folder / "output"
        log.unlink(missing_ok=True)
        process = Process(argv, log, env=self.env, cwd=self.folder)
        try:
            status = process.wait(SECONDS)
        except TimeoutError:
            process.kill9()
            raise AssertionError(f"{self.where}: not over after {SECONDS} s:\n{process.tail()}")
        self.output = log.read_text(errors="replace")
        print(f"--- {self.where}\n{self.output}")
        assert status == wanted_status, \
            f"{self.where}: status {status}, not {wanted_status}:\n{self.output}"

    def script(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def sh(self, text, wanted_status=0):
        self.command(["bash", "-euo", "pipefail", self.script(".block.sh", text)], wanted_status)

    def server(self, kind):
        """MariaDB or MySQL, started when the document first speaks to it: no other test uses it."""
        if kind not in self.binlog:
            self.binlog[kind] = self.server_with(BINLOG_SERVERS[kind], server_id=3306)
            if kind == "mariadb":
                self.places["127.0.0.1:3306"] = f"127.0.0.1:{self.binlog[kind].port}"
            self.binlog[kind].drop_db(BINLOG_DATABASE)
            self.binlog[kind].sql(f"create database {BINLOG_DATABASE}")
        return self.binlog[kind]

    def background(self, text):
        log = self.folder / f"background-{len(self.running)}"
        process = Process(["bash", "-euc", "exec " + text.strip()], log, env=self.env,
                          cwd=self.folder, stdout=self.folder / "stdout")
        self.running.append((process, text.split()[-1]))

        def streams():
            assert process.running(), f"{self.where}: it ended:\n{process.tail(40)}"
            return "guarantee=" in log.read_text(errors="replace")
        wait_for(streams, 60, lambda: f"{self.where}: it streams\n{process.tail(40)}")

    def sql(self, text):
        self.command(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-d",
                      f"postgresql://postgres@127.0.0.1:{self.pg.port}/{DATABASE}",
                      "-f", self.script(".block.sql", text)])

    def binlog_sql(self, text, kind):
        port = self.server(kind).port
        script = self.script(".block.sql", self.fill_in(text))
        self.command(["bash", "-c", "exec mariadb --no-defaults --table -h 127.0.0.1 -u root "
                      f"-P {port} {BINLOG_DATABASE} < {script}"])

    def python(self, text):
        self.command([sys.executable, self.script(".block.py", text)])

    def json(self, text):
        json.loads(text)

    def yaml(self, text):
        """Read by rowferry itself: it gets as far as asking for a sink that there is not."""
        named = re.match(r"# ([\w.-]+\.ya?ml)\n", text)
        if named:
            self.script(named[1], text)
        whole = "".join(part for key, part in SECTIONS.items()
                        if not re.search(rf"^{key}:", text, re.M)) + text
        path = self.script(".block.yaml", self.fill_in(whole))
        done = subprocess.run([binary(), "offsets", "show", path, "--sink", "nobody"],
                              capture_output=True, text=True, env=self.env, timeout=30)
        assert "no sink has the name nobody" in done.stderr, \
            f"{self.where}: {done.stderr}{done.stdout}"

    # -- the orders --

    def order_scene(self, name):
        """What the document of that scene makes in its first blocks."""
        document, kind = SCENES[name]
        blocks = parse(ROOT / "docs" / document)
        sql = next(b.text for b in blocks if b.kind == "sql" and b.info == kind)
        if kind:
            self.binlog_sql(sql, kind[0])
        else:
            self.sql(sql)
        self.yaml(self.fill_in(next(b.text for b in blocks if b.text.startswith(f"# {name}.yaml"))))

    def order_purge(self, kind):
        self.server(kind).purge()

    def order_start(self, file="shop.yaml"):
        self.background(f"rowferry run {file}")

    def order_stop(self):
        process, _ = self.running.pop()
        process.kill(signal.SIGTERM)
        status = process.wait(20)
        assert status == 0, f"{self.where}: status {status}\n{process.tail()}"

    def order_wait(self):
        file = self.running[-1][1]
        if file == "store.yaml":
            wanted = self.server("mariadb").gtid()
            wait_for(lambda: all(holds(of_position(one["position"]), wanted) for one in
                                 cli_json("offsets", "list", self.folder / file)["offsets"]), 30,
                     lambda: f"{self.where}: the sinks have {wanted}")
            return
        lsn = self.pg.one("select pg_current_wal_insert_lsn()::text", DATABASE)
        wait_for(lambda: self.pg.one("select bool_and(confirmed_flush_lsn >= %s::pg_lsn) from "
                                     "pg_replication_slots where database = %s",
                                     args=(lsn, DATABASE)), 30,
                 lambda: f"{self.where}: the slot has confirmed {lsn}")
