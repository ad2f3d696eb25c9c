"""A test that can't fail proves nothing: each law is broken on purpose, and its judge must see it.

Every scenario runs twice: with the law (the failpoint build) all must be well, without it (`make mutants`)
the same scenario must come out red. NO_TAINT has its own in tests/faults.
"""
import os
import re
import signal
import subprocess
import time

import pytest

from support.fetch import ROOT
from support.proc import wait_for
from support.readers import Stuck
from support.rowferry import EXIT_REFUSED, Rowferry

KILLED = -signal.SIGKILL


@pytest.fixture
def broken(scene, request):
    """A scene whose program lacks the law, or the law-abiding one for law=True."""
    def make(law, name, **kw):
        s = scene(failpoints=True, big=0, pause=0.001, **kw)
        if not law:
            program = ROOT / "build/mutants" / name / "rowferry"
            if not os.access(program, os.X_OK):
                assert os.environ.get("CI") != "true", f"{program} is not built (make mutants)"
                pytest.skip(f"{program} is not built (make mutants)")
            s.rf.program = program
        return s
    return make


both = pytest.mark.parametrize("law", [True, False], ids=["law", "mutant"])


def verdict(s):
    lsn = s.ledger.stop()
    s.rf.wait_caught_up(s.pg, s.db, lsn, 60)
    v = s.judge()
    print(v)
    return v


@both
def test_offset_outside_the_transaction(broken, law):
    """L1: it dies when the rows are committed and their position is not."""
    s = broken(law, "OFFSET_OUTSIDE").start(failpoints="k.endtxn.before:kill@5").begin()
    assert s.rf.wait(60) == KILLED
    s.start().flow(20)
    v = verdict(s)
    assert v.ok() if law else v.duplicated


@both
def test_no_skip(broken, law):
    """L2: committed in Kafka and not confirmed to the server, so the server sends it again."""
    s = broken(law, "NO_SKIP").start(failpoints="k.endtxn.after:kill@5").begin()
    assert s.rf.wait(60) == KILLED
    if not law:                             # stopped inside a transaction, it misses that one's rest
        s.rf.start()
        try:
            s.rf.wait_streaming(s.pg, s.db)
            assert s.flow(20) and verdict(s).duplicated
        except AssertionError:
            assert s.rf.wait(1) == EXIT_REFUSED
            s.rf.logs("E_DIVERGED", timeout=1)
        return
    s.start().flow(20)
    assert verdict(s).ok()


@both
def test_acknowledged_early(broken, law):
    """L3: it dies while Kafka has not taken what was read; is it confirmed all the same?"""
    s = broken(law, "ACK_EARLY").start(failpoints="k.endtxn.before:sleep(20000)@5").begin()
    s.rf.logs("failpoint", "name=k.endtxn.before")
    s.flow(50)
    time.sleep(2.5)                         # a status goes out every second that has news
    s.rf.kill9()
    s.rf.start()
    if law:
        s.rf.wait_streaming(s.pg, s.db)
        assert verdict(s).ok()
        return
    try:                                    # the gap check of the next start finds it …
        assert s.rf.wait(20) == EXIT_REFUSED
        s.rf.logs("E_GAP", timeout=1)
    except TimeoutError:                    # … and if it did not, the judge would
        assert verdict(s).lost


@both
def test_no_gap_check(broken, law):
    """L4: somebody moved the slot by hand."""
    s = broken(law, "NO_GAP").start().begin().flow(50)
    s.arrive().rf.terminate()
    wait_for(lambda: not s.rf.slots(s.pg, s.db)[0][1], 20, "the slot is free")
    s.flow(30)
    s.pg.sql("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", s.db, (s.rf.slot(s.pg, s.db),))
    s.rf.start()
    if law:
        assert s.rf.wait(30) == EXIT_REFUSED
        s.rf.logs("E_GAP", timeout=1)
        s.ledger.stop()
    else:                                   # stopped inside a transaction, it misses that one's rest
        try:
            s.rf.wait_streaming(s.pg, s.db)
            assert verdict(s).lost
        except AssertionError:
            assert s.rf.wait(1) == EXIT_REFUSED
            s.rf.logs("E_DIVERGED", timeout=1)


@both
def test_no_fence(broken, law):
    """L5: stopped with a whole transaction in hand, replaced by another instance, and woken up."""
    s = broken(law, "NO_FENCE").start(failpoints="k.produced:stop@5").begin()
    s.rf.logs("failpoint", "name=k.produced")
    second = Rowferry(s.rf.config, program=s.rf.program)
    try:
        s.pg.sql("select pg_terminate_backend(active_pid) from pg_replication_slots where database = %s "
                 "and active", args=(s.db,))
        second.start()
        second.wait_streaming(s.pg, s.db, 60)
        second.logs("guarantee=", timeout=60)
        s.flow(20)
        before = s.pg.one("select pg_current_wal_lsn()::text", s.db)
        second.wait_caught_up(s.pg, s.db, before)
        s.rf.signal(signal.SIGCONT)
        if law:
            s.rf.logs("fenced", timeout=60)
            s.flow(20)
            second.kill9()                  # the zombie stands by until the other is gone
            s.rf.wait_streaming(s.pg, s.db, 60)
        else:
            wait_for(lambda: not hangs(s), 60, "the zombie's transaction ends")
            s.rf, zombie = second, s.rf
            s.rf.pipeline = zombie.pipeline
        v = verdict(s)
        assert v.ok() if law else v.duplicated
    finally:
        second.close()


@pytest.mark.parametrize("name, test, judge_of_it", [
    ("NO_SKIP", "test_binlog_resume", "resuming_inside_a_transaction_skips_exactly_what_is_done"),
    ("NO_SKIP", "test_binlog_resume", "what_is_covered_is_passed_over"),
    ("XA_EARLY", "test_binlog_xa", "an_xa_transaction_comes_where_it_is_committed")])
def test_binlog_mutants_fail_their_unit_test(name, test, judge_of_it):
    """Binlogs: what is done is skipped; rows of an XA transaction wait for its commit."""
    program = ROOT / "build/mutants" / name / test
    if not os.access(program, os.X_OK):
        assert os.environ.get("CI") != "true", f"{program} is not built (make mutants)"
        pytest.skip(f"{program} is not built (make mutants)")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert re.search(rf"^not ok \d+ - {judge_of_it}$", done.stdout, re.M), done.stdout


def hangs(s):
    try:
        s.read(timeout=3)
    except Stuck:
        return True
    return False
