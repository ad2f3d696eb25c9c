"""The servers around rowferry die, and it goes on by itself."""
import signal
import time

import pytest

from support.servers import Kafka, Postgres


@pytest.fixture
def own_pg():
    with Postgres(15) as pg:
        yield pg


def test_a_killed_broker_comes_back_and_nothing_is_lost_or_repeated(scene):
    with Kafka("4.3.1") as broker:
        s = scene(broker=broker, pause=0.005).start().begin().flow()
        broker.kill9()
        time.sleep(1.5)
        broker.start()
        s.flow()
        s.finish(at_least=300, timeout=120)


def test_a_broker_that_restarts_in_good_order_is_waited_for(scene):
    with Kafka("4.3.1") as broker:
        s = scene(broker=broker, pause=0.005).start().begin().flow()
        broker.restart()
        s.flow()
        s.finish(at_least=300, timeout=120)


def test_a_postgresql_killed_with_9_comes_back_and_nothing_is_lost_or_repeated(scene, own_pg):
    s = scene(pg=own_pg).start().begin()
    for _ in range(2):
        s.flow()
        own_pg.kill9()
        time.sleep(0.5)
        own_pg.start()
    s.rf.wait_streaming(own_pg, s.db, 60)
    s.flow()
    s.finish(at_least=300)


def test_a_postgresql_that_restarts_in_good_order_is_waited_for(scene, own_pg):
    """Its shutdown waits until the walsender has sent all, and that waits for our answer."""
    s = scene(pg=own_pg).start().begin()
    for _ in range(2):
        s.flow().arrive()
        began = time.monotonic()
        own_pg.restart()
        assert time.monotonic() - began < 14, "the server had to be stopped by force"
    s.rf.wait_streaming(own_pg, s.db, 60)
    s.flow()
    s.finish(at_least=300)


def test_a_terminated_walsender_is_connected_anew(scene):
    s = scene().start().begin()
    for _ in range(4):
        s.flow(40)
        s.pg.sql("select pg_terminate_backend(active_pid) from pg_replication_slots "
                 "where database = %s and active", args=(s.db,))
    s.rf.wait_streaming(s.pg, s.db)
    s.flow(40)
    s.finish(at_least=300)


def test_rowferry_waits_for_servers_that_are_not_up_yet(scene):
    with Kafka("4.3.1") as broker:
        s = scene(broker=broker, pause=0.005).start().begin().flow(20)
        s.rf.terminate()
        broker.kill9()
        s.rf.start()
        s.rf.logs("E_KAFKA_AWAY", timeout=60)
        broker.start()
        s.rf.wait_streaming(s.pg, s.db, 60)
        s.finish(at_least=10, timeout=120)


def test_rowferry_waits_for_a_source_that_is_not_up_yet(scene, own_pg):
    s = scene(pg=own_pg)
    own_pg.stop()
    s.rf.start()
    s.rf.logs("E_UNREACHABLE", times=2)
    own_pg.start()
    s.rf.wait_streaming(own_pg, s.db, 60)
    s.begin().flow()
    s.finish(at_least=10)


def test_stopped_for_a_while_it_goes_on_where_it_was(scene):
    s = scene().start().begin().flow()
    s.rf.signal(signal.SIGSTOP)
    time.sleep(3)
    s.rf.signal(signal.SIGCONT)
    s.flow()
    s.finish(at_least=100)
