"""Independent readers: confluent-kafka reads, fastavro decodes; none of it is ours."""
import io
import json
import struct
import time
import urllib.request
import uuid

import fastavro
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from .servers import quiet_logger


class Stuck(Exception):
    """Readers of committed records can't get to the end: a transaction hangs open."""


class Schemas:
    """Schemas by id, each fetched once from the registry."""

    def __init__(self, url):
        self.url, self.texts, self.known = url, {}, {}

    def text(self, number):
        if number not in self.texts:
            with urllib.request.urlopen(f"{self.url}/schemas/ids/{number}", timeout=20) as answer:
                self.texts[number] = json.load(answer)["schema"]
        return self.texts[number]

    def __getitem__(self, number):
        if number not in self.known:
            self.known[number] = fastavro.parse_schema(json.loads(self.text(number)))
        return self.known[number]

    def decode(self, raw):
        """Confluent's framing: a zero byte, the schema's id, Avro."""
        if raw is None:
            return None
        if len(raw) < 5 or raw[0]:
            raise ValueError(f"not framed Avro: {raw[:20]!r}")
        stream = io.BytesIO(raw)
        stream.seek(5)
        value = fastavro.schemaless_reader(stream, self[struct.unpack(">I", raw[1:5])[0]])
        if stream.read(1):
            raise ValueError("bytes are left over behind the record")
        return value


def subjects(registry):
    with urllib.request.urlopen(f"{registry.url}/subjects", timeout=20) as answer:
        return json.load(answer)


def latest_schema(registry, subject):
    url = f"{registry.url}/subjects/{subject}/versions/latest"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.loads(json.load(answer)["schema"])


def consumer(brokers, isolation):
    return Consumer({"bootstrap.servers": brokers, "group.id": f"reader-{uuid.uuid4().hex}",
                     "isolation.level": isolation, "enable.auto.commit": False,
                     "enable.partition.eof": True, "auto.offset.reset": "earliest",
                     "queued.min.messages": 10000, "log_level": 0}, logger=quiet_logger())


MOMENTARY = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE,
             KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION)


def ends(brokers, topics, timeout=20):
    """The real end of each partition: open transactions count, as they must not hide.
    A topic that is being made has no leader for a moment."""
    reader, deadline = consumer(brokers, "read_uncommitted"), time.monotonic() + timeout
    try:
        while True:
            try:
                known = reader.list_topics(timeout=20).topics
                parts = [TopicPartition(t, p) for t in topics if t in known for p in known[t].partitions]
                return {(tp.topic, tp.partition): reader.get_watermark_offsets(tp, timeout=20)[1]
                        for tp in parts}
            except KafkaException as why:
                if why.args[0].code() not in MOMENTARY or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    finally:
        reader.close()


def each_record(brokers, topics, isolation="read_committed", timeout=60):
    """Every record of the topics, as they are read: in order in each partition. The timeout is between records."""
    end = ends(brokers, topics)
    todo = {k for k, high in end.items() if high > 0}
    if not todo:
        return
    reader, deadline = consumer(brokers, isolation), time.monotonic() + timeout
    try:
        reader.assign([TopicPartition(t, p, 0) for t, p in todo])
        while todo:
            if time.monotonic() > deadline:
                raise Stuck(f"not at the end of {sorted(todo)} after {timeout} s without a record")
            for m in reader.consume(5000, 0.2):
                place = m.topic(), m.partition()
                if m.error():
                    if m.error().code() != KafkaError._PARTITION_EOF:
                        raise KafkaException(m.error())
                    if m.offset() >= end[place]:
                        todo.discard(place)
                elif m.offset() < end[place]:
                    yield m
                    if m.offset() + 1 >= end[place]:
                        todo.discard(place)
                    deadline = time.monotonic() + timeout
    finally:
        reader.close()


def raw_records(brokers, topics, **kw):
    """Every record of the topics, in the order of (topic, partition, offset)."""
    return sorted(each_record(brokers, topics, **kw), key=lambda m: (m.topic(), m.partition(), m.offset()))


def each_event(brokers, registry, topics, schemas=None, records=each_record, **kw):
    """The records of the topics, as they are read, as dicts with decoded keys and values."""
    schemas = schemas or Schemas(registry.url if hasattr(registry, "url") else registry)
    return ({"topic": m.topic(), "partition": m.partition(), "offset": m.offset(),
             "key": schemas.decode(m.key()), "value": schemas.decode(m.value()),
             "headers": dict(m.headers() or ())}
            for m in records(brokers, topics, **kw))


def read_topics(brokers, registry, topics, **kw):
    """All of them, in the order of (topic, partition, offset)."""
    return list(each_event(brokers, registry, topics, records=raw_records, **kw))


def read_prefix(kafka, registry, prefix, **kw):
    """All records of all topics whose names begin with the prefix."""
    return read_topics(kafka.direct, registry, kafka.topics(prefix), **kw)


def await_events(kafka, registry, prefix, count, timeout=30):
    """Reads again until `count` records are there (tombstones count); returns them."""
    deadline = time.monotonic() + timeout
    while True:
        events = read_prefix(kafka, registry, prefix, timeout=timeout)
        if len(events) >= count or time.monotonic() > deadline:
            return events
        time.sleep(0.2)
