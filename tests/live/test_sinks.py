"""The sinks beside Kafka: stdout, null, and several at once."""
import json
import random
import time

import pytest

from support.ledger import Ledger, judge, ledger_events
from support.proc import wait_for
from support.readers import read_topics
from support.rowferry import kafka_sink
from support.scene import soak, unique

OUT = {"name": "out", "type": "stdout"}
DROP = {"name": "drop", "type": "null"}


@pytest.fixture
def ledger(pg15, new_db):
    return Ledger(pg15, new_db(pg15), big=2000, big_every=1.0, pause=0.002).create()


def lines(rf):
    """The JSON lines; one that kill -9 cut short stands before the next run's first."""
    found = []
    for line in rf.stdout().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            found.append(json.loads(line[line.rindex('{"id":'):]))
    return found


def as_events(found):
    """The lines as a reader of the ledger wants them, each id once: the first time it came."""
    seen, events = {}, []
    for line in found:
        what = (line["key"], line["value"]["op"], line["value"]["after"], line["value"]["source"])
        assert seen.setdefault(line["id"], what) == what, f"{line['id']} stands for two changes"
        if len(seen) > len(events):
            events.append({"topic": line["table"], "key": line["key"], "value": line["value"]})
    return ledger_events(events)


def positions(rf):
    done = rf.cli("offsets", "list", "--json")
    return {o["sink"]: o["position"] for o in json.loads(done.stdout)["offsets"]}


def finished(ledger, rf):
    lsn = ledger.stop()
    rf.wait_caught_up(ledger.pg, ledger.db, lsn, 90)
    return list(ledger.changes())


def flow(ledger, commits):
    want = ledger.commits + commits
    wait_for(lambda: ledger.errors or ledger.commits >= want, 60, "the workload works", 0.01)


def kills(ledger, rf, rounds, seed=3):
    rng = random.Random(seed)
    for _ in range(rounds):
        flow(ledger, 40)
        time.sleep(rng.uniform(0.0, 0.5))
        rf.kill9()
        rf.start()
    rf.wait_streaming(ledger.pg, ledger.db)
    flow(ledger, 40)


def test_stdout_shows_each_change_as_one_json_line(pg15, new_db, pipelines):
    db = new_db(pg15)
    pg15.sql("create table t (id int primary key, a text, n numeric(6,2))", db)
    rf = pipelines(pg15, db, [OUT]).start()
    rf.wait_streaming(pg15, db)
    pg15.sql("insert into t values (1, E'two\\nlines \"quoted\" €', 1.50)", db)
    pg15.sql("update t set a = null; update t set id = 2; delete from t", db)
    rf.wait_passed(pg15, db)
    found = lines(rf)
    assert len(rf.stdout().splitlines()) == len(found) == 5
    assert [(line["value"]["op"], line["key"]["id"]) for line in found] == [
        ("c", 1), ("u", 1), ("d", 1), ("c", 2), ("d", 2)]
    assert found[0]["value"]["after"]["a"] == 'two\nlines "quoted" €'
    assert {line["table"] for line in found} == {"public.t"}
    assert len({line["id"] for line in found}) == 5
    rf.logs("sink=out", "at least once")
    rf.terminate()
    before = len(lines(rf))
    rf.start().wait_streaming(pg15, db)
    pg15.sql("insert into t values (3, 'x', 2)", db)
    rf.wait_passed(pg15, db)
    assert len(lines(rf)) == before + 1, "a stop in good order shows nothing twice"


def test_stdout_in_the_plain_envelope(pg15, new_db, pipelines):
    db = new_db(pg15)
    pg15.sql("create table t (id int primary key, n numeric)", db)
    rf = pipelines(pg15, db, [{**OUT, "envelope": "plain"}]).start()
    rf.wait_streaming(pg15, db)
    pg15.sql("insert into t values (1, 'NaN'), (2, 'Infinity'), (3, 12345678901234567890.5)", db)
    rf.wait_passed(pg15, db)
    assert [line["value"]["n"] for line in lines(rf)] == ["NaN", "Infinity", "12345678901234567890.5"]
    assert {line["value"]["__op"] for line in lines(rf)} == {"c"}


def test_stdout_loses_nothing_over_kill_9_and_repeats_only_what_it_says(ledger, pipelines):
    rf = pipelines(ledger.pg, ledger.db, [OUT], failpoints=True)
    rf.start().wait_streaming(ledger.pg, ledger.db)
    ledger.begin()
    kills(ledger, rf, soak(2))
    rf.kill9()
    rf.start(failpoints="stdout.written:kill@3")        # lines are out, their position is not kept
    assert rf.wait(45) == -9
    rf.start().wait_streaming(ledger.pg, ledger.db)
    changes, found = finished(ledger, rf), lines(rf)
    verdict = judge(changes, as_events(found))
    assert verdict.ok() and verdict.expected > 100, str(verdict)
    assert len(found) > verdict.expected, "the lines between the two were not shown again"


def test_null_keeps_its_offset_and_nothing_else(ledger, pipelines):
    rf = pipelines(ledger.pg, ledger.db, [DROP])
    rf.start().wait_streaming(ledger.pg, ledger.db)
    ledger.begin()
    flow(ledger, 50)
    first = positions(rf)["drop"]
    kills(ledger, rf, 1)
    finished(ledger, rf)
    assert positions(rf)["drop"] != first
    assert rf.terminate() == 0
    rf.logs("sink=drop", "events=", "dropped")
    assert not rf.stdout()


def test_several_sinks_each_have_all_and_their_own_position(ledger, kafka, registry, pipelines):
    pipeline = unique()
    rf = pipelines(ledger.pg, ledger.db, [kafka_sink(kafka, registry, pipeline), OUT, DROP,
                                          kafka_sink(kafka, registry, pipeline + "b", name="second")],
                   pipeline=pipeline)
    rf.start().wait_streaming(ledger.pg, ledger.db)
    ledger.begin()
    kills(ledger, rf, soak(2), seed=8)
    changes = finished(ledger, rf)
    for prefix in (pipeline, pipeline + "b"):
        events = read_topics(kafka.direct, registry,
                             [f"{prefix}.public.{t}" for t in ("accounts", "moves")])
        verdict = judge(changes, ledger_events(events), tombstones=True)
        assert verdict.ok() and verdict.expected > 100, f"{prefix}: {verdict}"
    verdict = judge(changes, as_events(lines(rf)))
    assert verdict.ok(), f"stdout: {verdict}"
    assert set(positions(rf)) == {"events", "second", "out", "drop"}


def test_a_new_sink_is_named_and_joins_by_hand(ledger, kafka, registry, pipelines):
    rf = pipelines(ledger.pg, ledger.db, [OUT])
    rf.start().wait_streaming(ledger.pg, ledger.db)
    ledger.pg.sql("insert into moves(src, dst, amount) values (1, 2, 3)", ledger.db)
    rf.wait_passed(ledger.pg, ledger.db)
    assert rf.terminate() == 0
    rf.config["sinks"].append(kafka_sink(kafka, registry, rf.pipeline))
    rf.write_config()
    rf.start()
    assert rf.wait(30) == 4
    rf.logs("E_NEW_SINK", "events", timeout=1)
    wait_for(lambda: not rf.slots(ledger.pg, ledger.db)[0][1], 20, "the slot is free")
    done = rf.cli("offsets", "set", "--at-slot", "--sink", "events", "--expect", "none",
                  "--reason", "a new sink")
    assert done.returncode == 0, done.stdout + done.stderr
    rf.start().wait_streaming(ledger.pg, ledger.db)
    ledger.begin()
    flow(ledger, 30)
    changes = finished(ledger, rf)
    events = read_topics(kafka.direct, registry, [f"{rf.pipeline}.public.{t}" for t in ("accounts", "moves")])
    verdict = judge(changes, ledger_events(events), tombstones=True)
    assert verdict.ok(), str(verdict)
