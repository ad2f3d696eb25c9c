"""kill -9 at any moment on MySQL and MariaDB: nothing lost, nothing twice, no key out of order."""
import random
import time

import pytest

from support.mysql import MariaDB, MySQL
from support.scene import soak
from support.servers import Kafka

KILLED = -9
# Each named place once, on one server or the other: (server, how often it is passed before)
STREAM = {"src.recv": ("mysql", 60), "src.begin": ("mariadb", 10), "src.commit": ("mysql", 10),
          "enc.schema.before": ("mariadb", 2), "enc.schema.after": ("mysql", 2), "k.begin": ("mariadb", 3),
          "k.produced": ("mysql", 3), "k.offset": ("mariadb", 3), "k.endtxn.before": ("mysql", 3),
          "k.endtxn.after": ("mariadb", 3)}
STARTUP = {"src.connected": "mariadb", "k.init": "mysql", "ha.fence": "mariadb", "ha.recheck": "mysql"}


@pytest.fixture
def on(request, scene):
    """A Scene on the server of that name."""
    return lambda name, **kw: scene(server=request.getfixturevalue(name), **kw)


@pytest.mark.parametrize("server", ["mariadb", "mysql"])
def test_the_ledger_arrives_whole_when_nothing_goes_wrong(on, server):
    s = on(server).start().begin().flow(200)
    s.finish(at_least=1000)


@pytest.mark.parametrize("server", ["mariadb", "mysql"])
def test_kill_9_at_random_times_loses_and_repeats_nothing(on, server):
    s = on(server).start().begin()
    rng = random.Random(21)
    for _ in range(soak(3)):
        time.sleep(rng.uniform(0.05, 2.0))
        s.rf.kill9()
        s.rf.start()
    s.rf.wait_streaming(s.server, s.db)
    s.flow(100)
    s.finish(at_least=300)


@pytest.mark.parametrize("server", ["mariadb", "mysql"])
def test_killed_again_and_again_while_it_starts(on, server):
    s = on(server).start().begin()
    rng = random.Random(5)
    for _ in range(6):
        s.rf.kill9()
        s.rf.start()
        time.sleep(rng.uniform(0.01, 0.5))
    s.rf.kill9()
    s.start().flow()
    s.finish(at_least=100)


@pytest.mark.parametrize("point", STREAM)
def test_killed_while_it_streams(on, point):
    server, times = STREAM[point]
    s = on(server, failpoints=True)
    s.start(failpoints=f"{point}:kill@{times}").begin()
    assert s.rf.wait(60) == KILLED, f"{point} was never reached"
    s.start().flow()
    s.finish(at_least=100)


@pytest.mark.parametrize("point", STARTUP)
def test_killed_while_it_starts_again(on, point):
    s = on(STARTUP[point], failpoints=True).start().begin().flow()
    s.rf.kill9()
    s.rf.start(failpoints=f"{point}:kill")
    assert s.rf.wait(60) == KILLED, f"{point} was never reached"
    s.start().flow()
    s.finish(at_least=100)


@pytest.mark.parametrize("server", ["mariadb", "mysql"])
def test_an_error_at_each_place_is_mended_without_a_restart(on, server):
    points = ("src.begin", "src.commit", "k.begin", "k.produced", "k.offset", "k.endtxn.before", "k.endtxn.after")
    s = on(server, failpoints=True).start(failpoints=",".join(f"{p}:err@5" for p in points)).begin()
    for point in points:
        s.rf.logs("failpoint", f"name={point} action=err", timeout=90)
    s.flow()
    s.finish(at_least=100)


@pytest.mark.parametrize("server", ["mariadb", "mysql"])
def test_kafka_killed_and_restarted(on, server):
    with Kafka("4.3.1") as broker:
        s = on(server, broker=broker, pause=0.02).start().begin().flow()
        broker.kill9()
        time.sleep(1.5)
        broker.start()
        s.flow()
        s.finish(at_least=300, timeout=120)


@pytest.mark.parametrize("kind", [MariaDB, MySQL], ids=["mariadb", "mysql"])
def test_a_server_killed_with_9_comes_back_with_a_new_file(scene, kind):
    with kind() as server:
        s = scene(server=server).start().begin()
        first = server.binlog_position()[0]
        for _ in range(2):
            s.flow()
            server.kill9()
            time.sleep(0.5)
            server.start()
        assert server.binlog_position()[0] != first
        s.rf.wait_streaming(server, s.db, 60)
        s.flow()
        s.finish(at_least=300)


@pytest.mark.parametrize("server", ["mariadb", "mysql"])
def test_a_killed_dump_is_connected_anew(on, server):
    s = on(server).start().begin()
    for _ in range(4):
        s.flow(40)
        kill_dumps(s.server)
    s.rf.wait_streaming(s.server, s.db)
    s.flow(40)
    s.finish(at_least=300)


def kill_dumps(server):
    for (number,) in server.sql("select id from information_schema.processlist where command like 'Binlog Dump%'"):
        try:
            server.sql(f"kill {number}")
        except Exception as why:                    # it has gone by itself
            assert "1094" in str(why), why
