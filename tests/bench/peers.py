"""Debezium on the same backlog, into the same Kafka and registry, with the same reader of the end.

It runs in Kafka Connect's standalone worker, with the larger batches and queues that its own
documentation recommends for throughput, and Apicurio's Avro converter. Its clock starts with its
first message in Kafka (not with the Java machine) and stops when all rows are there.
"""
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
CONNECTOR = """
name={name}
connector.class=io.debezium.connector.postgresql.PostgresConnector
tasks.max=1
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
snapshot.mode=no_data
decimal.handling.mode=precise
max.batch.size=8192
max.queue.size=65536
poll.interval.ms=10
"""


def make(folder):
    dep = fetch.dependency
    fetch.maven(folder, [
        dep("io.debezium", "debezium-connector-postgres", VERSION),
        dep("io.debezium", "debezium-embedded", VERSION),
        dep("org.apache.kafka", "connect-runtime", CONNECT),
        dep("org.apache.kafka", "connect-json", CONNECT),
        dep("io.apicurio", "apicurio-registry-utils-converter", CONVERTER),
        dep("org.slf4j", "slf4j-reload4j", "1.7.36")], folder / "libs")


NAME = f"debezium-{VERSION}"
fetch.ITEMS.setdefault(NAME, make)


def debezium(backlog):
    bench, name = backlog.bench, f"d{uuid.uuid4().hex[:8]}"
    libs, folder = fetch.get(NAME) / "libs", scratch("debezium")
    topic, slot = f"{name}.public.orders", backlog.copy()
    bench.kafka.create_topic(topic, bench.partitions)
    files = []
    for kind, text in (("worker", WORKER), ("connector", CONNECTOR)):
        files.append(folder / f"{kind}.properties")
        files[-1].write_text(text.format(
            kafka=bench.kafka.direct, port=free_port(), folder=folder, name=name, slot=slot,
            db=backlog.db, pg_port=backlog.pg.port,
            registry=f"http://127.0.0.1:{bench.registry.port}/apis/registry/v2"))
    log4j = folder / "log4j.properties"
    log4j.write_text("log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"
                     "log4j.appender.out.layout=org.apache.log4j.PatternLayout\n"
                     "log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n\n")
    process = Process([java(), "-Xmx2g", f"-Dlog4j.configuration=file:{log4j}", "-cp", f"{libs}/*",
                       "org.apache.kafka.connect.cli.ConnectStandalone", *files], folder / "log")

    def there():
        if not process.running():
            raise RuntimeError(f"Debezium ended:\n{process.tail(60)}")
        # Not transactional: the high watermark is the number of messages.
        return sum(reader.get_watermark_offsets(p, timeout=20)[1] for p in parts)

    from confluent_kafka import TopicPartition
    reader = paths.consumer(bench.kafka.direct, "read_uncommitted")
    parts = [TopicPartition(topic, p) for p in range(bench.partitions)]
    try:
        wait_for(there, 180, lambda: f"Debezium's first message\n{process.tail(60)}", 0.02)
        meter, began, before = paths.Meter(bench), time.monotonic(), paths.cpu_of(process.pid)
        wait_for(lambda: there() >= backlog.rows, paths.STUCK_AFTER,
                 lambda: f"all {backlog.rows} rows: {there()}\n{process.tail(60)}", 0.1)
        seconds, own = time.monotonic() - began, paths.cpu_of(process.pid) - before
        found = {"rows": backlog.rows, "seconds": seconds, "cpu": own,
                 "rss": paths.peak_mib(process.pid), **meter.stop(own)}
        found.update(paths.count(bench, topic))
        if found["messages"] != backlog.rows:
            bench.say(f"Debezium made {found['messages']} messages of {backlog.rows} rows")
        return found
    finally:
        reader.close()
        process.end(timeout=20)
        backlog.drop(slot)
        bench.kafka.delete_topics(topic)
        discard(folder)
