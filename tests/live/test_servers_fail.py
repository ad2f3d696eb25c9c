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
        s = scene(broker=broker).start().begin()
        time.sleep(1.5)
        broker.kill9()
        time.sleep(1.5)
        broker.start()
        time.sleep(1)
        s.finish(at_least=500, timeout=120)


def test_a_broker_that_restarts_in_good_order_is_waited_for(scene):
    with Kafka("4.3.1") as broker:
        s = scene(broker=broker).start().begin()
        time.sleep(1)
        broker.restart()
        time.sleep(1)
        s.finish(at_least=500, timeout=120)


def test_a_postgresql_killed_with_9_comes_back_and_nothing_is_lost_or_repeated(scene, own_pg):
    s = scene(pg=own_pg).start().begin()
    for _ in range(2):
        time.sleep(1.5)
        own_pg.kill9()
        time.sleep(0.5)
        own_pg.start()
    s.rf.wait_streaming(own_pg, s.db, 60)
    time.sleep(1)
    s.finish(at_least=500)


def test_a_terminated_walsender_is_connected_anew(scene):
    s = scene().start().begin()
    for _ in range(4):
        time.sleep(0.6)
        s.pg.sql("select pg_terminate_backend(active_pid) from pg_replication_slots "
                 "where database = %s and active", args=(s.db,))
    s.rf.wait_streaming(s.pg, s.db)
    s.finish(at_least=500)


def test_rowferry_waits_for_servers_that_are_not_up_yet(scene):
    with Kafka("4.3.1") as broker:
        s = scene(broker=broker).start().begin()
        s.rf.terminate()
        broker.kill9()
        s.rf.start()
        time.sleep(3)
        broker.start()
        s.rf.wait_streaming(s.pg, s.db, 60)
        s.finish(at_least=10, timeout=120)


def test_stopped_for_a_while_it_goes_on_where_it_was(scene):
    s = scene().start().begin()
    time.sleep(0.7)
    s.rf.signal(signal.SIGSTOP)
    time.sleep(3)
    s.rf.signal(signal.SIGCONT)
    time.sleep(0.5)
    s.finish(at_least=100)
