"""One pipeline over tables that a test makes itself: run SQL, get all records."""
from .readers import await_events, read_prefix


class Stream:
    """Made by the fixtures `stream` (both PostgreSQL versions), `stream15` and `stream_my`."""

    def __init__(self, server, db, kafka, registry, pipelines):
        self.server, self.db, self.kafka, self.registry = server, db, kafka, registry
        self.pipelines = pipelines

    @property
    def pg(self):
        """The server, where it is PostgreSQL."""
        return self.server

    def prepare(self, setup, **kw):
        """The tables and the configuration; rowferry does not run yet."""
        self.sql(setup)
        self.rf = self.pipelines.to_kafka(self.server, self.db, self.kafka, self.registry, **kw)
        return self

    def start(self, setup=None, **kw):
        """The same, and it streams."""
        if setup is not None:
            self.prepare(setup, **kw)
        self.rf.start()
        self.rf.wait_streaming(self.server, self.db)
        return self

    def sql(self, text, args=None):
        return self.server.sql(text, self.db, args)

    def caught_up(self):
        """Returns when all that is committed by now is in Kafka."""
        self.rf.wait_passed(self.server, self.db)
        return self

    def records(self, count):
        """All records, when there are `count` of them; more or fewer are an error."""
        events = await_events(self.kafka, self.registry, self.rf.pipeline + ".", count)
        assert len(events) == count, f"{len(events)} of {count}\n{self.rf.logged()[-3000:]}"
        return events

    def so_far(self):
        return read_prefix(self.kafka, self.registry, self.rf.pipeline + ".")

    def after(self, count):
        """The rows after each change, by key."""
        return {e["key"]["id"]: e["value"]["after"] for e in self.records(count)}
