"""Starting, stopping, standing by, idling."""
import subprocess
import time

import pytest

from support.proc import wait_for
from support.rowferry import Rowferry
from support.scene import soak


def test_sigterm_drains_and_ends_with_status_0_within_10_seconds(scene):
    s = scene().start().begin().flow(100)
    began = time.monotonic()
    assert s.rf.terminate(10) == 0, s.rf.logged()[-3000:]
    assert time.monotonic() - began < 10
    s.start().flow()
    s.finish(at_least=100)


def test_a_stopped_pipeline_leaves_no_open_transaction_behind(scene):
    s = scene().start().begin().flow(100)
    s.rf.terminate()
    s.read(timeout=10)                      # raises Stuck where one is open
    s.start()
    s.finish()


def test_of_two_instances_one_runs_and_nothing_comes_twice(scene):
    s = scene().start().begin()
    second = Rowferry(s.rf.config, program=s.rf.program)
    try:
        second.start()
        second.logs("E_SLOT_ACTIVE", times=2)
        assert s.rf.running(), "the first one must go on"
        s.flow().arrive()
        s.rf.kill9()
        second.wait_streaming(s.pg, s.db, 45)
        s.flow()
        s.rf, first = second, s.rf
        s.rf.pipeline = first.pipeline
        s.finish(at_least=100)
    finally:
        print(second.logged()[-3000:])
        second.close()


@pytest.mark.parametrize("again", range(min(soak(3), 100)))
def test_two_started_in_the_same_moment_are_one(scene, again):
    s = scene()
    s.rf.start()
    second = Rowferry(s.rf.config, program=s.rf.program)
    try:
        second.start()
        wait_for(lambda: s.pg.sql("select 1 from pg_replication_slots s join pg_stat_replication r "
                                  "on r.pid = s.active_pid where database = %s and state = "
                                  "'streaming'", args=(s.db,)), 45, "one of them streams")
        s.begin().flow(100)
        lsn = s.ledger.stop()
        s.rf.wait_caught_up(s.pg, s.db, lsn, alive=False)
        assert s.rf.running() and second.running(), "one runs, the other stands by"
        verdict = s.judge()
        assert verdict.ok(), str(verdict)
    finally:
        print(second.logged()[-3000:])
        second.close()


def confirmed(s):
    return s.pg.one("select confirmed_flush_lsn - '0/0' from pg_replication_slots "
                    "where database = %s", args=(s.db,))


def test_an_idle_database_in_a_busy_cluster_lets_the_log_go(scene, new_db):
    s = scene().start()
    busy = new_db(s.pg)
    s.pg.sql("create table noise(t text)", busy)
    s.pg.sql("insert into noise select repeat('x', 500) from generate_series(1, 20000)", busy)
    target = s.pg.one("select pg_current_wal_lsn() - '0/0'")
    wait_for(lambda: confirmed(s) >= target, 30, "the slot has moved past other databases' log", 0.3)
    s.begin().flow()
    s.finish()


def test_the_confirmed_position_never_goes_back_while_it_runs(scene):
    s = scene().start().begin()
    seen = [confirmed(s)]
    for _ in range(20):
        time.sleep(0.1)
        seen.append(confirmed(s))
    assert seen == sorted(seen)
    s.finish()


def test_kcat_reads_every_topic(scene):
    s = scene(big=0).start().begin().flow()
    s.finish()
    events = s.read()
    for topic in s.topics():
        done = subprocess.run(["kcat", "-b", s.kafka.direct, "-C", "-t", topic, "-e", "-q",
                               "-X", "isolation.level=read_committed", "-f", "%p %o\n"],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == sum(e["topic"] == topic for e in events)
