"""The process dies at each named place between reading a change and confirming it."""
import pytest

STREAM = {"src.recv": 150, "src.begin": 10, "src.commit": 10, "src.ack.before": 3,
          "src.ack.after": 3, "enc.schema.before": 2, "enc.schema.after": 2, "k.begin": 3,
          "k.produced": 3, "k.offset": 3, "k.endtxn.before": 3, "k.endtxn.after": 3}
STARTUP = ["src.connected", "k.init", "ha.fence", "ha.recheck"]
FIRST = ["first.starting", "first.publication", "first.slot"]
KILLED = -9


@pytest.mark.parametrize("point", STREAM)
def test_killed_while_it_streams(scene, point):
    s = scene(failpoints=True)
    s.start(failpoints=f"{point}:kill@{STREAM[point]}").begin()
    assert s.rf.wait(60) == KILLED, f"{point} was never reached"
    s.start().flow()
    s.finish(at_least=100)


@pytest.mark.parametrize("point", STARTUP)
def test_killed_while_it_starts_again(scene, point):
    s = scene(failpoints=True).start().begin().flow()
    s.rf.kill9()
    s.rf.start(failpoints=f"{point}:kill")
    assert s.rf.wait(60) == KILLED, f"{point} was never reached"
    s.start().flow()
    s.finish(at_least=100)


@pytest.mark.parametrize("point", FIRST)
def test_killed_in_its_very_first_start(scene, point):
    s = scene(failpoints=True)
    s.rf.start(failpoints=f"{point}:kill")
    assert s.rf.wait(60) == KILLED, f"{point} was never reached"
    if s.rf.slot(s.pg, s.db):               # from the slot on everything counts
        s.begin().flow()
    s.start().begin().flow(80)
    s.finish(at_least=100)


@pytest.mark.parametrize("point", ["k.begin", "k.produced", "k.offset", "k.endtxn.before",
                                   "k.endtxn.after"])
def test_an_error_there_is_mended_without_a_restart(scene, point):
    s = scene(failpoints=True).start(failpoints=f"{point}:err@3").begin()
    s.rf.logs("failpoint", f"name={point} action=err", timeout=60)
    s.flow()
    s.finish(at_least=100)
