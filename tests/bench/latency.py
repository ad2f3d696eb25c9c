"""From the commit in PostgreSQL to a read_committed reader, event by event.

pgbench commits one row at a time at a steady pace; the reader stamps each message as it comes and
subtracts the event's source.ts_us, which is PostgreSQL's own commit time: one clock, one machine.
The reference is tests/bench/latency.c under the same reader: librdkafka alone, one message in each
transaction, one after the other, from just before its begin to the reader.
"""
import struct
import subprocess
import threading
import time
import uuid

import paths
from support.proc import wait_for
from support.readers import Schemas, quiet_logger

PACE = 1000                     # commits a second
SECONDS, WARM = 30, 3           # measured, and before that
SCRIPT = """\\set c random(1, 50000)
insert into orders (customer_id, note, amount, placed, due, priority, status, paid, attrs)
values (:c, 'please leave it with the neighbours at number 14', :c + 0.25, now(), current_date,
        3, 'dispatched', true, '{"channel": "web", "coupon": null, "items": 3}');
"""
TABLE = """
create table orders (
    id bigint generated always as identity primary key, customer_id int not null, note text,
    amount numeric(12,2), placed timestamptz, due date, priority smallint, status varchar(20),
    paid boolean, attrs jsonb)
"""


class Reader(threading.Thread):
    """Takes each message of a topic as soon as it may be seen, with the time of its arrival."""

    def __init__(self, bench, topic):
        super().__init__(daemon=True)
        from confluent_kafka import Consumer, TopicPartition
        self.consumer = Consumer({
            "bootstrap.servers": bench.kafka.direct, "group.id": f"reader-{uuid.uuid4().hex}",
            "isolation.level": "read_committed", "enable.auto.commit": False,
            "fetch.wait.max.ms": 5, "fetch.min.bytes": 1, "fetch.queue.backoff.ms": 1,
            "log_level": 0}, logger=quiet_logger())
        self.consumer.assign([TopicPartition(topic, p, 0) for p in range(bench.partitions)])
        self.found, self.over = [], False

    def run(self):
        while not self.over:
            message = self.consumer.poll(0.05)
            if message is not None and not message.error():
                self.found.append((time.time_ns() // 1000, message.value()))
        self.consumer.close()

    def finish(self, settle=1.0):
        """Waits until nothing more comes, and returns (arrival, value) of all."""
        seen = -1
        while seen != len(self.found):
            seen = len(self.found)
            time.sleep(settle)
        self.over = True
        self.join(20)
        return self.found


def spread(delays_us):
    """p50, p99 and the most, in milliseconds."""
    delays = sorted(delays_us)
    if not delays:
        raise RuntimeError("nothing arrived")
    at = lambda q: delays[min(len(delays) - 1, int(len(delays) * q))] / 1000
    return {"p50": at(0.5), "p99": at(0.99), "max": delays[-1] / 1000, "events": len(delays)}


def bare(bench, seconds=20):
    topic = f"single-{uuid.uuid4().hex[:8]}"
    bench.kafka.create_topic(topic, bench.partitions)
    reader = Reader(bench, topic)
    reader.start()
    time.sleep(1)
    meter = paths.Meter(bench)
    line, own, _, _ = paths.run_tool(paths.TOOLS / "latency", f"brokers={bench.kafka.direct}",
                                     f"topic={topic}", f"seconds={seconds + 1}", f"id={topic}")
    used = meter.stop(own)
    found = reader.finish()
    bench.librdkafka = paths.figures(line)["librdkafka"]
    bench.kafka.delete_topics(topic)
    first = found[0][0] + 1_000_000                     # the first second warms up
    sent = [(arrived, struct.unpack(">Q", value)[0]) for arrived, value in found]
    return {**spread(a - s for a, s in sent if s >= first), **paths.figures(line), **used}


def write_at_a_pace(pg, db, folder, seconds):
    script = folder / "pace.sql"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [pg.bin / "pgbench", "-n", "-M", "prepared", "-c", "4", "-j", "1", "-R", str(PACE), "-T",
         str(seconds), "-f", script, "-h", "127.0.0.1", "-p", str(pg.port), "-U", "postgres", db],
        capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"pgbench: {done.stderr}")


def rowferry(bench, backlog, seconds=SECONDS):
    rf = paths.pipeline(backlog, backlog.fresh())
    bench.kafka.create_topic(rf.topic, bench.partitions)
    reader = Reader(bench, rf.topic)
    reader.start()
    try:
        rf.start().wait_streaming(backlog.pg, backlog.db)
        before = backlog.pg.one("select count(*) from orders", backlog.db)
        meter, began = paths.Meter(bench), time.time()
        write_at_a_pace(backlog.pg, backlog.db, bench.folder, seconds + WARM)
        spent = time.time() - began
        own, peak = paths.cpu_of(rf.process.pid), paths.peak_mib(rf.process.pid)
        used = meter.stop(own)
        wrote = backlog.pg.one("select count(*) from orders", backlog.db) - before
        wait_for(lambda: len(reader.found) >= wrote, 60,
                 lambda: f"all {wrote} events have come: {len(reader.found)}\n{rf.process.tail()}")
        found, schemas = reader.finish(), Schemas(bench.registry.url)
        if len(found) != wrote:
            raise RuntimeError(f"{wrote} rows became {len(found)} messages")
        late = [(a, schemas.decode(v)["source"]["ts_us"]) for a, v in found]
        rf.terminate()
        return {**spread(a - c for a, c in late if c >= (began + WARM) * 1e6), "rss": peak,
                "own_cpu": own, "pace": wrote / spent, **used}
    finally:
        reader.over = True
        rf.close()
        backlog.drop(rf.slot_name)
        bench.kafka.delete_topics(*bench.kafka.topics(rf.pipeline), rf.offsets_topic)


def measure(bench, part, rounds):
    bench.say(f"{part}: {PACE:,} commits a second for {SECONDS} s")
    backlog = paths.Backlog(bench, TABLE, [], 0)
    try:
        for n in range(rounds):
            turns = [("bare", lambda: bare(bench)), ("rowferry", lambda: rowferry(bench, backlog))]
            for name, way in turns if n % 2 == 0 else turns[::-1]:
                found = bench.keep(part, name, way())
                bench.say(f"{part}: {name}: p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms, "
                          f"{found['events']:,} events, others {found['busy']:.0%}")
    finally:
        backlog.close()
