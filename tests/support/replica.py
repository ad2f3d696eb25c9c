"""A ledger, a database that follows it, and the judge: each version of each row must have been applied exactly once.

The target's tables have the ledger's own triggers, so that the target itself says what was applied, and in which order.
"""
from .ledger import Ledger, judge
from .scene import Running

COLUMNS = {"accounts": "id, balance, ver, note", "moves": "id, src, dst, amount, ver"}


def database_sink(server, db, /, name="replica", **over):
    """A sink's section: tables of the source's names, in this database."""
    table = "public.{table}" if server.kind == "postgresql" else "{table}"
    return {"name": name, "type": server.kind, "url": server.url(db), "table": table, **over}


class Replica(Running):
    """One ledger in `source`, replicated into `target` by one rowferry."""

    def __init__(self, source, db, target, target_db, pipelines, failpoints=False, sink=None, url=None, **ledger):
        self.server, self.db, self.target, self.target_db = source, db, target, target_db
        ledger = {"big": 5000, "big_every": 2.0, **ledger}
        self.ledger = Ledger(source, db, **ledger).create()
        self.copy = Ledger(target, target_db, **ledger).create()
        self.copy.base = target.one("select coalesce(max(seq), 0) from ledger_oracle", target_db)
        over = {"schema": "fixed", **(sink or {}), **({"url": url} if url else {})}
        self.rf = pipelines(source, db, [database_sink(target, target_db, **over)], failpoints=failpoints)

    def rows(self, server, db, table):
        return [tuple(row) for row in server.sql(f"select {COLUMNS[table]} from {table} order by id", db)]

    def finish(self, at_least=1, timeout=90):
        """Stops the ledger and waits until all of it has arrived; what was applied and what is there must be right."""
        place = self.ledger.stop()
        self.rf.wait_caught_up(self.server, self.db, place, timeout)
        verdict = judge(self.ledger.changes(), self.copy.changes())
        print(verdict)
        assert not self.ledger.made(), "the workload itself made money"
        assert verdict.ok(), str(verdict)
        assert verdict.expected >= at_least
        for table in COLUMNS:
            assert self.rows(self.server, self.db, table) == self.rows(self.target, self.target_db, table)
        return verdict
