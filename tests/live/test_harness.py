"""The harness itself, with real servers: the ledger's oracle and the independent reader."""
import io
import json
import random
import struct
import time
import urllib.request

import fastavro
import pytest
from confluent_kafka import Producer

from support.ledger import Ledger, judge
from support.proc import wait_for
from support.readers import Stuck, read_prefix
from support.scene import unique


@pytest.fixture(scope="module")
def ledger(pg15):
    db = pg15.create_db()
    ledger = Ledger(pg15, db, big=2000, big_every=0.5).create().begin()
    time.sleep(1.5)
    ledger.stop()
    yield ledger
    pg15.drop_db(db)


def test_a_real_ledger_agrees_with_itself(ledger):
    oracle = ledger.oracle()
    assert judge(oracle, oracle.changes).ok()
    assert oracle.total == oracle.seeded
    assert len(oracle.changes) > 2000
    assert {c[1] for c in oracle.changes} == {"c", "u", "d"}


def test_the_last_version_in_a_real_ledger_is_the_tables_own(ledger):
    oracle, last = ledger.oracle(), {}
    for table, op, key, ver in oracle.changes:
        if op == "d":
            last.pop((table, key), None)
        else:
            last[table, key] = ver
    assert all(oracle.final[t][k] == v for (t, k), v in last.items())


def test_random_harm_to_a_real_ledger_is_always_seen(ledger):
    changes, rng = ledger.oracle().changes, random.Random(7)
    for _ in range(20):
        at = rng.randrange(len(changes))
        assert judge(changes, changes[:at] + changes[at + 1:]).lost == 1
        assert judge(changes, changes[:at] + [changes[at]] + changes[at:]).duplicated == 1


SCHEMA = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]}


@pytest.fixture
def schema_id(registry):
    body = json.dumps({"schema": json.dumps(SCHEMA)}).encode()
    request = urllib.request.Request(f"{registry.url}/subjects/{unique()}/versions", body,
                                     {"Content-Type": "application/vnd.schemaregistry.v1+json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["id"]


def framed(schema_id, number):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), {"id": number})
    return struct.pack(">bI", 0, schema_id) + out.getvalue()


def write(producer, topic, schema_id, numbers):
    producer.begin_transaction()
    for number in numbers:
        producer.produce(topic, framed(schema_id, number), framed(schema_id, number))
    producer.flush(20)


def test_the_reader_sees_committed_records_only_and_notices_an_open_end(kafka, registry, schema_id):
    topic = unique("reader.")
    kafka.create_topic(topic, 1)
    producer = Producer({"bootstrap.servers": kafka.direct, "transactional.id": topic})
    producer.init_transactions(20)
    write(producer, topic, schema_id, range(10))
    producer.commit_transaction(20)
    write(producer, topic, schema_id, range(10, 20))
    producer.abort_transaction(20)
    write(producer, topic, schema_id, range(20, 30))
    with pytest.raises(Stuck):
        read_prefix(kafka, registry, topic, timeout=2)
    producer.commit_transaction(20)
    seen = [e["value"]["id"] for e in read_prefix(kafka, registry, topic)]
    assert seen == [*range(10), *range(20, 30)]


def test_servers_come_back_on_their_ports_after_kill_9(pg_any, kafka):
    port = pg_any.port
    pg_any.sql("create table if not exists survives(n int); insert into survives values (1)")
    pg_any.kill9()
    pg_any.start()
    assert pg_any.port == port and pg_any.one("select count(*) from survives") >= 1
    kafka.kill9()
    kafka.start()
    assert wait_for(lambda: kafka.topics() is not None, 20, "Kafka answers")
