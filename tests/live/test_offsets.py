"""`rowferry offsets`: look at positions, move them, save them; nothing moves without a line in the audit file."""
import hashlib
import json
import signal
from pathlib import Path

import pytest

from support.proc import wait_for
from support.rowferry import cli

ROW = "create table t (id int primary key, a text);"
NOTHING = "none"
EXIT_CHECK, EXIT_USAGE, EXIT_AWAY, EXIT_REFUSED = 1, 2, 3, 4


@pytest.fixture
def s(stream15):
    """A pipeline that has delivered the rows 1 to 3 and was stopped."""
    s = stream15.start(ROW, failpoints=True)
    s.sql("insert into t select g, 'first' from generate_series(1, 3) g")
    s.records(3)
    s.rf.wait_passed(s.pg, s.db)
    stop(s)
    return s


def stop(s):
    assert s.rf.terminate() == 0, s.rf.logged()[-3000:]
    free(s)


def free(s):
    wait_for(lambda: not s.rf.slots(s.pg, s.db)[0][1], 20, "the slot is free")


def offsets(s, verb, *rest, status=0, **kw):
    done = cli("offsets", verb, s.rf.file, *rest, program=s.rf.program, **kw)
    assert done.returncode == status, f"{verb} {rest}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def position(s):
    (sink,) = json.loads(offsets(s, "list", "--json"))["offsets"]
    return sink["position"]


def audit(s):
    path = Path(s.rf.config["state_dir"]) / "audit.log"
    return path.read_text().splitlines() if path.exists() else []


def ahead(s, first=4, last=6):
    """Rows are in Kafka, and the process died before the server heard of it."""
    s.sql(f"insert into t select g, 'second' from generate_series({first}, {last}) g")
    before = len(s.so_far())
    s.rf.start(failpoints="k.endtxn.after:kill")
    assert s.rf.wait(30) == -signal.SIGKILL
    free(s)
    assert len(s.so_far()) == before + last - first + 1
    return position(s)


def ids(events):
    return [e["key"]["id"] for e in events]


WHY = ("--reason", "a test wants it")


# --- looking ---------------------------------------------------------------------

def test_list_and_show_work_whether_it_runs_or_not(s):
    at = position(s)
    assert at.startswith("lsn:")
    assert "events" in offsets(s, "list") and at in offsets(s, "list")
    shown = offsets(s, "show", "--sink", "events")
    assert at in shown and f"/{s.db}" in shown
    record = json.loads(offsets(s, "show", "--json"))["offsets"][0]["record"]
    assert record["epoch"] >= 1
    s.start()
    assert position(s).startswith("lsn:")
    s.sql("insert into t values (4, 'x')")
    s.records(4)
    s.rf.wait_passed(s.pg, s.db)
    assert position(s) != at
    assert not audit(s)


def test_before_the_first_run_there_is_none(stream15):
    s = stream15.prepare(ROW)
    assert position(s) == NOTHING
    assert not s.kafka.topics(f"rowferry.{s.rf.pipeline}"), "looking made a topic"


def test_they_are_listed_while_the_source_is_away(s):
    s.rf.config["source"]["url"] = "postgresql://postgres@127.0.0.1:1/none?sslmode=disable"
    s.rf.write_config()
    assert position(s).startswith("lsn:")


def test_what_is_in_doubt_does_not_hold_up_a_look(s):
    """The process died inside a transaction that holds the offset: the last committed one is shown."""
    at = position(s)
    s.sql("insert into t values (4, 'x')")
    s.rf.start(failpoints="k.endtxn.before:kill")
    assert s.rf.wait(30) == -signal.SIGKILL
    assert position(s) == at
    s.start()
    assert set(s.after(4)) == {1, 2, 3, 4}


# --- what stands in the way of a move ------------------------------------------------

def test_a_running_pipeline_is_not_touched(s):
    at = position(s)
    s.start()
    said = offsets(s, "set", at, "--expect", at, *WHY, status=EXIT_REFUSED)
    assert "E_SLOT_ACTIVE" in said and "stop the pipeline" in said
    assert not audit(s)


def test_expect_and_a_reason_are_required(s):
    at = position(s)
    assert "--expect" in offsets(s, "set", at, *WHY, status=EXIT_USAGE)
    assert "--reason" in offsets(s, "set", at, "--expect", at, status=EXIT_USAGE)
    assert "position" in offsets(s, "set", "--expect", at, *WHY, status=EXIT_USAGE)
    assert "--to" in offsets(s, "skip", "--expect", at, *WHY, status=EXIT_USAGE)
    assert "E_POSITION" in offsets(s, "set", "lsn:xyz", "--expect", at, *WHY, status=EXIT_USAGE)
    assert "no sink" in offsets(s, "set", at, "--sink", "nosuch", "--expect", at, *WHY, status=EXIT_USAGE)
    assert not audit(s) and position(s) == at


def test_another_position_than_expected_stops_it(s):
    at = position(s)
    said = offsets(s, "rewind", "--expect", "lsn:0/1000", *WHY, status=EXIT_REFUSED)
    assert "E_EXPECT" in said and at in said
    assert not audit(s) and position(s) == at


def test_behind_the_slot_there_is_nothing_to_go_back_to(s):
    at = position(s)
    said = offsets(s, "rewind", "lsn:0/10000", "--expect", at, *WHY, status=EXIT_REFUSED)
    assert "E_GAP" in said and "snapshot" in said
    assert position(s) == at


def test_past_the_end_of_the_log_is_refused(s):
    at = position(s)
    said = offsets(s, "skip", "--to", "lsn:FFFF/0", "--expect", at, *WHY, status=EXIT_REFUSED)
    assert "E_DIVERGED" in said and position(s) == at


# --- moves ------------------------------------------------------------------------------

def test_a_dry_run_says_what_it_would_do_and_does_nothing(s):
    at = position(s)
    later = ahead(s)
    said = offsets(s, "rewind", "--dry-run")
    assert later in said and "read again" in said
    s.sql("insert into t values (7, 'x')")
    end = s.pg.one("select pg_current_wal_lsn()::text")
    said = offsets(s, "skip", "--to", f"lsn:{end}", "--dry-run")
    assert "LOST" in said
    plan = json.loads(offsets(s, "set", at, "--dry-run", "--json"))
    assert plan["before"] == later and plan["after"] == at
    assert position(s) == later and not audit(s)
    s.start()
    assert ids(s.records(7)).count(7) == 1


def test_a_rewind_reads_again_what_the_slot_still_has(s):
    begun = position(s)
    later = ahead(s)
    offsets(s, "rewind", "--expect", later, *WHY)
    assert position(s) == begun
    s.start()
    events = s.records(9)
    assert sorted(ids(events)) == [1, 2, 3, 4, 4, 5, 5, 6, 6]
    assert len({e["headers"]["rowferry.id"] for e in events}) == 6, "what comes again has its old id"
    (line,) = audit(s)
    entry = json.loads(line)
    assert (entry["before"], entry["after"], entry["reason"]) == (later, begun, WHY[1])
    assert entry["act"] == "offsets rewind" and entry["sink"] == "events"


def test_a_skip_leaves_out_what_lies_between(s):
    at = position(s)
    s.sql("insert into t values (4, 'skipped'), (5, 'skipped')")
    end = s.pg.one("select pg_current_wal_lsn()::text")
    s.sql("insert into t values (6, 'kept')")
    offsets(s, "skip", "--to", f"lsn:{end}", "--expect", at, *WHY)
    assert "skip" in json.loads(audit(s)[0])["act"]
    s.start()
    assert sorted(ids(s.records(4))) == [1, 2, 3, 6]


def test_rewind_goes_back_only_and_skip_forward_only(s):
    begun = position(s)
    later = ahead(s)
    s.sql("insert into t values (7, 'x')")
    end = s.pg.one("select pg_current_wal_lsn()::text")
    assert "skip" in offsets(s, "rewind", f"lsn:{end}", "--expect", later, *WHY, status=EXIT_USAGE)
    assert "rewind" in offsets(s, "skip", "--to", begun, "--expect", later, *WHY, status=EXIT_USAGE)
    assert position(s) == later and not audit(s)


def test_set_raises_the_epoch_so_that_a_zombie_can_not_write(s):
    at = position(s)
    s.start()
    s.rf.signal(signal.SIGSTOP)
    try:
        s.sql("insert into t values (4, 'x')")
        s.sql("select pg_terminate_backend(active_pid) from pg_replication_slots where database = %s",
              (s.db,))
        free(s)
        at = position(s)
        epoch = json.loads(offsets(s, "show", "--json"))["offsets"][0]["record"]["epoch"]
        end = s.pg.one("select pg_current_wal_lsn()::text")
        offsets(s, "skip", "--to", f"lsn:{end}", "--expect", at, *WHY)
        assert json.loads(offsets(s, "show", "--json"))["offsets"][0]["record"]["epoch"] > epoch
    finally:
        s.rf.signal(signal.SIGCONT)
    s.sql("insert into t values (5, 'y')")
    if wait_for(lambda: not s.rf.running() or 5 in ids(s.so_far()), 60, "it goes on or ends") and not s.rf.running():
        s.start()
    assert sorted(ids(s.records(4))) == [1, 2, 3, 5]


def test_at_slot_cures_a_slot_that_no_sink_knows(stream15):
    s = stream15.prepare(ROW)
    name = f"rowferry_{s.rf.pipeline}"
    s.sql(f"create publication {name} for table t with (publish_via_partition_root = true)")
    s.sql("select pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
    s.sql("insert into t values (1, 'x')")
    s.rf.start()
    assert s.rf.wait(30) == EXIT_REFUSED
    s.rf.logs("E_SLOT_UNKNOWN", "--at-slot", timeout=1)
    offsets(s, "set", "--at-slot", "--expect", NOTHING, *WHY)
    s.start()
    assert ids(s.records(1)) == [1]


# --- saved and put back --------------------------------------------------------------------

def test_what_was_exported_can_be_imported(s, tmp_path):
    begun = position(s)
    saved = tmp_path / "saved.json"
    saved.write_text(offsets(s, "export"))
    later = ahead(s)
    assert "--reason" in offsets(s, "import", saved, status=EXIT_USAGE)
    offsets(s, "import", saved, "--dry-run")
    assert position(s) == later
    offsets(s, "import", saved, *WHY)
    assert position(s) == begun
    assert json.loads(audit(s)[-1])["act"] == "offsets import"
    s.start()
    assert sorted(ids(s.records(9))) == [1, 2, 3, 4, 4, 5, 5, 6, 6]


def test_an_import_from_another_server_is_refused(s, tmp_path):
    saved = json.loads(offsets(s, "export"))
    at, path = position(s), tmp_path / "saved.json"
    saved["offsets"][0]["record"]["source"] = "postgresql:7000000000000000001/elsewhere"
    path.write_text(json.dumps(saved))
    assert "E_SOURCE_CHANGED" in offsets(s, "import", path, *WHY, status=EXIT_REFUSED)
    path.write_text("{}")
    offsets(s, "import", path, *WHY, status=EXIT_USAGE)
    assert position(s) == at and not audit(s)


def test_an_import_that_the_slot_has_passed_is_refused(s, tmp_path):
    saved = tmp_path / "saved.json"
    saved.write_text(offsets(s, "export"))
    s.start().sql("insert into t values (4, 'x')")
    s.records(4)
    s.rf.wait_passed(s.pg, s.db)
    stop(s)
    assert "E_GAP" in offsets(s, "import", saved, *WHY, status=EXIT_REFUSED)


# --- the audit file ---------------------------------------------------------------------------

def test_each_line_of_the_audit_file_holds_the_hash_of_the_one_before(s):
    begun = position(s)
    later = ahead(s)
    for to, expect in ((begun, later), (later, begun), (begun, later)):
        offsets(s, "set", to, "--expect", expect, *WHY)
    lines = audit(s)
    assert len(lines) == 3
    before = "0" * 64
    for line in lines:
        assert json.loads(line)["previous"] == before
        before = hashlib.sha256(line.encode()).hexdigest()
    assert "E_AUDIT_CHAIN" not in cli("check", s.rf.file).stdout
    path = Path(s.rf.config["state_dir"]) / "audit.log"
    path.write_text("\n".join([lines[0], lines[1].replace("wants", "needs"), lines[2]]) + "\n")
    done = cli("check", s.rf.file)
    assert done.returncode != 0 and "E_AUDIT_CHAIN" in done.stdout


def test_without_an_audit_line_nothing_moves(s):
    later = ahead(s)
    path = Path(s.rf.config["state_dir"]) / "audit.log"
    path.mkdir()
    assert "E_AUDIT" in offsets(s, "rewind", "--expect", later, *WHY, status=EXIT_USAGE)
    assert position(s) == later
