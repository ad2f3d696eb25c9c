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


@dataclass
class Oracle:
    """What the source says: changes in order, and the tables as they are now."""
    changes: list                       # (tbl, op, key, ver); ver is None for a delete
    final: dict                         # tbl -> {key: ver}
    total: Decimal                      # the sum of all balances
    seeded: Decimal                     # … as it was seeded: money is never made


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

    def oracle(self):
        with self.server.connect(self.db) as c:
            rows = c.execute("select tbl, op, id, ver from ledger_oracle where seq > %s "
                             "order by seq", (self.base,)).fetchall()
            final = {t: dict(c.execute(f"select id, ver from {t}").fetchall())
                     for t in ("accounts", "moves")}
            total = c.execute("select sum(balance) from accounts").fetchone()[0]
        return Oracle(list(rows), final, total, Decimal(1000 * self.accounts))

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
    expected: int = 0
    seen: int = 0
    details: list = field(default_factory=list)

    def ok(self):
        return not (self.lost or self.duplicated or self.disordered)

    def __str__(self):
        text = (f"{self.expected} expected, {self.seen} seen: {self.lost} lost, "
                f"{self.duplicated} duplicated, {self.disordered} out of order")
        return "\n  ".join([text, *self.details])


def ledger_events(events, tables=("accounts", "moves")):
    """Debezium events of the ledger as (tbl, op, key, ver); a tombstone's op is 't'."""
    found = []
    for event in events:
        table = event["topic"].rpartition(".")[2]
        if table not in tables:
            continue
        value, key = event["value"], event["key"]["id"]
        if value is None:
            found.append((table, "t", key, None))
        elif value["op"] == "d":
            found.append((table, "d", key, None))
        else:
            found.append((table, value["op"], key, value["after"]["ver"]))
    return found


def with_tombstones(changes):
    """On Kafka each delete is followed by a record without a value."""
    for change in changes:
        yield change
        if change[1] == "d":
            yield (change[0], "t", change[2], None)


def judge(oracle, events, tombstones=False, limit=8):
    """Compares what must have arrived with what did.

    `events` are (tbl, op, key, ver), in the order of arrival for each key."""
    changes = [tuple(c) for c in (oracle.changes if isinstance(oracle, Oracle) else oracle)]
    expected = list(with_tombstones(changes)) if tombstones else changes
    seen = [tuple(e) for e in events]
    verdict = Verdict(expected=len(expected), seen=len(seen))
    want, got = Counter(expected), Counter(seen)
    missing, extra = want - got, got - want
    verdict.lost, verdict.duplicated = missing.total(), extra.total()
    for word, them in (("lost", missing), ("too many", extra)):
        verdict.details += [f"{word}: {k} × {n}" for k, n in list(them.items())[:limit]]
    order(verdict, expected, seen, limit)
    return verdict


def order(verdict, expected, seen, limit):
    """For each key: what is there on both sides must be in the same order."""
    ours, theirs = by_key(expected), by_key(seen)
    for key, wanted in ours.items():
        arrived = theirs.get(key, [])
        if arrived == wanted:
            continue
        common = Counter(wanted) & Counter(arrived)
        a, b = only(wanted, common), only(arrived, common)
        wrong = sum(x != y for x, y in zip(a, b))
        if wrong:
            verdict.disordered += wrong
            if len(verdict.details) < 3 * limit:
                at = next(i for i, (x, y) in enumerate(zip(a, b)) if x != y)
                verdict.details.append(f"order of {key}: at {at} want {a[at]}, got {b[at]}")


def by_key(changes):
    groups = defaultdict(list)
    for change in changes:
        groups[change[0], change[2]].append(change)
    return groups


def only(changes, counts):
    """The changes that `counts` allows for, first come first served."""
    left, kept = Counter(counts), []
    for change in changes:
        if left[change]:
            left[change] -= 1
            kept.append(change)
    return kept
