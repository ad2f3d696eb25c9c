"""How far a pipeline is: what its source says of it, or its sinks.

PostgreSQL tells by the slot. MySQL and MariaDB keep nothing for a reader, so rowferry's own log
says that it streams, and the position that a sink keeps in the same transaction as its data how far.
"""
import calendar
import time

from .gtid import holds, of_position


class NoAnswer(Exception):
    """A sink's position can't be had just now."""


class SlotWatch:
    """PostgreSQL."""

    def __init__(self, rf, server, db):
        self.rf, self.server, self.db = rf, server, db

    def streams(self):
        return self.server.sql("select 1 from pg_replication_slots s join pg_stat_replication r "
                               "on r.pid = s.active_pid where s.database = %s and r.state = 'streaming'",
                               args=(self.db,))

    def has(self, place):
        return self.server.one("select confirmed_flush_lsn >= %s::pg_lsn from pg_replication_slots "
                               "where database = %s order by 1 desc limit 1", args=(place, self.db))

    def where(self):
        return self.rf.slots(self.server, self.db)


class OffsetWatch:
    """MySQL and MariaDB."""

    def __init__(self, rf, server, db):
        self.rf, self.server, self.db = rf, server, db

    def streams(self):
        """The log says so, since both it and the server have started."""
        since = max(self.rf.started, self.server.started)
        return any("streaming" in line.get("text", "") and seconds_of(line["time"]) >= since
                   for line in self.rf.log_lines())

    def has(self, place):
        """Every required sink's position has all transactions of the set `place`."""
        required = [s["name"] for s in self.rf.config["sinks"] if s.get("required", True)]
        try:
            positions = self.rf.positions()
        except NoAnswer:
            return False                      # a broker that a test has taken down
        return all(holds(of_position(positions.get(name)), place) for name in required)

    def where(self):
        try:
            return self.rf.positions()
        except NoAnswer as why:
            return why


def seconds_of(text):
    """A log line's time, "2026-11-24T22:57:27.123Z", as seconds since 1970; 0 if it is none."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    try:
        return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")
    except ValueError:
        return 0.0


def watch_of(rf, server, db):
    kind = SlotWatch if server.kind == "postgresql" else OffsetWatch
    return kind(rf, server, db)
