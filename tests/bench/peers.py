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
from support import fetch
from support.proc import Process, discard, free_port, scratch, wait_for
from support.servers import java

VERSION = "3.5.0.Final"
CONNECT, CONVERTER = "4.1.1", fetch.REGISTRY_VERSION

WORKER = """
bootstrap.servers={kafka}
listeners=HTTP://127.0.0.1:{port}
offset.storage.file.filename={folder}/offsets
offset.flush.interval.ms=10000
plugin.discovery=service_load
key.converter=io.apicurio.registry.utils.converter.AvroConverter
value.converter=io.apicurio.registry.utils.converter.AvroConverter
key.converter.apicurio.registry.url={registry}
value.converter.apicurio.registry.url={registry}
key.converter.apicurio.registry.auto-register=true
value.converter.apicurio.registry.auto-register=true
key.converter.apicurio.registry.find-latest=true
value.converter.apicurio.registry.find-latest=true
key.converter.apicurio.registry.as-confluent=true
value.converter.apicurio.registry.as-confluent=true
key.converter.apicurio.registry.headers.enabled=false
value.converter.apicurio.registry.headers.enabled=false
producer.linger.ms=20
producer.batch.size=262144
producer.buffer.memory=67108864
"""
TUNED = """
tasks.max=1
snapshot.mode=no_data
decimal.handling.mode=precise
max.batch.size=8192
max.queue.size=65536
poll.interval.ms=10
"""
POSTGRESQL = TUNED + """
name={name}
connector.class=io.debezium.connector.postgresql.PostgresConnector
plugin.name=pgoutput
database.hostname=127.0.0.1
database.port={pg_port}
database.user=postgres
database.password=x
database.dbname={db}
topic.prefix={name}
table.include.list=public.orders
slot.name={slot}
publication.name=bench
publication.autocreate.mode=disabled
"""
BINLOG = TUNED + """
name={name}
connector.class=io.debezium.connector.{connector}
database.hostname=127.0.0.1
database.port={port}
database.user=root
database.password=
database.ssl.mode={ssl}
database.server.id=50505
topic.prefix={name}
database.include.list={db}
table.include.list={db}.orders
include.schema.changes=false
schema.history.internal=io.debezium.storage.file.history.FileSchemaHistory
schema.history.internal.file.filename={folder}/history
"""
CONNECTORS = {"mysql": ("mysql.MySqlConnector", "disabled"), "mariadb": ("mariadb.MariaDbConnector", "disable")}


def make(*connectors):
    dep = fetch.dependency
    return lambda folder: fetch.maven(folder, [
        *[dep("io.debezium", f"debezium-connector-{c}", VERSION) for c in connectors],
        dep("io.debezium", "debezium-embedded", VERSION),
        dep("org.apache.kafka", "connect-runtime", CONNECT),
        dep("org.apache.kafka", "connect-json", CONNECT),
        dep("io.apicurio", "apicurio-registry-utils-converter", CONVERTER),
        dep("org.slf4j", "slf4j-reload4j", "1.7.36")], folder / "libs")


NAME, BINLOG_NAME = f"debezium-{VERSION}", f"debezium-binlog-{VERSION}"
fetch.ITEMS.setdefault(NAME, make("postgres"))
fetch.ITEMS.setdefault(BINLOG_NAME, make("mysql", "mariadb"))


class Worker:
    """Kafka Connect's standalone worker with one connector, and the topic that it fills."""

    def __init__(self, bench, item, folder, connector, topic):
        from confluent_kafka import TopicPartition
        self.bench, self.topic = bench, topic
        libs, files = fetch.get(item) / "libs", []
        worker = WORKER.format(kafka=bench.kafka.direct, port=free_port(), folder=folder,
                               registry=f"http://127.0.0.1:{bench.registry.port}/apis/registry/v2")
        for kind, text in (("worker", worker), ("connector", connector)):
            files.append(folder / f"{kind}.properties")
            files[-1].write_text(text)
        log4j = folder / "log4j.properties"
        log4j.write_text("log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"
                         "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
                         "log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n\n")
        self.reader = paths.consumer(bench.kafka.direct, "read_uncommitted")
        self.parts = [TopicPartition(topic, p) for p in range(bench.partitions)]
        self.process = Process([java(), "-Xmx2g", f"-Dlog4j.configuration=file:{log4j}", "-cp", f"{libs}/*",
                                "org.apache.kafka.connect.cli.ConnectStandalone", *files], folder / "log")

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
    worker = Worker(bench, NAME, folder,
                    POSTGRESQL.format(name=name, slot=slot, db=backlog.db, pg_port=backlog.pg.port), topic)
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
        connector, ssl = CONNECTORS[backlog.kind]
        bench.kafka.create_topic(self.topic, bench.partitions)
        worker = Worker(bench, BINLOG_NAME, folder, BINLOG.format(
            name=self.name, connector=connector, ssl=ssl, port=backlog.server.port, db=backlog.db,
            folder=folder), self.topic)
        try:
            yield worker
        finally:
            worker.close()
            bench.kafka.delete_topics(self.topic)
            wait_for(lambda: not bench.kafka.topics(self.topic), 60, f"topic {self.topic} is gone")

    def run(self):
        folder = scratch("debezium")
        for name in ("offsets", "history"):
            shutil.copy2(self.kept / name, folder / name)
        try:
            with self.started(folder) as worker:
                return worker.time(self.backlog.rows)
        finally:
            discard(folder)

    def close(self):
        discard(self.kept)
