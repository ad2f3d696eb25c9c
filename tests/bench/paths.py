"""The ways that rows take, each measured alike: one function for each, one dict for each run.

A run's dict has rows, seconds, cpu (user and system seconds of the program itself) and rss
(its high-water mark in MiB); `busy` says how much of the machine others took meanwhile.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.fetch import ROOT  # noqa: E402
from support.proc import Process, family, stat_fields, wait_for  # noqa: E402
from support.readers import consumer, ends  # noqa: E402
from support.rowferry import Rowferry, cli, configuration, kafka_sink  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
TOOLS = ROOT / "build/tests/bench"
STUCK_AFTER = 1800
PUBLICATION = "bench"


# --- CPU and memory, from /proc ----------------------------------------------

def cpu_of(pid):
    """User and system seconds of a process and of the children that it has waited for."""
    fields = stat_fields(pid)
    return sum(map(int, fields[11:15])) / TICK if fields else 0.0


def cpu_of_family(pid):
    return sum(cpu_of(p) for p in family(pid))


def peak_mib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def machine():
    """Busy and all CPU seconds of the machine so far."""
    fields = [int(f) for f in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK, sum(fields) / TICK


def calm(bench):
    """Waits, as long as --calm says, until others leave the machine to us."""
    until = time.monotonic() + bench.args.calm
    while time.monotonic() < until:
        busy, whole = machine()
        time.sleep(1.5)
        after = machine()
        if (after[0] - busy) / (after[1] - whole) < 0.1:
            return


class Meter:
    """What the servers, and what everything else on the machine, used between two moments."""

    def __init__(self, bench):
        self.servers = {name: server.process.pid for name, server in bench.servers.items()}
        self.before = self.read()
        self.mine = cpu_of(os.getpid())

    def read(self):
        return {name: cpu_of_family(pid) for name, pid in self.servers.items()}, machine()

    def stop(self, own):
        servers, (busy, all_) = self.read()
        used = {f"{n}_cpu": round(servers[n] - self.before[0][n], 2) for n in servers}
        ours = sum(used.values()) + own + cpu_of(os.getpid()) - self.mine
        whole = all_ - self.before[1][1]
        others = max(0.0, busy - self.before[1][0] - ours)
        return {**used, "busy": round(others / whole, 3) if whole else 0.0}


def run_tool(*argv):
    """Runs a program to its end: its output, its CPU seconds and its VmHWM in MiB.

    ru_maxrss would not do: it begins with what the parent had when it forked.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began, peak = time.monotonic(), 0.0
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            try:
                peak = max(peak, peak_mib(child.pid))
            except OSError:
                pass
            if time.monotonic() - began > STUCK_AFTER:
                child.kill()
            time.sleep(0.02)
        seconds, child.returncode = time.monotonic() - began, os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if child.returncode:
            raise RuntimeError(f"{argv[0]}: {child.returncode}: {err.read().decode(errors='replace')}")
        return out.read().decode(), usage.ru_utime + usage.ru_stime, peak, seconds


def figures(line):
    """`a=1 b=2.5 c=x` as a dict with numbers where they are."""
    found = dict(w.split("=", 1) for w in line.split() if "=" in w)
    return {k: float(v) if re.fullmatch(r"[0-9.]+", v) and k != "librdkafka" else v
            for k, v in found.items()}


def lsn(text):
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


# --- the backlog -------------------------------------------------------------

class Backlog:
    """A database with one table, a slot made before the rows, and the rows.

    What rowferry() asks of any backlog (binlogs.py has the other kind): pipeline(), reached(),
    release(), and `end` for people.
    """

    def __init__(self, bench, ddl, load, rows):
        self.bench, self.pg, self.rows = bench, bench.pg, rows
        self.db = self.pg.create_db("bench")
        self.pg.sql(ddl, self.db)
        self.pg.sql(f"create publication {PUBLICATION} for table orders", self.db)
        self.base = f"base_{uuid.uuid4().hex[:8]}"
        self.pg.sql("select pg_create_logical_replication_slot(%s, 'pgoutput')", self.db, (self.base,))
        began = time.monotonic()
        with self.pg.connect(self.db) as c:
            for statement in [*load, "checkpoint"]:
                c.execute(statement)
        bench.say(f"loaded {rows:,} rows in {time.monotonic() - began:.0f} s")
        self.end = self.pg.one("select pg_current_wal_lsn()::text", self.db)

    def fresh(self):
        """A slot without backlog."""
        name = f"fresh_{uuid.uuid4().hex[:8]}"
        self.pg.sql("select pg_create_logical_replication_slot(%s, 'pgoutput')", self.db, (name,))
        return name

    def copy(self):
        """One more slot with the same backlog."""
        name = f"copy_{uuid.uuid4().hex[:8]}"
        self.pg.sql("select pg_copy_logical_replication_slot(%s, %s)", self.db, (self.base, name))
        return name

    def drop(self, slot):
        wait_for(lambda: self.pg._drop_slot(slot), 20, f"slot {slot} is dropped")

    def pipeline(self, **options):
        return pipeline(self, self.copy(), **options)

    def reached(self, position):
        """Whether a sink's position is behind the last row."""
        return position.startswith("lsn:") and lsn(position[4:].partition("+")[0]) >= lsn(self.end)

    def release(self, rf):
        self.drop(rf.slot_name)

    def close(self):
        self.pg.drop_db(self.db)


# --- what reads it and throws it away ----------------------------------------

def drain(backlog):
    """The bare libpq loop; it does not move the slot, but each run has its own all the same."""
    slot, meter = backlog.copy(), Meter(backlog.bench)
    line, _, peak, _ = run_tool(TOOLS / "drain", backlog.pg.url(backlog.db) + "&replication=database",
                                slot, PUBLICATION, backlog.end)
    found = figures(line)
    used = meter.stop(found["cpu"])
    backlog.drop(slot)
    if found["rows"] != backlog.rows:
        raise RuntimeError(f"drain saw {found['rows']:.0f} rows of {backlog.rows}")
    backlog.end = found["end"]          # the last commit's own end, for those that commit positions
    return {"rows": backlog.rows, "seconds": found["seconds"], "cpu": found["cpu"], "rss": peak,
            "row_bytes": found["bytes"] / backlog.rows, **used}


def recvlogical(backlog):
    """PostgreSQL's own tool, binary, to /dev/null, from its start to its end."""
    slot, meter = backlog.copy(), Meter(backlog.bench)
    _, own, peak, seconds = run_tool(
        backlog.pg.bin / "pg_recvlogical", "-d", backlog.pg.url(backlog.db), "-S", slot, "--start",
        "--no-loop", "-E", backlog.end, "-f", "/dev/null", "-o", "proto_version=1", "-o",
        f"publication_names={PUBLICATION}", "-o", "binary=true")
    used = meter.stop(own)
    backlog.drop(slot)
    return {"rows": backlog.rows, "seconds": seconds, "cpu": own, "rss": peak, **used}


# --- rowferry ----------------------------------------------------------------

def pipeline(backlog, slot, **options):
    """A pipeline that reads this slot; its sink starts where the slot stands."""
    rf = new_pipeline(backlog.bench, backlog.pg, backlog.db, "public", ["--at-slot"], options,
                      slot=slot, publication=PUBLICATION)
    rf.slot_name = rf.config["source"]["slot"]
    return rf


def new_pipeline(bench, server, db, schema, place, options, **source):
    """A pipeline of a new name for the table orders; `place` tells `offsets set` where it begins."""
    name = f"b{uuid.uuid4().hex[:8]}"
    sink = kafka_sink(bench.kafka, bench.registry, name, partitions=bench.partitions,
                      **{**bench.sink_options, **options})
    rf = Rowferry(configuration(name, server, db, [sink], bench.folder / name,
                                tables=[f"{schema}.orders"], **{**source, **bench.source_options}),
                  program=bench.program)
    rf.config.update(bench.top_options)
    rf.write_config()
    rf.pipeline, rf.topic = name, f"{name}.{schema}.orders"
    rf.offsets_topic = f"rowferry.{name}.{sink['name']}.offsets"
    for _ in range(3):                  # a topic that was just made may not have its leader yet
        done = cli("offsets", "set", rf.file, *place, "--expect", "none", "--reason", "benchmark",
                   program=bench.program)
        if done.returncode != 3:
            break
        time.sleep(1)
    if done.returncode:
        raise RuntimeError(f"offsets set: {done.returncode}: {done.stdout}{done.stderr}")
    return rf


class Committed:
    """Follows the offsets topic as any read_committed reader would."""

    def __init__(self, bench, topic):
        from confluent_kafka import TopicPartition
        self.reader = consumer(bench.kafka.direct, "read_committed")
        self.reader.assign([TopicPartition(topic, 0, 0)])
        self.position, self.commits, self.first = "", 0, None

    def look(self):
        """The newest position, after a short wait for another one."""
        message = self.reader.poll(0.05)
        if message is not None and not message.error() and message.value():
            position = json.loads(message.value()).get("position", "")
            if position != self.position:
                self.commits += 1
                if self.position and self.first is None:
                    self.first = time.time()
            self.position = position
        return self.position

    def close(self):
        self.reader.close()


def streaming_since(rf):
    """Wall-clock second at which the server began to send its log, from rowferry's own."""
    for line in rf.logged().splitlines():
        if line.endswith(" streaming"):
            when = datetime.strptime(line.split()[0], "%Y-%m-%dT%H:%M:%S.%fZ")
            return when.replace(tzinfo=timezone.utc).timestamp()
    raise RuntimeError(f"rowferry does not stream:\n{rf.process.tail()}")


def profile(pid):
    """perf at the side of one run, with --perf; it ends with the process."""
    out = ROOT / "build/bench"
    out.mkdir(parents=True, exist_ok=True)
    return Process(["perf", "record", "-q", "-F", "499", "-g", "-o", out / "perf.data", "-p", pid],
                   out / "perf.log")


def rowferry(backlog, check=True, **options):
    """From the start of its stream until the end's position is committed, in Kafka."""
    bench, rf = backlog.bench, backlog.pipeline(**options)
    bench.kafka.create_topic(rf.topic, bench.partitions)    # as in a pipeline that has run before
    follow = Committed(bench, rf.offsets_topic)
    wait_for(follow.look, 20, "the position to start from is seen")
    meter, stuck = Meter(bench), time.monotonic() + STUCK_AFTER
    try:
        rf.start()
        perf, before = None, follow.commits
        while not backlog.reached(follow.look()):
            if follow.first and not perf and bench.args.perf:
                perf = profile(rf.process.pid)      # now that all its threads are there
            rf._must_run()
            if time.monotonic() > stuck:
                raise TimeoutError(f"rowferry does not get to {backlog.end}\n{rf.process.tail()}")
        reached, since = time.time(), streaming_since(rf)
        seconds = reached - since
        own = cpu_of(rf.process.pid)
        used = meter.stop(own)
        peak = peak_mib(rf.process.pid)
        rf.terminate()
        if perf:
            perf.wait(60)
        found = {"rows": backlog.rows, "seconds": seconds, "cpu": own, "rss": peak,
                 "commits": follow.commits - before, "first_commit": follow.first - since, **used}
        if check:
            found.update(count(bench, rf.topic))
            if not found["messages"] == found["keys"] == backlog.rows:
                raise RuntimeError(f"{backlog.rows} rows became {found['messages']} messages with "
                                   f"{found['keys']} keys")
        return found
    finally:
        follow.close()
        rf.close()
        backlog.release(rf)
        bench.kafka.delete_topics(*bench.kafka.topics(rf.pipeline), rf.offsets_topic)


def count(bench, topic, timeout=600):
    """Reads a topic to its end, read_committed: how many messages, how many keys, how large."""
    from confluent_kafka import KafkaError, TopicPartition
    end = {k: high for k, high in ends(bench.kafka.direct, [topic]).items() if high}
    reader, todo = consumer(bench.kafka.direct, "read_committed"), set(end)
    messages, size, keys, deadline = 0, 0, set(), time.monotonic() + timeout
    try:
        reader.assign([TopicPartition(t, p, 0) for t, p in end])
        while todo:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic} is not read to its end in {timeout} s")
            for m in reader.consume(10000, 0.2):
                if not m.error():
                    messages += 1
                    size += len(m.value() or b"") + len(m.key() or b"")
                    keys.add(m.key())
                elif m.error().code() == KafkaError._PARTITION_EOF and \
                        m.offset() >= end[m.topic(), m.partition()]:
                    todo.discard((m.topic(), m.partition()))
    finally:
        reader.close()
    return {"messages": messages, "keys": len(keys), "event_bytes": size / max(messages, 1)}


# --- librdkafka alone --------------------------------------------------------

def producer(bench, rows, event_bytes, transaction):
    """As many messages of the same size, in transactions of the same size."""
    topic, name = f"bare-{uuid.uuid4().hex[:8]}", f"bare-{uuid.uuid4().hex[:8]}"
    bench.kafka.create_topic(topic, bench.partitions)
    meter = Meter(bench)
    line, _, peak, _ = run_tool(
        TOOLS / "bare_producer", f"brokers={bench.kafka.direct}", f"topic={topic}", f"messages={rows}",
        f"bytes={round(event_bytes)}", f"id={name}", f"transaction={transaction}",
        f"partitions={bench.partitions}")
    found = figures(line)
    own = found["cpu"] * rows / 1e6
    used = meter.stop(own)
    bench.kafka.delete_topics(topic)
    bench.librdkafka = found["librdkafka"]
    return {"rows": rows, "seconds": found["seconds"], "cpu": own, "rss": peak,
            "commit_ms": found["commit_ms"], **used}
