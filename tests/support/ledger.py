"""The ledger: a workload that knows exactly what a sink must have got.

A row trigger writes every change of the workload's tables into `ledger_oracle`, in
the same transaction as the change. That table is not published. So whatever was
rolled back, lost with a connection or committed with nobody listening, the source
itself says what happened: what stands in the oracle must arrive once, and for each
key in this order (a key's changes are serialised by its row lock).
"""
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

SCHEMA = """
create table accounts (id bigint primary key, balance numeric(12,2) not null,
                       ver bigint not null, note text);
create table moves (id bigserial primary key, src bigint, dst bigint,
                    amount numeric(12,2), ver bigint not null default 1);
create table ledger_oracle (seq bigserial primary key, txid xid8 not null, op text not null,
                            tbl text not null, key bigint not null, ver bigint);
create function ledger_watch() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    insert into ledger_oracle(txid, op, tbl, key)
      values (pg_current_xact_id(), 'd', tg_table_name, old.id);
  elsif tg_op = 'UPDATE' and old.id = new.id then
    insert into ledger_oracle(txid, op, tbl, key, ver)
      values (pg_current_xact_id(), 'u', tg_table_name, new.id, new.ver);
  else
    if tg_op = 'UPDATE' then          -- a new key: a delete and a create for a reader
      insert into ledger_oracle(txid, op, tbl, key)
        values (pg_current_xact_id(), 'd', tg_table_name, old.id);
    end if;
    insert into ledger_oracle(txid, op, tbl, key, ver)
      values (pg_current_xact_id(), 'c', tg_table_name, new.id, new.ver);
  end if;
  return null;
end $$;
create trigger watch after insert or update or delete on accounts
  for each row execute function ledger_watch();
create trigger watch after insert or update or delete on moves
  for each row execute function ledger_watch();
"""
UNPUBLISHED = ["public.ledger_oracle"]


@dataclass
class Oracle:
    """What the source says: changes in order, and the tables as they are now."""
    changes: list                       # (tbl, op, key, ver); ver is None for a delete
    final: dict                         # tbl -> {key: ver}
    total: Decimal                      # the sum of all balances
    seeded: Decimal                     # … as it was seeded: money is never made


class Ledger:
    """Writers on a database, from begin() to stop()."""

    def __init__(self, pg, db, accounts=200, writers=2, big=20000, big_every=4.0,
                 pause=0.0, identity="default", seed=1):
        self.pg, self.db = pg, db
        self.accounts, self.writers, self.pause = accounts, writers, pause
        self.big, self.big_every = big, big_every
        self.seed, self.identity = seed, identity
        self.base = 0
        self.commits = 0
        self.threads, self.errors = [], []
        self.stopping = threading.Event()

    # -- life --

    def create(self):
        """Tables, triggers and the seeded accounts; before the pipeline starts."""
        with self.pg.connect(self.db) as c:
            c.execute(SCHEMA)
            c.execute("insert into accounts select g, 1000, 1, 'seed' "
                      "from generate_series(1, %s) g", (self.accounts,))
            if self.identity == "full":
                c.execute("alter table accounts replica identity full")
        return self

    def begin(self):
        """Starts the writers. What happened before this is not judged."""
        self.base = self.pg.one("select coalesce(max(seq), 0) from ledger_oracle", self.db)
        self.stopping.clear()
        self.threads = [threading.Thread(target=self._write, args=(n,), daemon=True)
                        for n in range(self.writers)]
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        """Ends the writers and returns the log position that a sink must reach.

        A last move is committed before it is asked, and counts: where nothing else writes, the end of
        the log is then the end of a transaction, which the stream passes at once."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
        if self.errors:
            raise self.errors[0]
        self.pg.sql("insert into moves(src, dst, amount) values (0, 0, 0)", self.db)
        return self.pg.one("select pg_current_wal_lsn()::text", self.db)

    def oracle(self):
        with self.pg.connect(self.db) as c:
            rows = c.execute("select tbl, op, key, ver from ledger_oracle where seq > %s "
                             "order by seq", (self.base,)).fetchall()
            final = {t: dict(c.execute(f"select id, ver from {t}").fetchall())
                     for t in ("accounts", "moves")}
            total = c.execute("select sum(balance) from accounts").fetchone()[0]
        return Oracle(rows, final, total, Decimal(1000 * self.accounts))

    # -- one writer --

    def _write(self, number):
        """Transactions until told to stop; a lost connection is made anew."""
        import psycopg
        rng = random.Random(self.seed * 1000 + number)
        next_big = time.monotonic() + self.big_every * (number + 1) / self.writers
        while not self.stopping.is_set():
            try:
                with psycopg.connect(self.pg.url(self.db), connect_timeout=5) as c:
                    c.execute("set lock_timeout = '10s'")
                    c.commit()
                    while not self.stopping.is_set():
                        if self.big and time.monotonic() > next_big:
                            next_big = time.monotonic() + self.big_every * self.writers
                            self._big(c)
                        else:
                            self._step(c, rng)
                        self.commits += 1
                        if self.pause:
                            time.sleep(self.pause)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable,
                    psycopg.errors.UniqueViolation):
                continue
            except psycopg.OperationalError:
                time.sleep(0.1)
            except Exception as why:          # a bug of the workload: say so in stop()
                self.errors.append(why)
                return

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
        row = c.execute("delete from accounts where id = %s returning id, balance, ver",
                        (rng.randint(1, self.accounts),)).fetchone()
        if row:
            c.execute("insert into accounts values (%s, %s, %s, null)",
                      (row[0], row[1], row[2] + 1))

    def _touch_many(self, c, rng):
        c.execute("update accounts set ver = ver + 1 where id in (select id from accounts "
                  "where id between %s and %s order by id for update)",
                  (low := rng.randint(1, self.accounts), low + 30))

    def _big(self, c):
        with c.transaction():
            c.execute("insert into moves(src, dst, amount) select g, g + 1, 0.01 "
                      "from generate_series(1, %s) g", (self.big,))


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
