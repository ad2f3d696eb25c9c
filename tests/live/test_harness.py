"""The harness itself, with real servers: the ledger's oracle and the independent reader."""
import io
import json
import random
import struct
import time
import urllib.request

import fastavro
import pymysql
import pytest
from confluent_kafka import Producer

from support.binlog import ledger_changes
from support.gtid import holds
from support.ledger import Ledger, judge
from support.mysql import MariaDB, MySQL
from support.proc import wait_for
from support.readers import Stuck, read_prefix
from support.scene import unique


@pytest.fixture(scope="module", params=["pg15", "mariadb", "mysql"])
def ledger(request):
    server = request.getfixturevalue(request.param)
    db = server.create_db()
    ledger = Ledger(server, db, big=2000, big_every=0.5).create().begin()
    time.sleep(1.5)
    ledger.stop()
    yield ledger
    server.drop_db(db)


def test_a_real_ledger_agrees_with_itself(ledger):
    changes = list(ledger.changes())
    assert judge(changes, changes).ok()
    assert not ledger.made()
    assert len(changes) > 2000
    assert {c[1] for c in changes} == {"c", "u", "d"}


def test_the_last_version_in_a_real_ledger_is_the_tables_own(ledger):
    last = {}
    for table, op, key, ver in ledger.changes():
        if op == "d":
            last.pop((table, key), None)
        else:
            last[table, key] = ver
    final = {(t, k): v for t in ("accounts", "moves")
             for k, v in ledger.server.sql(f"select id, ver from {t}", ledger.db)}
    assert last.items() <= final.items()


def test_random_harm_to_a_real_ledger_is_always_seen(ledger):
    changes, rng = list(ledger.changes()), random.Random(7)
    for _ in range(20):
        at = rng.randrange(len(changes))
        assert judge(changes, changes[:at] + changes[at + 1:]).lost == 1
        assert judge(changes, changes[:at] + [changes[at]] + changes[at:]).duplicated == 1


@pytest.fixture(params=[MariaDB, MySQL], ids=["mariadb", "mysql"])
def own(request):
    """A server that the test may kill."""
    with request.param() as server:
        yield server


def test_a_binlog_says_what_the_oracle_says_though_the_server_is_killed(own):
    """The log and the tables agree after each kill, and the oracle's order is the log's for each key."""
    db = own.create_db()
    ledger = Ledger(own, db, accounts=60, writers=4, big=2000, big_every=0.4).create()
    first = own.flush_logs()
    ledger.begin()
    for _ in range(4):
        time.sleep(0.7)
        own.kill9()
        own.start()
    time.sleep(0.7)
    ledger.stop()
    oracle = list(ledger.changes())
    changes = ledger_changes(own, db, [name for name, _ in own.binlogs() if name >= first])
    verdict = judge(oracle, changes)
    assert verdict.ok(), str(verdict)
    assert not ledger.made()
    assert verdict.expected > 3000 and any(c[2] > 1_000_000 for c in changes if c[0] == "accounts")
    assert ledger.conflicts, "no two writers ever met, so this proves little"
    lost, doubled = changes[:99] + changes[100:], changes[:100] + changes[99:]
    assert judge(oracle, lost).lost == 1 and judge(oracle, doubled).duplicated == 1


def test_a_server_keeps_its_port_its_rows_and_its_gtids_over_kill_9_and_restart(own):
    port, db = own.port, own.create_db()
    own.sql("create table survives (n int primary key); insert into survives values (1)", db)
    before = own.gtid()
    own.kill9()
    own.start()
    own.restart()
    own.sql("insert into survives values (2)", db)
    assert own.port == port and own.one("select count(*) from survives", db) == 2
    assert holds(own.gtid(), before) and not holds(before, own.gtid())


def test_binlogs_are_rotated_and_purged(own):
    first, place = own.binlog_position()
    own.sql("create database x")
    assert own.binlog_position()[1] > place
    second = own.flush_logs()
    assert [name for name, _ in own.binlogs()][-2:] == [first, second]
    last = own.purge()
    assert [name for name, _ in own.binlogs()] == [last] and last > second


def test_an_account_may_read_the_log_and_no_more_than_that(own):
    db = own.create_db()
    own.sql("create table t (id int primary key)", db)
    with own.account().connect() as c:
        assert c.execute(own.show_position).fetchall()
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            c.execute(f"select * from {db}.t")
    with own.account(select_on=db).connect(db) as c:
        assert c.execute("select * from t").fetchall() == ()


def test_settings_are_the_servers_options(server_with):
    made = server_with(MySQL, binlog_row_image="MINIMAL", performance_schema="OFF")
    assert made.one("select @@global.binlog_row_image") == "MINIMAL"
    assert server_with(MySQL, performance_schema="OFF", binlog_row_image="MINIMAL") is made


def test_what_a_new_server_is_like(my_any):
    said = my_any.sql("select @@log_bin, @@binlog_format, @@binlog_row_image, @@binlog_row_metadata,"
                      " @@binlog_checksum, @@time_zone")
    assert said == [(1, "ROW", "FULL", "FULL", "CRC32", "SYSTEM")]
    assert my_any.url("x") == f"mysql://root@127.0.0.1:{my_any.port}/x?ssl-mode=disabled"
    assert my_any.sql(f"select min(n), max(n), count(*) from {my_any.series(1000)}",
                      "mysql") == [(1, 1000, 1000)]


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
