"""Every pair of servers, under a workload and kill -9: the target's own triggers say that each row version came exactly once."""
import random
import time

import pytest

from support.replica import Replica
from support.scene import soak

SERVERS = ["pg15", "mariadb", "mysql"]
PAIRS = [(source, target) for source in SERVERS for target in SERVERS]
# Each named place once on each kind of target: (how often it is passed before)
POINTS = {"db.takeover": 1, "db.begin": 3, "db.commit.before": 3, "db.commit.after": 3}
KILLED = -9


@pytest.fixture
def replica(request, new_db, pipelines):
    def make(source, target, **kw):
        source, target = request.getfixturevalue(source), request.getfixturevalue(target)
        return Replica(source, new_db(source), target, new_db(target), pipelines, **kw)
    return make


@pytest.mark.parametrize("source, target", PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_kill_9_at_random_times_applies_each_change_once(replica, source, target):
    r = replica(source, target).start().begin()
    rng = random.Random(33)
    for _ in range(soak(3)):
        time.sleep(rng.uniform(0.1, 1.5))
        r.rf.kill9()
        r.rf.start()
    r.rf.wait_streaming(r.server, r.db)
    r.flow(100)
    r.finish(at_least=300)


@pytest.mark.parametrize("target", SERVERS)
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_place(replica, target, point):
    r = replica("pg15", target, failpoints=True).start().begin()
    r.rf.kill9()
    r.rf.start(failpoints=f"{point}:kill@{POINTS[point]}")
    assert r.rf.wait(60) == KILLED, f"{point} was never reached"
    r.start().flow(60)
    r.finish(at_least=100)


@pytest.mark.parametrize("target", SERVERS)
@pytest.mark.parametrize("point", POINTS)
def test_an_error_at_each_place_is_mended_without_a_restart(replica, target, point):
    r = replica("pg15", target, failpoints=True)
    r.start().begin()
    r.rf.terminate()
    r.rf.start(failpoints=f"{point}:err@{POINTS[point]}")
    r.rf.logs("failpoint", f"name={point} action=err", timeout=60)
    r.flow(60)
    assert r.rf.running()
    r.finish(at_least=100)
