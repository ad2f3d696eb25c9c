"""The ledger: a workload that knows exactly what a sink must have got.

A row trigger writes every change of the workload's tables into `ledger_oracle`, in
the same transaction as the change. That table is not captured. So whatever was
rolled back, lost with a connection or committed with nobody listening, the source
itself says what happened: what stands in the oracle must arrive once, and for each
key in this order (a key's changes are serialised by its row lock).

It runs on every kind of server; what each is told differently is in dialect.py.
"""
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from .dialect import dialect_of

ORACLE = "ledger_oracle"


class Ledger:
    """Writers on a database, from begin() to stop()."""

    def __init__(self, server, db, accounts=200, writers=2, big=20000, big_every=4.0,
                 pause=0.0, identity="default", seed=1):
        self.server, self.db, self.dialect = server, db, dialect_of(server)
        self.accounts, self.writers, self.pause = accounts, writers, pause
        self.big, self.big_every = big, big_every
        self.seed, self.identity = seed, identity
        self.base = 0
        self.commits, self.conflicts = 0, 0
        self.threads, self.errors = [], []
        self.next_big = {}                    # writer -> when its next big transaction is due
        self.stopping = threading.Event()

    @property
    def pg(self):
        """The server, where it is PostgreSQL."""
        return self.server

    # -- life --

    def create(self):
        """Tables, triggers and the seeded accounts; before the pipeline starts."""
        self.server.sql(self.dialect.tables, self.db)
        self.server.sql("insert into accounts select n, 1000, 1, 'seed' "
                        f"from {self.server.series(self.accounts)}", self.db)
        if identify := self.dialect.identify(self.identity):
            self.server.sql(identify, self.db)
        return self

    def begin(self):
        """Starts the writers. What happened before this is not judged."""
        self.base = self.server.one("select coalesce(max(seq), 0) from ledger_oracle", self.db)
        self.stopping.clear()
        self.threads = [threading.Thread(target=self._write, args=(n,), daemon=True)
                        for n in range(self.writers)]
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        """Ends the writers and returns the place in the log that a sink must reach.

        A last move is committed before it is asked, and counts: where nothing else writes, the end of
        the log is then the end of a transaction, which the stream passes at once."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
        if self.errors:
            raise self.errors[0]
        self.server.sql("insert into moves(src, dst, amount) values (0, 0, 0)", self.db)
        return self.server.log_end(self.db)

    def changes(self):
        """What the source says, in order, a part at a time: (tbl, op, key, ver); ver is None for a delete."""
        at = self.base
        with self.server.connect(self.db) as c:
            while rows := c.execute("select seq, tbl, op, id, ver from ledger_oracle where seq > %s "
                                    "order by seq limit 50000", (at,)).fetchall():
                yield from (tuple(row[1:]) for row in rows)
                at = rows[-1][0]

    def made(self):
        """The money that there is beyond what was seeded: none is ever made."""
        return self.server.one("select sum(balance) from accounts", self.db) - 1000 * self.accounts

    # -- one writer --

    def _write(self, number):
        """Transactions until told to stop; a lost connection is made anew."""
        rng = random.Random(self.seed * 1000 + number)
        self.next_big[number] = time.monotonic() + self.big_every * (number + 1) / self.writers
        while not self.stopping.is_set():
            try:
                with self.server.connect(self.db, connect_timeout=5) as c:
                    c.execute(self.dialect.session(self.identity))
                    while not self.stopping.is_set():
                        self._commit_one(c, rng, number)
            except Exception as why:
                if self.dialect.is_conflict(why):
                    self.conflicts += 1
                elif self.dialect.is_lost(why):
                    time.sleep(0.1)
                else:                         # a bug of the workload: say so in stop()
                    self.errors.append(why)
                    return

    def _commit_one(self, c, rng, number):
        if self.big and time.monotonic() > self.next_big[number]:
            self.next_big[number] = time.monotonic() + self.big_every * self.writers
            self._big(c)
        else:
            self._step(c, rng)
        self.commits += 1
        if self.pause:
            time.sleep(self.pause)

    def _step(self, c, rng):
        kind = rng.random()
        with c.transaction():
            if kind < 0.70:
                for _ in range(rng.choice((1, 1, 1, 5))):
                    self._transfer(c, rng)
            elif kind < 0.80:
                self._savepoints(c, rng)
            elif kind < 0.88:
                self._change_key(c, rng)
            elif kind < 0.96:
                self._die_and_come_back(c, rng)
            else:
                self._transfer(c, rng)
                self._touch_many(c, rng)

    def _two(self, c, rng):
        """Two accounts, locked in the order of their keys."""
        return c.execute("select id from accounts where id >= %s order by id limit 2 for update",
                         (rng.randint(1, self.accounts),)).fetchall()

    def _transfer(self, c, rng):
        pair = self._two(c, rng)
        if len(pair) < 2:
            return
        (a,), (b,) = pair
        amount = Decimal(rng.randint(1, 500)) / 100
        c.execute("update accounts set balance = balance - %s, ver = ver + 1 where id = %s",
                  (amount, a))
        c.execute("update accounts set balance = balance + %s, ver = ver + 1, note = %s "
                  "where id = %s", (amount, f"from {a} € {'x' * rng.randint(0, 60)}", b))
        c.execute("insert into moves(src, dst, amount) values (%s, %s, %s)", (a, b, amount))

    def _savepoints(self, c, rng):
        """What is rolled back inside a transaction must never be seen."""
        self._transfer(c, rng)
        for keep in (True, False):
            try:
                with c.transaction():
                    self._transfer(c, rng)
                    if not keep:
                        raise Undo
            except Undo:
                pass

    def _change_key(self, c, rng):
        """Moves an account to the spare key above all others, or back."""
        row = c.execute("select id from accounts where id = %s or id = %s for update",
                        (k := rng.randint(1, self.accounts), k + 1_000_000)).fetchone()
        if row:
            new = row[0] + 1_000_000 if row[0] < 1_000_000 else row[0] - 1_000_000
            c.execute("update accounts set id = %s, ver = ver + 1 where id = %s", (new, row[0]))

    def _die_and_come_back(self, c, rng):
        """Deletes a row and inserts it again; its version goes on."""
        row = c.execute("select id, balance, ver from accounts where id = %s for update",
                        (rng.randint(1, self.accounts),)).fetchone()
        if row:
            c.execute("delete from accounts where id = %s", (row[0],))
            c.execute("insert into accounts values (%s, %s, %s, null)",
                      (row[0], row[1], row[2] + 1))

    def _touch_many(self, c, rng):
        c.execute(self.dialect.touch, (low := rng.randint(1, self.accounts), low + 30))

    def _big(self, c):
        with c.transaction():
            c.execute("insert into moves(src, dst, amount) select n, n + 1, 0.01 "
                      f"from {self.server.series(self.big)}")


class Undo(Exception):
    """Rolls a savepoint back."""


# --- the judge ---------------------------------------------------------------

@dataclass
class Verdict:
    lost: int = 0
    duplicated: int = 0
    disordered: int = 0
    scattered: int = 0                  # keys that are in more than one partition
    expected: int = 0
    seen: int = 0
    details: dict = field(default_factory=lambda: defaultdict(list))

    def ok(self):
        return not (self.lost or self.duplicated or self.disordered or self.scattered)

    def __str__(self):
        text = (f"{self.expected} expected, {self.seen} seen: {self.lost} lost, {self.duplicated} duplicated, "
                f"{self.disordered} out of order, {self.scattered} keys in two partitions")
        return "\n  ".join([text, *(f"{word}: {what}" for word, them in self.details.items() for what in them)])


def ledger_events(events, tables=("accounts", "moves")):
    """Debezium events of the ledger as (tbl, op, key, ver, partition); a tombstone's op is 't'."""
    for event in events:
        table = event["topic"].rpartition(".")[2]
        if table not in tables:
            continue
        value = event["value"]
        op = "t" if value is None else value["op"]
        yield table, op, event["key"]["id"], None if op in "td" else value["after"]["ver"], event.get("partition")


def with_tombstones(changes):
    """On Kafka each delete is followed by a record without a value."""
    for change in changes:
        yield change
        if change[1] == "d":
            yield (change[0], "t", change[2], None)


class Key:
    """The changes wanted of one key, and how many have come just so; once one has not, all that came is kept."""
    __slots__ = "wanted", "came", "home", "kept"

    def __init__(self):
        self.wanted, self.came, self.home, self.kept = [], 0, None, None

    def take(self, change, partition):
        if self.home is None:
            self.home = partition
        if self.kept is None:
            if partition == self.home and self.came < len(self.wanted) and self.wanted[self.came] == change:
                self.came += 1
                return
            self.kept = [(self.home, c) for c in self.wanted[:self.came]]
        self.kept.append((partition, change))

    def well(self):
        return self.kept is None and self.came == len(self.wanted)

    def arrived(self):
        """What came: one partition after the other, where there are several."""
        if self.kept is None:
            return self.wanted[:self.came]
        return [change for _, change in sorted(self.kept, key=lambda kept: kept[0] or 0)]


def judge(changes, events, tombstones=False, limit=8):
    """Compares what must have arrived with what did. Neither is kept, so that both may be millions.

    `changes` are (tbl, op, key, ver); `events` the same, with a partition or without, in the order of arrival
    for each key."""
    verdict, tables, same = Verdict(), defaultdict(lambda: defaultdict(Key)), {}
    for table, op, key, ver in with_tombstones(changes) if tombstones else changes:
        tables[table][key].wanted.append(same.setdefault((op, ver), (op, ver)))
        verdict.expected += 1
    for table, op, key, ver, *partition in events:
        tables[table][key].take((op, ver), partition[0] if partition else None)
        verdict.seen += 1
    for table, keys in tables.items():
        for key, of_key in keys.items():
            if not of_key.well():
                compare(verdict, (table, key), of_key, limit)
    return verdict


def compare(verdict, name, key, limit):
    """What is wrong with one key. What is there on both sides must be in the same order."""
    def note(word, what):
        if len(verdict.details[word]) < limit:
            verdict.details[word].append(what)

    arrived = key.arrived()
    want, got = Counter(key.wanted), Counter(arrived)
    missing, extra = want - got, got - want
    verdict.lost += missing.total()
    verdict.duplicated += extra.total()
    for word, them in (("lost", missing), ("too many", extra)):
        for change, n in them.items():
            note(word, f"{change} of {name} × {n}")
    if len({partition for partition, _ in key.kept or ()}) > 1:
        verdict.scattered += 1
        note("in two partitions", name)
    a, b = only(key.wanted, want & got), only(arrived, want & got)
    wrong = [(x, y) for x, y in zip(a, b) if x != y]
    if wrong:
        verdict.disordered += len(wrong)
        note("order", f"of {name}: want {wrong[0][0]}, got {wrong[0][1]}")


def only(changes, counts):
    """The changes that `counts` allows for, first come first served."""
    left, kept = Counter(counts), []
    for change in changes:
        if left[change]:
            left[change] -= 1
            kept.append(change)
    return kept
