"""kill -9 at any moment: nothing lost, nothing twice, no key out of order."""
import random
import time

import pytest

from support.scene import soak


def test_the_ledger_arrives_whole_when_nothing_goes_wrong(scene):
    s = scene().start().begin().flow(300)
    s.finish(at_least=1000)


@pytest.mark.parametrize("broker", ["kafka", "kafka39"])
def test_kill_9_at_random_times_loses_and_repeats_nothing(scene, request, broker):
    if broker != "kafka" and soak(0):
        pytest.skip("the soak runs on one broker")
    s = scene(broker=request.getfixturevalue(broker)).start().begin()
    rng = random.Random(20)
    for _ in range(soak(3)):
        time.sleep(rng.uniform(0.05, 2.0))
        s.rf.kill9()
        s.rf.start()
    s.rf.wait_streaming(s.pg, s.db)
    s.flow(100)
    s.finish(at_least=300)


def test_kill_9_inside_a_big_transaction_resumes_in_its_middle(scene):
    rows = 100_000
    s = scene(big=0, writers=1, pause=0.01, sink={"commit_events": 2000}).start().begin()
    s.pg.sql("insert into moves(src, dst, amount) select g, g, 1 from generate_series(1, %s) g",
             s.db, (rows,))
    inside = 0
    for _ in range(3):
        time.sleep(0.2)
        s.rf.kill9()
        inside += "+" in s.rf.cli("offsets", "list").stdout
        s.rf.start()
    assert inside, "it was never inside the transaction, so this proves nothing"
    s.rf.wait_streaming(s.pg, s.db)
    s.finish(at_least=rows)


def test_killed_again_and_again_while_it_starts(scene):
    s = scene().start().begin()
    rng = random.Random(4)
    for _ in range(6):
        s.rf.kill9()
        s.rf.start()
        time.sleep(rng.uniform(0.01, 0.5))
    s.rf.kill9()
    s.start().flow()
    s.finish(at_least=100)
