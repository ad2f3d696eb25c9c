"""Debezium on the same backlogs, into the same Kafka and registry, with the same reader of the end.

It runs in Kafka Connect's standalone worker, with the larger batches and queues that its own
documentation recommends for throughput, and Apicurio's Avro converter. Its clock starts with its
first message in Kafka (not with the Java machine) and stops when all rows are there.

For a binlog it runs once before the backlog is written, to learn the table and where to begin; each
measured run starts from a copy of what it kept then.
"""
import contextlib
import shutil
import time
import uuid

import paths
from support.debezium import Worker, connector
from support.proc import discard, scratch, wait_for

WORKER = {"producer.linger.ms": 20, "producer.batch.size": 262144, "producer.buffer.memory": 67108864}
TUNED = {"snapshot.mode": "no_data", "decimal.handling.mode": "precise", "max.batch.size": 8192, "max.queue.size": 65536,
         "poll.interval.ms": 10}


class Measured:
    """A worker that begins with one connector, and the topic that it fills."""

    def __init__(self, bench, server, folder, settings, topic):
        from confluent_kafka import TopicPartition
        self.bench, self.topic = bench, topic
        self.reader = paths.consumer(bench.kafka.direct, "read_uncommitted")
        self.parts = [TopicPartition(topic, p) for p in range(bench.partitions)]
        worker = Worker(bench.kafka, bench.registry, server.kind, folder, [{**TUNED, **settings}], **WORKER)
        worker.jvm = ["-Xmx2g"]         # the collector and compiler that Java chooses for a server
        self.process = worker.launch()

    def there(self):
        """How many messages are in the topic."""
        if not self.process.running():
            raise RuntimeError(f"Debezium ended:\n{self.process.tail(60)}")
        # Not transactional: the high watermark is the number of messages.
        return sum(self.reader.get_watermark_offsets(p, timeout=20)[1] for p in self.parts)

    def time(self, rows):
        """From the first message to the last."""
        wait_for(self.there, 180, lambda: f"Debezium's first message\n{self.process.tail(60)}", 0.02)
        meter, began = paths.Meter(self.bench), time.monotonic()
        before = paths.cpu_of(self.process.pid)
        wait_for(lambda: self.there() >= rows, paths.STUCK_AFTER,
                 lambda: f"all {rows} rows: {self.there()}\n{self.process.tail(60)}", 0.1)
        seconds, own = time.monotonic() - began, paths.cpu_of(self.process.pid) - before
        found = {"rows": rows, "seconds": seconds, "cpu": own,
                 "rss": paths.peak_mib(self.process.pid), **meter.stop(own)}
        found.update(paths.count(self.bench, self.topic))
        if found["messages"] != rows:
            self.bench.say(f"Debezium made {found['messages']} messages of {rows} rows")
        return found

    def close(self):
        self.reader.close()
        self.process.end(timeout=30)


def debezium(backlog):
    """PostgreSQL: from a copy of the backlog's slot."""
    bench, name = backlog.bench, f"d{uuid.uuid4().hex[:8]}"
    folder, topic, slot = scratch("debezium"), f"{name}.public.orders", backlog.copy()
    bench.kafka.create_topic(topic, bench.partitions)
    worker = Measured(bench, backlog.pg, folder, {
        **connector(backlog.pg, name, backlog.db, folder), "table.include.list": "public.orders", "slot.name": slot,
        "publication.name": paths.PUBLICATION, "publication.autocreate.mode": "disabled"}, topic)
    try:
        return worker.time(backlog.rows)
    finally:
        worker.close()
        backlog.drop(slot)
        bench.kafka.delete_topics(topic)
        discard(folder)


class Binlog:
    """MySQL or MariaDB: what Debezium knew when the backlog began, and runs from there."""

    def __init__(self, backlog):
        self.backlog, self.name = backlog, f"d{uuid.uuid4().hex[:8]}"
        self.topic, self.kept = f"{self.name}.{backlog.db}.orders", scratch("debezium-kept")
        with self.started(self.kept) as worker:
            written = 0

            def streams():
                """It has sent a row that was written after it began to stream."""
                nonlocal written
                if worker.there():
                    return True
                backlog.server.sql("insert into orders (id, customer_id) values (%s, 0)", backlog.db, (-written,))
                written += 1
                time.sleep(1)
                return worker.there()
            wait_for(streams, 180, lambda: f"Debezium streams\n{worker.process.tail(60)}", 0.2)
            time.sleep(2)               # what was written meanwhile is sent, too

    @contextlib.contextmanager
    def started(self, folder):
        bench, backlog = self.backlog.bench, self.backlog
        bench.kafka.create_topic(self.topic, bench.partitions)
        worker = Measured(bench, backlog.server, folder, {
            **connector(backlog.server, self.name, backlog.db, folder),
            "table.include.list": f"{backlog.db}.orders"}, self.topic)
        try:
            yield worker
        finally:
            worker.close()
            bench.kafka.delete_topics(self.topic)
            wait_for(lambda: not bench.kafka.topics(self.topic), 60, f"topic {self.topic} is gone")

    def run(self):
        folder = scratch("debezium")
        for name in ("offsets", f"history-{self.name}"):
            shutil.copy2(self.kept / name, folder / name)
        try:
            with self.started(folder) as worker:
                return worker.time(self.backlog.rows)
        finally:
            discard(folder)

    def close(self):
        discard(self.kept)
