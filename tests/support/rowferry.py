"""Runs the rowferry program under test."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from .fetch import ROOT
from .proc import Process, discard, scratch, wait_for
from .watch import NoAnswer, watch_of

EXIT_REFUSED = 4


def binary(failpoints=False):
    """The program under test: $ROWFERRY_BIN, or what `make` built."""
    if failpoints:
        return Path(os.environ.get("ROWFERRY_FAILPOINT_BIN") or ROOT / "build/failpoints/rowferry")
    return Path(os.environ.get("ROWFERRY_BIN") or ROOT / "build/rowferry")


def kafka_sink(kafka, registry, pipeline, /, name="events", **over):
    """A sink's section; what is None in `over` is left out."""
    sink = {"name": name, "type": "kafka", "brokers": kafka.brokers, "registry": registry.url,
            "topic": pipeline + ".{schema}.{table}", "format": "avro", "envelope": "debezium",
            "partitions": 3, "replication": 1, **over}
    return {k: v for k, v in sink.items() if v is not None}


def configuration(pipeline, server, db, sinks, state_dir, tables=None, exclude=(), **source):
    """A configuration as a dict; JSON is YAML, so json.dump writes it. All tables of the database
    unless told otherwise."""
    src = {"type": server.kind, "url": server.url(db),
           "tables": list(tables or [f"{server.schema(db)}.*"]), "snapshot": "never", **source}
    if exclude:
        src["exclude"] = list(exclude)
    return {"pipeline": pipeline, "state_dir": str(state_dir), "source": src, "sinks": list(sinks)}


def cli(*words, program=None, timeout=60, env=None):
    """Runs a command to its end: .returncode, .stdout, .stderr."""
    return subprocess.run([str(program or binary()), *map(str, words)], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=timeout,
                          env={**os.environ, **(env or {})})


def cli_json(*words, **kw):
    done = cli(*words, "--json", **kw)
    if done.returncode:
        raise AssertionError(f"rowferry {' '.join(map(str, words))}: {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def parse_log_line(line):
    """`time level module text … key=value` as a dict of its fields, with the text whole."""
    words = line.split(None, 3)
    if len(words) < 4:
        return {}
    fields = dict(w.split("=", 1) for w in words[3].split() if "=" in w)
    return {**fields, "time": words[0], "level": words[1], "module": words[2], "text": words[3]}


class Rowferry:
    """One configuration file, and the process that runs it (many times, if need be)."""

    def __init__(self, config, failpoints=False, program=None):
        self.folder = scratch("run")
        self.config = config
        self.program = program or binary(failpoints)
        self.file = self.folder / "pipeline.yaml"
        self.log, self.out = self.folder / "stderr", self.folder / "stdout"
        self.process = None
        self.started = 0.0                    # when the process that runs now began
        self.write_config()

    def write_config(self):
        Path(self.config["state_dir"]).mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.config, indent=2) + "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- the process --

    def start(self, env=None, failpoints=None):
        """`failpoints` is e.g. "k.begin:kill@2"; it needs the failpoint build."""
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith(("PG", "MYSQL", "MARIADB"))}
        environment.update(env or {})
        if failpoints:
            environment["ROWFERRY_FAILPOINTS"] = failpoints
        self.started = time.time()
        self.process = Process([self.program, "run", self.file], self.log, env=environment,
                               stdout=self.out)
        return self

    def running(self):
        return bool(self.process) and self.process.running()

    def wait(self, timeout=30):
        return self.process.wait(timeout)

    def kill9(self):
        return self.process.kill9()

    def terminate(self, timeout=15):
        """SIGTERM; the exit status."""
        self.process.kill(signal.SIGTERM)
        return self.process.wait(timeout)

    def signal(self, signum):
        return self.process.kill(signum)

    def close(self):
        if self.process and self.process.running():
            self.process.kill9()
        discard(self.folder)

    def logged(self):
        """All that it has said on stderr, over all its runs."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_lines(self):
        return [parse_log_line(line) for line in self.logged().splitlines()]

    def stdout(self):
        return self.out.read_text(errors="replace") if self.out.exists() else ""

    def cli(self, *words, **kw):
        """A command on this configuration: cli("offsets", "show", "--json")."""
        split = next((i for i, w in enumerate(words) if str(w).startswith("-")), len(words))
        return cli(*words[:split], self.file, *words[split:], program=self.program, **kw)

    def positions(self, timeout=20):
        """What `offsets list` says: {sink: text}; raises NoAnswer when that can't be had."""
        try:
            done = self.cli("offsets", "list", "--json", timeout=timeout)
        except subprocess.TimeoutExpired as why:
            raise NoAnswer(str(why))
        if done.returncode:
            raise NoAnswer(f"offsets list: {done.returncode}\n{done.stdout}{done.stderr}")
        return {sink["sink"]: sink["position"] for sink in json.loads(done.stdout)["offsets"]}

    # -- where it is: PostgreSQL tells by its slot, see watch.py --

    def slots(self, pg, db):
        """The logical slots of the database: (name, active, confirmed, restart)."""
        return pg.sql("select slot_name, active, confirmed_flush_lsn::text, restart_lsn::text "
                      "from pg_replication_slots where database = %s order by 1", args=(db,))

    def slot(self, pg, db):
        rows = self.slots(pg, db)
        return rows[0][0] if rows else None

    def wait_streaming(self, server, db, timeout=30):
        """Returns when the source streams to it; fails at once when it ended."""
        watch = watch_of(self, server, db)
        wait_for(lambda: self._must_run() and watch.streams(), timeout,
                 lambda: f"rowferry streams\n{self.process.tail()}")
        return self

    def wait_caught_up(self, server, db, place, timeout=60, alive=True):
        """Returns when every required sink has what the source wrote up to `place`."""
        watch = watch_of(self, server, db)

        def done():
            if alive:
                self._must_run()
            return watch.has(place)
        wait_for(done, timeout, lambda: f"rowferry has confirmed {place}: "
                                        f"{watch.where()}\n{self.process.tail()}", 0.1)
        return self

    def wait_passed(self, server, db, timeout=60):
        """Returns when it has confirmed the whole log as it is now."""
        return self.wait_caught_up(server, db, server.log_end(db), timeout)

    def logs(self, *words, timeout=30, times=1):
        """Waits until as many log lines hold all the words, and returns the last of them."""
        def found():
            lines = [line for line in self.logged().splitlines() if all(w in line for w in words)]
            return lines[times - 1] if len(lines) >= times else None
        return wait_for(found, timeout, lambda: f"the log says {words}\n{self.process.tail()}")

    def _must_run(self):
        if not self.process.running():
            raise AssertionError(f"rowferry ended with status {self.process.popen.returncode}:\n"
                                 f"{self.process.tail(40)}")
        return True
