#!/usr/bin/env python3
"""A small shop, replicated live; rowferry is killed with -9 in the middle.

    demo.py database [SOURCE] [SINK]   a second database follows the first (exactly once)
    demo.py kafka [SOURCE]             changes go to Kafka as Avro (exactly once)

SOURCE is postgresql (the default), mariadb or mysql, and SINK too; it is the source's kind by default.
Everything runs in temporary folders on free loopback ports and is gone at the end.
The exit status is 0 only if the counts are what rowferry promises.
"""
import contextlib
import random
import signal
import sys
import threading
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from support.proc import discard, scratch  # noqa: E402
from support.replica import database_sink  # noqa: E402
from support.rowferry import Rowferry, configuration, kafka_sink  # noqa: E402
from support.mysql import MariaDB, MySQL  # noqa: E402
from support.servers import Kafka, Postgres, Registry  # noqa: E402

SECONDS = 5                              # of work before the kill, and again after it
SERVERS = {"postgresql": ("PostgreSQL", lambda: Postgres(15)), "mariadb": ("MariaDB", MariaDB),
           "mysql": ("MySQL", MySQL)}
SHOP = """
create table customers (id int primary key, name varchar(40) not null, city text, ver int not null);
create table orders (id int primary key, customer int not null, amount numeric(10,2) not null,
                     status varchar(20) not null, placed_at timestamp not null default now(),
                     ver int not null);
"""
NAMES = ["Ada", "Blaise", "Chandra", "Dorothy", "Émilie", "Fazlur", "Grace", "Hypatia"]
CITIES = ["Lisbon", "Osaka", "Kraków", "Nairobi", "Quito"]
STATUS = ["placed", "paid", "packed", "shipped"]


def title(text):
    print(f"\n── {text}", flush=True)


# --- the shop ----------------------------------------------------------------

class Shop(threading.Thread):
    """Customers come, orders are placed and move on. Remembers what was committed."""

    def __init__(self, server, db):
        super().__init__(daemon=True)
        self.server, self.db = server, db
        self.rng = random.Random(1)
        self.committed = []               # (table, id, ver), acknowledged by the server
        self.open = {}                    # order -> (status, ver)
        self.over, self.failed = threading.Event(), None

    def run(self):
        try:
            with self.server.connect(self.db) as c:
                while not self.over.wait(0.04):
                    with c.transaction():
                        done = self._trade(c)
                    self.committed += done
        except Exception as why:
            self.failed = why

    def stop(self):
        self.over.set()
        self.join(30)
        if self.failed:
            raise self.failed

    def _trade(self, c):
        """One transaction; returns the changes that it makes."""
        kind = self.rng.random()
        if kind < 0.15 or not self.committed:
            return [self._customer(c)]
        if kind < 0.6 or not self.open:
            return [self._order(c) for _ in range(self.rng.choice((1, 1, 3)))]
        return [self._move_on(c)]

    def _customer(self, c):
        number = 1 + sum(t == "customers" for t, _, _ in self.committed)
        c.execute("insert into customers values (%s, %s, %s, 1)",
                  (number, self.rng.choice(NAMES), self.rng.choice(CITIES)))
        return "customers", number, 1

    def _order(self, c):
        number = self.last = getattr(self, "last", 0) + 1
        c.execute("insert into orders(id, customer, amount, status, ver) values (%s, %s, %s, %s, 1)",
                  (number, self.rng.randint(1, 9), self.rng.randint(100, 99999) / 100, STATUS[0]))
        self.open[number] = (0, 1)
        return "orders", number, 1

    def _move_on(self, c):
        number = self.rng.choice(list(self.open))
        status, ver = self.open.pop(number)
        c.execute("update orders set status = %s, ver = %s where id = %s",
                  (STATUS[status + 1], ver + 1, number))
        if status + 2 < len(STATUS):
            self.open[number] = (status + 1, ver + 1)
        return "orders", number, ver + 1


def change_of(envelope):
    """(table, id, ver) of a Debezium envelope."""
    return envelope["source"]["table"], envelope["after"]["id"], envelope["after"]["ver"]


def line_of(envelope):
    after = {k: v for k, v in envelope["after"].items() if k not in ("ver", "placed_at")}
    shown = "  ".join(f"{k}={v}" for k, v in after.items())
    word = {"c": "insert", "u": "update", "d": "delete"}[envelope["op"]]
    return f"   {word} {envelope['source']['table']:<9} {shown}"


# --- what is seen ------------------------------------------------------------

TABLES = ("customers", "orders")


def rows_of(server, db, table):
    """{id: the row without its id}"""
    return {row[0]: tuple(row[1:]) for row in server.sql(f"select * from {table} order by id", db)}


class Mirror(threading.Thread):
    """Shows the rows of the second database as they come and change."""

    def __init__(self, target, db):
        super().__init__(daemon=True)
        self.target, self.db, self.over = target, db, threading.Event()
        self.shown = {table: {} for table in TABLES}

    def next_run(self):
        pass

    def run(self):
        while not self.over.wait(0.1):
            self._show()

    def _show(self):
        for table in TABLES:
            try:
                now = rows_of(self.target, self.db, table)
            except Exception:                 # not made yet
                continue
            for key, row in now.items():
                if (was := self.shown[table].get(key)) != row:
                    print(f"   {'insert' if was is None else 'update'} {table:<9} id={key}  "
                          f"{'  '.join(str(v) for v in row[:3])}", flush=True)
            self.shown[table] = now

    def stop(self):
        self.over.set()
        self.join(30)
        self._show()
        return self.shown


class Reader(threading.Thread):
    """An independent consumer of committed records: shows them, and counts at the end."""

    def __init__(self, kafka, registry, prefix):
        super().__init__(daemon=True)
        self.kafka, self.registry, self.prefix = kafka, registry, prefix
        self.over = threading.Event()

    def next_run(self):
        pass

    def run(self):
        from confluent_kafka import TopicPartition
        from support.readers import Schemas, consumer
        schemas, reader, known = Schemas(self.registry.url), consumer(
            self.kafka.direct, "read_committed"), set()
        while not self.over.is_set():
            topics = reader.list_topics(timeout=10).topics
            new = {(t, p) for t in topics if t.startswith(self.prefix)
                   for p in topics[t].partitions} - known
            if new:
                reader.incremental_assign([TopicPartition(t, p, 0) for t, p in new])
                known |= new
            end = time.monotonic() + 1
            while time.monotonic() < end and not self.over.is_set():
                for m in reader.consume(100, 0.1):
                    if not m.error() and m.value() is not None:
                        print(line_of(schemas.decode(m.value())), flush=True)
        reader.close()

    def stop(self):
        from support.readers import read_prefix
        self.over.set()
        self.join(30)
        events = read_prefix(self.kafka, self.registry, self.prefix)
        return [change_of(e["value"]) for e in events if e["value"]]


# --- the story ---------------------------------------------------------------

def play(server, sinks, viewer_of, state):
    """Streams, kills, streams on; returns what was committed and what was seen."""
    db = "shop"
    server.sql(f"create database {db}")
    server.sql(SHOP, db)
    with Rowferry(configuration("shop", server, db, sinks, state)) as rf:
        viewer = viewer_of(rf)
        title("rowferry starts; the shop opens")
        rf.start()
        rf.wait_streaming(server, db)
        viewer.start()
        shop = Shop(server, db)
        shop.start()
        time.sleep(SECONDS)
        title("kill -9 rowferry, while the shop goes on")
        rf.kill9()
        time.sleep(1.5)
        title("rowferry starts again")
        viewer.next_run()
        rf.start()
        rf.wait_streaming(server, db)
        time.sleep(SECONDS)
        shop.stop()
        server.sql("update customers set ver = ver + 1 where id = 1", db)
        shop.committed.append(("customers", 1, 2))
        rf.wait_passed(server, db)
        title("the shop has closed; rowferry is told to stop")
        status = rf.terminate()
        return shop.committed, viewer.stop(), status


def count(committed, seen, name):
    """Prints what Kafka got; true when it is what was promised."""
    want, got = Counter(committed), Counter(seen)
    lost, twice, strange = (want - got).total(), (got - want).total(), len(set(got) - set(want))
    title("the count")
    for what, number in ((f"committed in {name}", want.total()), ("seen by the reader", got.total()),
                         ("lost", lost), ("seen twice", twice)):
        print(f"   {what:<25} {number}")
    print("   Kafka gets each change exactly once: the position is in the same transaction.")
    return not (lost or twice or strange) and want.total() > 0


def compare(server, db, seen, names):
    """Prints both sides; true when they are the same."""
    title("both sides")
    print(f"   {'':<25} {names[0]:>12} {names[1]:>12} {'different':>12}")
    different, total = 0, 0
    for table in TABLES:
        want, got = rows_of(server, db, table), seen[table]
        wrong = [key for key in want.keys() | got.keys() if plain(want.get(key)) != plain(got.get(key))]
        different, total = different + len(wrong), total + len(want)
        print(f"   {'rows of ' + table:<25} {len(want):>12} {len(got):>12} {len(wrong):>12}")
    print("   Each change was applied exactly once: a row that comes twice, or not at all, would have\n"
          "   stopped it. The position is in the same transaction as the rows.")
    return different == 0 and total > 0


def plain(row):
    """As text; a time with a zone is in UTC, and one without is the same reading."""
    return row and tuple(str(v.replace(tzinfo=None) if isinstance(v, datetime) else v) for v in row)


def to_kafka(server, name, state):
    with Kafka("4.3.1") as kafka, Registry() as registry:
        committed, seen, status = play(server, [kafka_sink(kafka, registry, "shop")],
                                       lambda rf: Reader(kafka, registry, "shop."), state)
    return count(committed, seen, name), status


def to_database(server, target, names, state):
    """The second database has no tables: they are made."""
    target.sql("create database replica")
    sink = database_sink(target, "replica")
    _, seen, status = play(server, [sink], lambda rf: Mirror(target, "replica"), state)
    return compare(server, "shop", seen, names), status


def run(kind, source, sink, state):
    name, make = SERVERS[source]
    with contextlib.ExitStack() as servers:
        server = servers.enter_context(make())
        if kind == "kafka":
            return to_kafka(server, name, state)
        target = server if sink == source else servers.enter_context(SERVERS[sink][1]())
        names = (name, SERVERS[sink][0]) if sink != source else ("the shop", "its replica")
        return to_database(server, target, names, state)


def main(argv):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kind, source, sink = (argv + ["database", "postgresql", ""][len(argv):])[:3]
    sink = sink or source
    if source not in SERVERS or sink not in SERVERS:
        print(f"SOURCE and SINK are of {', '.join(SERVERS)}", file=sys.stderr)
        return 2
    state = scratch("demo")
    try:
        title("starting the servers")
        good, status = run(kind, source, sink, state)
    finally:
        discard(state)
    if status:
        print(f"   rowferry ended with status {status}")
    return 0 if good and status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
