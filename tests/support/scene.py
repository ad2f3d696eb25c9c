"""A ledger, a pipeline to Kafka and the judge, put together as most live tests need them."""
import os
import uuid

from .ledger import Ledger, judge, ledger_events
from .proc import wait_for
from .readers import each_event, read_topics


class Running:
    """A ledger on a server, and the rowferry that carries it on: `ledger`, `server`, `db`, `rf`."""

    begun = False

    def start(self, **kw):
        """Starts rowferry and waits until it streams."""
        self.rf.start(**kw)
        self.rf.wait_streaming(self.server, self.db)
        return self

    def begin(self):
        """The ledger begins once; from then on everything counts."""
        if not self.begun:
            self.ledger.begin()
            self.begun = True
        return self

    def flow(self, commits=60, timeout=60):
        """Returns when the ledger has committed so many transactions more."""
        want = self.ledger.commits + commits
        wait_for(lambda: self.ledger.errors or self.ledger.commits >= want, timeout,
                 lambda: f"{commits} commits of the workload: {self.ledger.commits} of {want}", 0.01)
        return self

    def arrive(self, timeout=60):
        """Returns when all that the ledger has committed by now has been confirmed."""
        self.rf.wait_passed(self.server, self.db, timeout)
        return self


class Scene(Running):
    """One ledger in a database of its own, replicated by one rowferry. `server` is of any kind."""

    def __init__(self, server, db, kafka, registry, pipelines, failpoints=False, sink=None,
                 source=None, **ledger):
        self.server, self.db, self.kafka, self.registry = server, db, kafka, registry
        self.ledger = Ledger(server, db, **{"big": 5000, "big_every": 2.0, **ledger}).create()
        self.rf = pipelines.to_kafka(server, db, kafka, registry, failpoints=failpoints,
                                     sink=sink, **(source or {}))

    @property
    def pg(self):
        """The server, where it is PostgreSQL."""
        return self.server

    def topics(self):
        return [f"{self.rf.pipeline}.{self.server.schema(self.db)}.{t}" for t in ("accounts", "moves")]

    def read(self, **kw):
        return read_topics(self.kafka.direct, self.registry, self.topics(), **kw)

    def judge(self):
        events = each_event(self.kafka.direct, self.registry, self.topics())
        return judge(self.ledger.changes(), ledger_events(events), tombstones=True)

    def verdict(self, timeout=90):
        """Stops the ledger, waits until all of it has arrived, and judges."""
        place = self.ledger.stop()
        self.rf.wait_caught_up(self.server, self.db, place, timeout + soak(0))
        return self.judge()

    def finish(self, at_least=1, timeout=90):
        """The same, and all must be well: the money too."""
        verdict = self.verdict(timeout)
        print(verdict)
        assert not self.ledger.made(), "the workload itself made money"
        assert verdict.ok(), str(verdict)
        assert verdict.expected >= at_least
        return verdict


def soak(short):
    """How many rounds: a few in a normal run, $SOAK of them in a long one."""
    return int(os.environ.get("SOAK") or short)


def unique(prefix="p"):
    return f"{prefix}{uuid.uuid4().hex[:8]}"
