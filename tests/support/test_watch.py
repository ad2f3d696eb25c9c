"""Waiting on MySQL and MariaDB, with a stand-in for rowferry."""
import time
from types import SimpleNamespace

from support.rowferry import parse_log_line
from support.watch import NoAnswer, OffsetWatch, seconds_of

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"


class Standin:
    """A rowferry with these log lines and these positions."""

    def __init__(self, *lines, **positions):
        self.lines, self.said, self.started = lines, positions, 1000.0
        self.config = {"sinks": [{"name": n} for n in positions]}

    def log_lines(self):
        return [parse_log_line(line) for line in self.lines]

    def positions(self):
        if not self.said:
            raise NoAnswer("away")
        return self.said


def watch(rf, server_started=0.0):
    return OffsetWatch(rf, SimpleNamespace(started=server_started), "db")


def test_times_of_log_lines():
    assert seconds_of("1970-01-01T00:16:40.250Z") == 1000.25
    assert seconds_of("nonsense") == 0
    assert abs(seconds_of(time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())) - time.time()) < 2


def test_a_line_of_this_run_says_that_it_streams():
    old, new = ("1970-01-01T00:16:39.000Z info mysql streaming", "1970-01-01T00:16:41.000Z info mysql streaming")
    assert not watch(Standin("1970-01-01T00:16:41.000Z info mysql starts", old)).streams()
    assert watch(Standin(old, new)).streams()
    assert not watch(Standin(old, new), server_started=1002.0).streams()


def test_every_required_sink_must_have_it():
    place = f"{UUID}:1-5"
    assert watch(Standin(a=f"gtid:{place}")).has(place)
    assert watch(Standin(a=f"gtid:{UUID}:1-9@binlog.000001/77", b=f"gtid:{place}+{UUID}:6/1/1")).has(place)
    assert not watch(Standin(a=f"gtid:{place}", b=f"gtid:{UUID}:1-4+{UUID}:5/1/1")).has(place)
    assert not watch(Standin(a="none")).has(place) and not watch(Standin()).has(place)
    rf = Standin(a=f"gtid:{place}", b="none")
    rf.config["sinks"][1]["required"] = False
    assert watch(rf).has(place)


def test_mariadbs_place():
    assert watch(Standin(a="mariadb:0-1-5,1-1-2")).has("0-1-5")
    assert not watch(Standin(a="mariadb:0-1-5")).has("0-1-5,1-1-2")
