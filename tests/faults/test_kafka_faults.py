"""rowferry behind the proxy: answers lost, requests late, connections cut, on both Kafka protocols.

The binary is `rowferry` as the live tests choose it ($ROWFERRY_BIN); `test_..._is_caught` runs the build without the
taint rule, which must be found guilty: a test that can't fail proves nothing. test_proxy.py shows the same hazards
without any code of ours.
"""
import os
import time
from pathlib import Path

import pytest

from proxy import Rule
from support.fetch import ROOT
from support.proc import wait_for
from support.scene import Scene

SECONDS = 60
BACK_WITHIN = 20  # far below the transaction time-out: the new process ends the old one's transaction itself
WITHOUT_TAINT_RULE = Path(os.environ.get("ROWFERRY_NO_TAINT_BIN") or ROOT / "build/mutants/NO_TAINT/rowferry")


@pytest.fixture
def scene(pg15, new_db, broker, registry, pipelines):
    """Starts a ledger and the pipeline that carries it through the proxy."""
    def begin(program=None, **sink):
        made = Scene(pg15, new_db(pg15), broker, registry, pipelines, sink=sink, pause=0.005)
        made.rf.program = program or made.rf.program
        return made.start().begin()
    return begin


def happens(rule, event="done"):
    assert getattr(rule, event).wait(SECONDS), f"not within {SECONDS} s: {event} of {rule}"
    return rule


def own_ends(proxy, since):
    """EndTxn requests of rowferry: the only transactional producer behind the proxy."""
    return proxy.events("EndTxn", "request", since)


def epoch(event):
    return event.detail["producer_id"], event.detail["epoch"]


# --- fault 12: the answer of an EndTxn is lost ------------------------------------------------------------------

def test_a_lost_answer_renews_the_producer(scene, proxy):
    began = time.monotonic()
    s = scene()
    for _ in range(3):
        lost = happens(proxy.add(Rule(api="EndTxn", direction="answer", nth=3, action="drop_and_cut")))
        request = next(e for e in own_ends(proxy, began) if same_frame(e, lost.taken[0]))
        wait_for(lambda: next_transaction(proxy, request), SECONDS, "the next transaction's EndTxn")
        repeated, after = next_transaction(proxy, request)
        assert {epoch(e) for e in repeated} == {epoch(request)}, "rowferry knows of the loss without counting"
        assert epoch(after) != epoch(request), "a producer that sent two EndTxn in a transaction goes on"
    s.finish(at_least=1000)


def next_transaction(proxy, request):
    """What librdkafka sent after this EndTxn: its repetitions, as many as the broker wanted, the last with success;
    and the next transaction's. None as long as that has not come."""
    repeated = []
    for end in own_ends(proxy, request.time)[1:]:
        if repeated and is_success(proxy.answer_to(repeated[-1])):
            return repeated, end
        repeated.append(end)
    return None


def is_success(answer):
    return answer is not None and answer.detail["error"] == 0


def same_frame(request, answer):
    return (request.connection, request.correlation) == (answer.connection, answer.correlation)


# --- fault 13: an EndTxn arrives in the next transaction --------------------------------------------------------

def late_end(s, proxy, nth):
    """Hold an EndTxn; the client repeats it and goes on. Let it come when the next transaction's rows are at the
    broker and its position is not: then a commit makes rows visible without their position."""
    rows = []

    def position_behind_rows(produce):
        if produce.detail["topic"] in s.topics():
            rows.append(produce)
            return False
        return bool(rows)

    def arrive(produce):
        wait_for(lambda: proxy.unanswered(produce.connection, "Produce") in ([], [produce.correlation]), SECONDS,
                 "the rows are answered")
        held.release()
        happens(held)

    held = Rule(api="EndTxn", nth=nth, action="hold_and_cut")
    held.on_hit = lambda _: proxy.add(Rule(api="Produce", where=position_behind_rows, on_hit=arrive))
    return happens(proxy.add(held))


def test_a_late_end_can_not_end_the_next_transaction(scene, proxy):
    s = scene()
    for _ in range(3):
        held = late_end(s, proxy, nth=3)
        answer = proxy.answer_to(held.taken[0])
        assert answer and answer.detail["error"] != 0, "the broker took a late EndTxn for the open transaction's"
    s.finish(at_least=1000)


def test_a_build_without_the_taint_rule_is_caught(scene, proxy):
    if not os.access(WITHOUT_TAINT_RULE, os.X_OK):
        assert os.environ.get("CI") != "true", f"{WITHOUT_TAINT_RULE} is not built (make mutants)"
        pytest.skip(f"{WITHOUT_TAINT_RULE} is not built (make mutants)")
    s = scene(WITHOUT_TAINT_RULE)
    # Three times: one may come before the open transaction has any rows, and then it shows nothing.
    ends = [late_end(s, proxy, nth=3) for _ in range(3)]
    assert any(proxy.answer_to(held.taken[0]).detail["error"] == 0 for held in ends), "no late EndTxn did harm, so this proves nothing"
    verdict = s.verdict()
    print(verdict)
    assert verdict.duplicated, "rows were visible without their position, and yet not sent twice"


# --- fault 14 and its kin: other requests come late -------------------------------------------------------------

@pytest.mark.parametrize("api", ["Produce", "AddPartitionsToTxn"])
def test_a_late_request_does_nothing_in_the_next_transaction(scene, proxy, api):
    """The client sends it again and the transaction commits; the first one comes in the next transaction."""
    s = scene()
    for _ in range(3):
        held = Rule(api=api, nth=4, action="hold_and_cut")
        ended = Rule(api="EndTxn", direction="answer")
        ended.on_hit = lambda _, held=held: proxy.add(
            Rule(api="Produce", on_hit=lambda _: (held.release(), happens(held))))
        held.on_hit = lambda _, ended=ended: proxy.add(ended)
        happens(proxy.add(held))
    s.finish(at_least=500)


def test_a_transaction_that_times_out_is_sent_again(scene, proxy):
    """Fault 11: the coordinator aborts it and raises the epoch; that is not another instance."""
    s = scene(transaction_timeout="5s")
    happens(proxy.add(Rule(api="Produce", nth=4, action="delay", seconds=9)))
    s.finish(at_least=500)


# --- the process dies, and what it sent last comes late ---------------------------------------------------------

@pytest.mark.parametrize("api", ["EndTxn", "Produce"])
def test_a_dead_process_s_last_request_comes_late(scene, proxy, api):
    s = scene()
    for _ in range(2):
        held = Rule(api=api, nth=5, action="hold_and_cut", on_hit=lambda _: s.rf.kill9())
        happens(proxy.add(held), "hit")
        wait_for(lambda: not s.rf.running(), SECONDS, "rowferry is dead")
        proxy.add(Rule(api="Produce", on_hit=lambda _, held=held: (held.release(), happens(held))))
        s.rf.start()
        s.rf.wait_streaming(s.pg, s.db, BACK_WITHIN)
        happens(held)
        assert proxy.answer_to(held.taken[0]).detail["error"] != 0, "a request of a dead epoch was carried out"
    s.finish(at_least=500)


# --- connections are cut at any moment --------------------------------------------------------------------------

@pytest.mark.parametrize("seed", [1, 2])
def test_connections_cut_at_random(scene, proxy, seed):
    s = scene()
    with proxy.cutting(0.2, 1.0, seed):
        time.sleep(10)
    assert proxy.cuts > 5
    s.finish(at_least=1000)


def test_half_open_for_a_while(scene, proxy):
    s = scene()
    for _ in range(2):
        time.sleep(1)
        proxy.stall()
        time.sleep(3)
        proxy.resume()
    s.finish(at_least=1000)


def test_small_segments(scene, proxy):
    s = scene()
    proxy.slice_bytes = 7
    time.sleep(3)
    proxy.slice_bytes = 0
    s.finish(at_least=100)
