"""Debezium and rowferry on the same statements, into the same Kafka and registry."""
import json
import struct
import uuid
from dataclasses import dataclass

import compare
from support.debezium import connector
from support.proc import wait_for
from support.readers import Schemas, ends, raw_records

MARKER = "marker"
# What the two can't have in common
EXCLUDED = {
    "value.source.version": "the version of each",
    "value.ts_ms": "when each encoded the event",
    "value.ts_us": "when each encoded the event",
    "value.ts_ns": "when each encoded the event",
}


@dataclass
class Record:
    """One record of a topic: its schemas as objects (None of a part that is null), its decoded parts."""
    key_schema: object
    value_schema: object
    key: object
    value: object
    headers: dict

    def what(self):
        return self.value["op"] if self.value else "tombstone"


class Sent:
    """All that one of the two has sent, {table: [Record]}; its own name is `NAME` in all of it."""

    def __init__(self, kafka, registry, name):
        self.name, self.schemas, self.tables = name, Schemas(registry.url), {}
        for m in raw_records(kafka.direct, kafka.topics(f"{name}.")):
            table = m.topic().split(".", 2)[2]
            self.tables.setdefault(table, []).append(
                Record(self.schema(m.key()), self.schema(m.value()), self.value(m.key()), self.value(m.value()),
                       dict(m.headers() or ())))

    def schema(self, raw):
        return raw and json.loads(self.schemas.text(struct.unpack(">I", raw[1:5])[0]).replace(self.name, "NAME"))

    def value(self, raw):
        value = self.schemas.decode(raw)
        if value and value.get("source"):
            value["source"]["name"] = value["source"]["name"].replace(self.name, "NAME")
        return value

    def count(self):
        return sum(map(len, self.tables.values()))


class Duel:
    """One connector and one pipeline on one database; both stream when it has begun."""

    def __init__(self, worker, server, db, pipelines, settings=None, setup=(), **source):
        self.worker, self.server, self.db = worker, server, db
        self.kafka, self.registry = worker.kafka, worker.registry
        self.name = f"d{uuid.uuid4().hex[:8]}"
        self.marker = f"{self.name}.{server.schema(db)}.{MARKER}"
        number = "serial" if server.kind == "postgresql" else "int auto_increment"
        self.sql(f"create table {MARKER} (id {number} primary key, v int)")
        for text in setup:
            self.sql(text)
        self.rf = pipelines.to_kafka(server, db, self.kafka, self.registry, sink={
            "partitions": 1, "options": {"message.max.bytes": 4000000}}, **source).start()
        self.rf.wait_streaming(server, db)
        worker.connect({**connector(server, self.name, db, worker.folder), "snapshot.mode": "no_data",
                        "schema.name.adjustment.mode": "avro", "field.name.adjustment.mode": "avro", **(settings or {})})
        wait_for(self.streams, 60, lambda: f"Debezium streams\n{worker.process.tail(40)}", 0.5)

    def sql(self, text):
        return self.server.sql(text, self.db)

    def mark(self):
        """A row behind all that was written."""
        return self.server.sql(f"insert into {MARKER}(v) values (0); select max(id) from {MARKER}", self.db)[0][0]

    def seen(self):
        """How many rows of the marker Debezium has sent."""
        return sum(ends(self.kafka.direct, [self.marker]).values())

    def streams(self):
        assert not (why := self.worker.failure(self.name)), why
        self.mark()
        return self.seen()

    def finish(self, timeout=120):
        """Ends both when all has arrived: what each has sent, and why Debezium has stopped (None: it has not)."""
        last = self.mark()
        self.rf.wait_passed(self.server, self.db, timeout)
        why = wait_for(lambda: self.worker.failure(self.name) or self.arrived(last), timeout,
                       lambda: f"Debezium has sent all\n{self.worker.process.tail(40)}", 0.2)
        self.worker.remove(self.name)
        self.rf.terminate()
        return (Sent(self.kafka, self.registry, self.name), Sent(self.kafka, self.registry, self.rf.pipeline),
                None if why is True else why)

    def arrived(self, last):
        records = raw_records(self.kafka.direct, [self.marker])
        schemas = Schemas(self.registry.url)
        return bool(records) and schemas.decode(records[-1].key())["id"] == last


@dataclass(frozen=True)
class Difference:
    table: str
    path: str                      # of a schema `Value.column property`, of a value `value.after.column`
    theirs: object
    ours: object
    event: int = -1                # which of the table's records

    def __str__(self):
        return f"{self.table}[{self.event}] {self.path}: Debezium {brief(self.theirs)}, rowferry {brief(self.ours)}"


def brief(value):
    text = repr(value)
    return text if len(text) < 160 else f"{text[:120]} … {text[-30:]} ({len(text)})"


def differences(theirs, ours):
    """All that differs between what the two have sent, but for what is excluded."""
    for table in sorted({*theirs.tables, *ours.tables}):
        one, other = theirs.tables.get(table, []), ours.tables.get(table, [])
        if table == MARKER:                     # Debezium has begun later
            other = other[-len(one):]
        sequences = [r.what() for r in one], [r.what() for r in other]
        if sequences[0] != sequences[1]:
            yield Difference(table, "events", *sequences)
            continue
        told = set()
        for n, (a, b) in enumerate(zip(one, other)):
            for found in record(table, n, a, b):
                if found.path not in told or found.path.startswith(("key", "value")):   # others once for a table
                    told.add(found.path)
                    yield found


def record(table, n, theirs, ours):
    for what in ("key", "value"):
        schemas = (getattr(r, f"{what}_schema") for r in (theirs, ours))
        named = "Key" if what == "key" else "Value"
        for path, a, b in compare.schemas(*schemas, named):
            yield Difference(table, path, a, b, n)
        for path, a, b in compare.values(getattr(theirs, what), getattr(ours, what), what):
            if path not in EXCLUDED:
                yield Difference(table, path, a, b, n)
    yield from (Difference(table, f"headers.{name}", theirs.headers.get(name, compare.ABSENT),
                           ours.headers.get(name, compare.ABSENT), n)
                for name in sorted({*theirs.headers, *ours.headers}))
