"""Positions in the logs of MySQL and MariaDB: kept over kills, files and servers; refused where going on would lose."""
import contextlib
import json
import os
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from support.mysql import MariaDB, MySQL
from support.proc import wait_for
from support.readers import latest_schema
from support.rowferry import EXIT_REFUSED, Rowferry, cli, cli_json
from support.stream import Stream

ROW = "create table t (id int primary key, a text);"
NOTHING = "none"
WHY = ("--reason", "a test wants it")
KILLED = -9
EXIT_NO, EXIT_USAGE = 1, 2
KINDS = {"mariadb": MariaDB, "mysql": MySQL}


@pytest.fixture
def s(stream_my):
    return stream_my


@pytest.fixture
def on(request, kafka, registry, new_db, pipelines):
    """A Stream on a server, or on the shared one of that name."""
    def make(server):
        server = request.getfixturevalue(server) if isinstance(server, str) else server
        return Stream(server, new_db(server), kafka, registry, pipelines)
    return make


def rows(first, last=None):
    return f"insert into t values {', '.join(f'({n}, {chr(39)}x{chr(39)})' for n in range(first, (last or first) + 1))};"


def ids(events):
    return [e["key"]["id"] for e in events]


def run(s, *words, status=0):
    done = s.rf.cli(*words)
    assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def offsets(s, *words, status=0):
    """`offsets VERB FILE …`: the file stands behind the verb."""
    done = cli("offsets", words[0], s.rf.file, *words[1:], program=s.rf.program)
    assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def position(s):
    (text,) = s.rf.positions().values()
    return text


def free(s):
    """Returns when nobody has the lock: a killed client's connection lives a moment longer."""
    wait_for(lambda: s.server.one(f"select is_used_lock('rowferry.{s.rf.pipeline}')") is None, 20, "the lock is free")


def stop(s):
    assert s.rf.terminate() == 0, s.rf.logged()[-3000:]
    free(s)


def refused(s, code, status=EXIT_REFUSED):
    assert s.rf.wait(60) == status, s.rf.logged()[-3000:]
    return s.rf.logs(code, timeout=1)


def delivered(s, first=1, last=3):
    """It has delivered these rows, knows it, and is stopped."""
    s.start(ROW, failpoints=True).sql(rows(first, last))
    s.records(last - first + 1)
    s.caught_up()
    stop(s)
    return position(s)


# --- where it goes on ------------------------------------------------------------------

@pytest.mark.parametrize("server, how", [("mariadb", "do 0"), ("mysql", "do 0"),
                                         ("mysql", "set binlog_transaction_compression = on")],
                         ids=["mariadb", "mysql", "mysql-compressed"])
def test_kill_9_inside_a_big_transaction_resumes_in_its_middle(request, scene, server, how):
    count = 60_000
    s = scene(server=request.getfixturevalue(server), big=0, writers=1, pause=0.01, failpoints=True,
              sink={"commit_events": 2000})
    s.start().begin()
    s.rf.kill9()
    s.server.sql(f"{how}; insert into moves(src, dst, amount) select n, n, 1 from {s.server.series(count)}", s.db)
    inside = 0
    for _ in range(3):
        s.rf.start(failpoints="k.endtxn.after:kill@6")
        assert s.rf.wait(60) == KILLED
        inside += "+" in position(s)
    assert inside, "it was never inside the transaction, so this proves nothing"
    s.start()
    s.finish(at_least=count)


def test_kill_9_inside_the_commit_of_an_xa_transaction(s):
    """Its rows are read again from another place of the log; what of them is delivered counts there, too."""
    s.start(ROW, failpoints=True, sink={"commit_events": 500, "partitions": 1})
    s.sql("xa start 'x'; insert into t select n, repeat('x', 90) from " + s.server.series(15000) + "; xa end 'x'; xa prepare 'x'")
    s.sql(rows(20000))
    s.records(1)
    s.caught_up().rf.kill9()
    wait_for(lambda: committed(s.server, "x"), 20, "the XA transaction is committed")
    s.sql(rows(20001))
    inside = 0
    for _ in range(2):
        s.rf.start(failpoints="k.endtxn.after:kill@3")
        assert s.rf.wait(60) == KILLED
        inside += "+" in position(s)
    assert inside, "it was never inside the transaction, so this proves nothing"
    s.rf.start()
    events = s.records(15002)
    assert ids(events) == [20000, *range(1, 15001), 20001]
    assert len({e["headers"]["rowferry.id"] for e in events}) == 15002


def committed(server, xid):
    """The connection that prepared it may still be ending."""
    try:
        server.sql(f"xa commit '{xid}'")
        return True
    except Exception as why:
        assert "1397" in str(why) or "1399" in str(why), why
        return False


def test_new_files_while_it_runs_and_while_it_does_not(s):
    s.start(ROW).sql(rows(1))
    s.server.flush_logs()
    s.sql(rows(2))
    s.server.flush_logs()
    s.server.flush_logs()
    assert sorted(ids(s.records(2))) == [1, 2]
    s.caught_up()
    stop(s)
    s.server.flush_logs()
    s.sql(rows(3))
    s.server.flush_logs()
    s.sql(rows(4))
    s.rf.start()
    assert sorted(ids(s.records(4))) == [1, 2, 3, 4]


def test_a_log_that_was_purged_meanwhile_is_refused(s):
    at = delivered(s)
    s.sql(rows(4))
    s.server.purge()
    s.rf.start()
    refused(s, "E_BINLOG_PURGED")
    assert len(s.records(3)) == 3 and position(s) == at
    said = run(s, "status", status=EXIT_NO)
    assert "E_BINLOG_PURGED" in said and "next: " in said
    assert "E_BINLOG_PURGED" in offsets(s, "rewind", at, "--expect", at, *WHY, status=EXIT_REFUSED)
    offsets(s, "set", "--at-end", "--expect", at, *WHY)
    s.sql(rows(5))
    s.rf.start()
    assert sorted(ids(s.records(4))) == [1, 2, 3, 5]


def test_a_server_that_was_reset_and_another_server_are_refused(on, server_with):
    """All four wait at once: it looks for half a minute whether the server comes to know what it does not know yet."""
    waiting = []
    for name, kind in KINDS.items():
        spare, lost = server_with(kind, max_connections=90, server_id=9), on(name)
        reset = on(spare)
        for one in (reset, lost):
            one.start(ROW).sql(rows(1, 3))
            one.records(3)
            one.caught_up()
            stop(one)
        spare.sql("reset binary logs and gtids" if name == "mysql" else "reset master")
        lost.rf.config["source"]["url"] = spare.url()
        lost.rf.write_config()
        spare.sql(f"create database if not exists {lost.db}; create table {lost.db}.t (id int primary key)")
        for one in (reset, lost):
            assert "E_DIVERGED" in run(one, "status", status=EXIT_NO)
            one.rf.start()
        waiting += [reset, lost]
    for one in waiting:
        refused(one, "E_DIVERGED")
        assert len(one.records(3)) == 3


def test_a_server_of_another_kind_is_refused(s, request):
    at = delivered(s)
    other = request.getfixturevalue("mysql" if s.server.kind == "mariadb" else "mariadb")
    s.rf.config["source"]["url"] = other.url()
    s.rf.write_config()
    s.rf.start()
    refused(s, "E_SERVER_KIND", 2)
    s.rf.config["source"]["type"] = other.kind
    s.rf.config["source"]["tables"] = ["*.*"]
    s.rf.write_config()
    s.rf.start()
    refused(s, "E_SOURCE_CHANGED")
    assert position(s) == at


def test_a_second_client_with_our_number_is_waited_out(s):
    s.start(ROW).sql(rows(1))
    s.records(1)
    number = int(s.rf.logs("server_id=", "streaming").split("server_id=")[1].split()[0])
    with s.server.connect() as c:             # a dump, as another replica would ask for it
        c.execute("set @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'")
        if s.server.kind == "mysql":
            uuid = own_uuid(s)
            c.execute("set @slave_uuid = %s, @replica_uuid = %s", (uuid, uuid))
        c._execute_command(0x12, struct.pack("<IHI", 4, 0, number))
        s.sql(rows(2))
        s.rf.logs("E_SERVER_ID")
        c._force_close()
    s.rf.logs("streaming", times=2)
    s.sql(rows(3))
    assert sorted(ids(s.records(3))) == [1, 2, 3]
    assert s.rf.running()


def own_uuid(s):
    return s.server.one("select convert(variable_value using utf8mb4) from performance_schema.user_variables_by_thread "
                        "where variable_name = 'replica_uuid' limit 1")


def test_two_instances_one_runs_and_one_waits(scene, my_any, pipelines):
    s = scene(server=my_any).start().begin().flow()
    second = Rowferry(s.rf.config, program=s.rf.program)
    second.pipeline = s.rf.pipeline + " (second)"
    pipelines.made.append(second)
    second.start()
    second.logs("E_LEASE_HELD")
    s.flow()
    first, s.rf = s.rf, second
    second.pipeline = first.pipeline
    first.kill9()
    s.rf.wait_streaming(s.server, s.db, 60)
    s.flow()
    s.finish(at_least=200)


# --- from one server to another ----------------------------------------------------------

@pytest.fixture(params=KINDS)
def pair(request, server_with):
    """Two servers whose logs have what they apply of each other's."""
    kind = KINDS[request.param]
    keeps = {"log_replica_updates": "ON"} if kind is MySQL else {"log_slave_updates": "ON"}
    return server_with(kind, server_id=11, **keeps), server_with(kind, server_id=12, **keeps)


@contextlib.contextmanager
def following(replica, source):
    """While it follows; at the end it has all that the source has."""
    if source.kind == "mysql":
        replica.sql("change replication source to source_host = '127.0.0.1', source_user = 'root', source_auto_position = 1, "
                    f"source_port = {source.port}, source_connect_retry = 1, get_source_public_key = 1; start replica")
    else:
        place = replica.gtid()
        replica.sql(f"set global gtid_slave_pos = '{place}'; change master to master_host = '127.0.0.1', "
                    f"master_user = 'root', master_port = {source.port}, master_connect_retry = 1, "
                    "master_use_gtid = slave_pos; start slave")
    yield
    wait_for(lambda: same(replica, source), 60,
             lambda: f"the replica follows: {source.gtid()}, {replica.gtid()} {replica.sql('show replica status')}", 0.2)
    replica.sql("stop replica; reset replica all")


def same(replica, source):
    if source.kind == "mysql":
        return replica.one("select gtid_subset(%s, @@global.gtid_executed)", args=(source.gtid(),))
    return replica.gtid() == source.gtid()


def point_at(s, server):
    """What the ledger says and what rowferry reads is this server's from now on."""
    s.rf.config["source"]["url"] = server.url(s.db)
    s.rf.write_config()
    s.server = s.ledger.server = server


def again(s):
    """The ledger goes on, and what it did before still counts."""
    base = s.ledger.base
    s.ledger.begin().base = base


def test_a_failover_and_back_and_one_inside_a_transaction(scene, pair):
    first, second = pair
    count = 60_000
    s = scene(server=first, big=2000, failpoints=True, sink={"commit_events": 2000})
    with following(second, first):
        s.start().begin().flow()
        s.rf.kill9()
        s.flow(40)
        s.ledger.stop()
    point_at(s, second)
    again(s)
    s.start().flow()
    s.ledger.stop()
    s.arrive()
    s.rf.kill9()
    with following(first, second):
        second.sql(f"insert into moves(src, dst, amount) select n, n, 1 from {second.series(count)}", s.db)
        s.rf.start(failpoints="k.endtxn.after:kill@6")
        assert s.rf.wait(60) == KILLED
    at = position(s)
    assert "+" in at, "it was not inside the transaction, so this proves nothing"
    point_at(s, first)
    s.rf.start()
    refused(s, "E_POSITION_FOREIGN")
    assert position(s) == at
    offsets(s, "set", "--recount", "--expect", at, *WHY)
    assert "+" in position(s) and position(s) != at
    again(s)
    s.start().flow()
    s.finish(at_least=count)


# --- positions in files -----------------------------------------------------------------------

def test_without_gtids_a_place_in_a_file_does(scene, server_with, new_db):
    server = server_with(MySQL, gtid_mode="OFF", enforce_gtid_consistency="OFF")
    s = scene(server=server, failpoints=True, sink={"commit_events": 2000}).start().begin()
    for _ in range(3):
        s.flow(30)
        s.rf.kill9()
        server.flush_logs()
        s.rf.start()
    s.rf.wait_streaming(server, s.db)
    s.flow()
    s.rf.kill9()
    server.sql(f"insert into moves(src, dst, amount) select n, n, 1 from {server.series(30_000)}", s.db)
    inside = 0
    for _ in range(3):
        s.rf.start(failpoints="k.endtxn.after:kill@5")
        assert s.rf.wait(60) == KILLED
        inside += "+" in position(s)
    assert inside, "it was never inside the transaction, so this proves nothing"
    s.start()
    s.ledger.stop()
    file, place = server.binlog_position()

    def there():
        text = s.rf.positions()["events"]
        assert text.startswith("file:"), text
        have, _, at = text.removeprefix("file:").partition("+")[0].rpartition("/")
        return (have, int(at)) >= (file, int(place))
    wait_for(there, 60, lambda: f"{file}/{place} is reached: {s.rf.positions()}", 0.2)
    verdict = s.judge()
    assert verdict.ok() and verdict.expected > 30_000, str(verdict)
    stop(s)
    status = cli_json("status", s.rf.file)
    assert status["sinks"][0]["behind_bytes"] >= 0
    other = server_with(MySQL, max_connections=90, server_id=9)
    s.rf.config["source"]["url"] = other.url()
    s.rf.config["source"]["tables"] = ["*.*"]
    s.rf.write_config()
    s.rf.start()
    refused(s, "E_SOURCE_CHANGED")


@pytest.mark.parametrize("name, settings", [("mariadb", {}), ("mysql", {"gtid_mode": "OFF", "enforce_gtid_consistency": "OFF"})])
def test_a_binlog_may_have_any_name(on, server_with, name, settings):
    """Its positions are printed and taken, and so are the questions about its files."""
    s = on(server_with(KINDS[name], log_bin="a+b@c'd", **settings))
    s.start(ROW).sql(rows(1, 3))
    s.records(3)
    stop(s)
    at = position(s)
    assert "a+b@c'd.0" in at
    s.sql(rows(4))
    offsets(s, "set", "--at-end", "--expect", at, *WHY)
    offsets(s, "rewind", at, "--expect", position(s), *WHY)
    assert position(s) == at
    s.server.flush_logs()
    s.sql(rows(5))
    s.rf.start()
    assert sorted(ids(s.records(5))) == [1, 2, 3, 4, 5]


# --- the first start ----------------------------------------------------------------------------

@pytest.mark.parametrize("point", ["src.connected", "first.starting", "k.init", "ha.fence", "ha.recheck"])
def test_killed_in_its_very_first_start(scene, request, point):
    s = scene(server=request.getfixturevalue("mysql" if point[0] in "fk" else "mariadb"), failpoints=True)
    s.rf.start(failpoints=f"{point}:kill")
    assert s.rf.wait(60) == KILLED, f"{point} was never reached"
    s.start().begin().flow(80)
    s.finish(at_least=100)


def test_a_first_start_waits_until_no_xa_transaction_is_prepared(s):
    s.prepare(ROW)
    with s.server.connect(s.db) as c:
        for one in ("xa start 'w'", rows(1).rstrip(";"), "xa end 'w'", "xa prepare 'w'"):
            c.execute(one)
        s.rf.start()
        s.rf.logs("E_XA_OPEN")
        c.execute("xa commit 'w'")
    s.rf.wait_streaming(s.server, s.db, 60)
    s.sql(rows(2))
    assert ids(s.records(1)) == [2]


# --- offsets ---------------------------------------------------------------------------------------

def test_list_and_show_work_whether_it_runs_or_not(s):
    at = delivered(s)
    assert at.startswith("gtid:" if s.server.kind == "mysql" else "mariadb:") and "@" in at
    assert at in offsets(s, "list") and at in offsets(s, "show", "--sink", "events")
    record = json.loads(offsets(s, "show", "--json"))["offsets"][0]["record"]
    assert record["epoch"] >= 1 and s.server.kind in record["source"]
    s.rf.start().wait_streaming(s.server, s.db)
    s.sql(rows(4))
    s.records(4)
    s.caught_up()
    assert position(s) != at
    assert "E_LEASE_HELD" in offsets(s, "set", at, "--expect", at, *WHY, status=EXIT_REFUSED)


def audit(s):
    path = Path(s.rf.config["state_dir"]) / "audit.log"
    return path.read_text().splitlines() if path.exists() else []


def test_a_rewind_reads_again_what_the_log_still_has(s):
    begun = delivered(s)
    s.rf.start().wait_streaming(s.server, s.db)
    s.sql(rows(4, 5))
    s.records(5)
    s.caught_up()
    stop(s)
    later = position(s)
    plan = json.loads(offsets(s, "rewind", begun, "--dry-run", "--json"))
    assert (plan["before"], plan["after"]) == (later, begun)
    assert "skip" in offsets(s, "skip", "--to", begun, "--expect", later, *WHY, status=EXIT_USAGE)
    assert "E_EXPECT" in offsets(s, "rewind", begun, "--expect", begun, *WHY, status=EXIT_REFUSED)
    offsets(s, "rewind", begun, "--expect", later, *WHY)
    s.rf.start()
    events = s.records(7)
    assert sorted(ids(events)) == [1, 2, 3, 4, 4, 5, 5]
    assert len({e["headers"]["rowferry.id"] for e in events}) == 5, "what comes again has its old id"
    (line,) = audit(s)
    entry = json.loads(line)
    assert (entry["before"], entry["after"], entry["act"]) == (later, begun, "offsets rewind")


def test_a_skip_leaves_out_what_lies_between(s):
    at = delivered(s)
    s.sql(rows(4, 5))
    prefix = "gtid:" if s.server.kind == "mysql" else "mariadb:"
    end = prefix + s.server.gtid()
    s.sql(rows(6))
    assert "LOST" in offsets(s, "skip", "--to", end, "--dry-run")
    assert "rewind" in offsets(s, "rewind", end, "--expect", at, *WHY, status=EXIT_USAGE)
    offsets(s, "skip", "--to", end, "--expect", at, *WHY)
    s.rf.start()
    assert sorted(ids(s.records(4))) == [1, 2, 3, 6]


def test_the_end_of_the_log_can_be_taken_before_the_first_run(s):
    s.prepare(ROW)
    assert position(s) == NOTHING
    s.sql(rows(1))
    offsets(s, "set", "--at-end", "--expect", NOTHING, *WHY)
    s.sql(rows(2))
    s.rf.start()
    assert ids(s.records(1)) == [2], "from the place that was set on, everything counts"


def test_places_that_are_none_are_refused(s):
    at = delivered(s)
    ahead = ("gtid:" + s.server.one("select @@server_uuid") + ":1-999999" if s.server.kind == "mysql" else "mariadb:0-1-999999")
    wrong = "mariadb:0-1-1" if s.server.kind == "mysql" else "gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1"
    assert "E_DIVERGED" in offsets(s, "skip", "--to", ahead, "--expect", at, *WHY, status=EXIT_REFUSED)
    assert "E_" in offsets(s, "set", wrong, "--expect", at, *WHY, status=EXIT_REFUSED)
    assert "E_" in offsets(s, "set", "lsn:0/1", "--expect", at, *WHY, status=EXIT_USAGE)
    assert "E_POSITION" in offsets(s, "set", at.split("@")[0] + "x", "--expect", at, *WHY, status=EXIT_USAGE)
    assert "--recount" in offsets(s, "set", "--recount", at, "--expect", at, *WHY, status=EXIT_USAGE)
    assert position(s) == at and not audit(s)


def test_what_was_exported_can_be_imported(s, tmp_path):
    begun = delivered(s)
    saved = tmp_path / "saved.json"
    saved.write_text(offsets(s, "export"))
    s.rf.start().wait_streaming(s.server, s.db)
    s.sql(rows(4))
    s.records(4)
    s.caught_up()
    stop(s)
    offsets(s, "import", saved, *WHY)
    assert position(s) == begun
    s.rf.start()
    assert sorted(ids(s.records(5))) == [1, 2, 3, 4, 4]
    (line,) = audit(s)
    assert json.loads(line)["act"] == "offsets import"


# --- status, check, remove -----------------------------------------------------------------------------

def test_status_says_where_it_is_and_what_next(s):
    s.prepare(ROW)
    assert "rowferry run" in run(s, "status") or "start it" in run(s, "status")
    s.rf.start().wait_streaming(s.server, s.db)
    s.sql(rows(1))
    s.records(1)
    s.caught_up()
    assert "next: nothing" in run(s, "status")
    status = cli_json("status", s.rf.file)
    assert status["running"] and status["log"]["lock"] == f"rowferry.{s.rf.pipeline}" and status["log"]["active"]
    assert status["sinks"][0]["behind_transactions"] == 0
    stop(s)
    s.sql(rows(2) + rows(3))
    status = cli_json("status", s.rf.file)
    assert not status["running"] and status["sinks"][0]["behind_transactions"] == 2 and "start it" in status["next"]
    with expiring(s.server, 1000):
        s.server.flush_logs()
        left = cli_json("status", s.rf.file)["sinks"][0]["seconds_until_purge"]
        assert 0 < left <= 1000
        assert "is kept for" in run(s, "status")


@contextlib.contextmanager
def expiring(server, seconds):
    before = server.one("select @@global.binlog_expire_logs_seconds")
    server.sql(f"set global binlog_expire_logs_seconds = {seconds}")
    try:
        yield
    finally:
        server.sql(f"set global binlog_expire_logs_seconds = {before}")


WRONG = {                       # setting: (wrong value, whether it is a failure, what the cure says)
    "binlog_format": ("STATEMENT", True, "binlog_format = 'ROW'"),
    "binlog_row_metadata": ("MINIMAL", True, "binlog_row_metadata = 'FULL'"),
    "binlog_row_image": ("MINIMAL", False, "binlog_row_image = 'FULL'"),
    "sync_binlog": ("0", False, "sync_binlog = 1"),
    "gtid_strict_mode": ("OFF", False, "gtid_strict_mode = ON"),
}


def test_check_says_yes_and_names_what_is_wrong_with_its_cure(s):
    s.prepare(ROW + "create table keyless (a int); create table isam (id int primary key) engine = MyISAM")
    said = run(s, "check", status=EXIT_NO)
    assert "log_bin = ON" in said and f"{s.db}.t: captured, key: the primary key" in said
    assert "E_NOT_TRANSACTIONAL" in said and "isam" in said and "ENGINE = InnoDB" in said
    assert "keyless: captured, without a primary key" in said and "key:" in said
    s.sql("drop table isam")
    run(s, "check")
    for name, (value, fails, cure) in WRONG.items():
        if name == "gtid_strict_mode" and s.server.kind == "mysql":
            continue
        before = s.server.one(f"select @@global.{name}")
        s.server.sql(f"set global {name} = {value}")
        try:
            said = run(s, "check", status=EXIT_NO if fails else 0)
        finally:
            s.server.sql(f"set global {name} = %s", args=(before,))
        assert f"{name} = {value}" in said and cure in said, said
    run(s, "check")


def test_a_server_without_a_log_is_named(on, server_with):
    server = server_with(MariaDB, log_bin=None, gtid_strict_mode=None)
    s = on(server).prepare(ROW)
    assert "E_BINLOG_OFF" in run(s, "check", status=EXIT_NO)
    s.rf.start()
    refused(s, "E_BINLOG_OFF", 2)


def test_remove_takes_away_what_is_its_own_and_never_data(s):
    s.start(ROW).sql(rows(1))
    s.records(1)
    assert "E_LEASE_HELD" in run(s, "remove", "--yes", status=EXIT_REFUSED)
    stop(s)
    assert f"rowferry.{s.rf.pipeline}" in run(s, "remove", "--dry-run")
    assert s.rf.cli("remove").returncode, "nobody is there to say yes"
    run(s, "remove", "--yes")
    assert not s.kafka.topics(f"rowferry.{s.rf.pipeline}")
    assert len(s.records(1)) == 1, "remove deleted data"
    s.sql(rows(2))
    s.rf.start()
    s.rf.wait_streaming(s.server, s.db)
    s.sql(rows(3))
    assert sorted(ids(s.records(2))) == [1, 3]


def test_schema_prints_what_run_registers(s):
    s.prepare(ROW + "create table u (id bigint unsigned primary key, e enum('a') not null default 'a')")
    shown = cli_json("schema", s.rf.file)["schemas"]
    s.rf.start().wait_streaming(s.server, s.db)
    s.sql(rows(1) + "insert into u(id) values (1)")
    s.records(2)
    assert {one["table"] for one in shown} == {"t", "u"}
    for one in shown:
        for part in ("key", "value"):
            assert latest_schema(s.registry, f"{one['topic']}-{part}") == one[part]


# --- accounts and TLS -------------------------------------------------------------------------------------

def test_a_user_with_the_rights_of_the_page_is_enough(s):
    s.prepare(ROW)
    rights = (("replication slave", "replication client", "xa_recover_admin") if s.server.kind == "mysql"
              else ("replication slave", "binlog monitor"))
    who = s.server.account(rights)
    s.server.sql(f"grant references on `{s.db}`.* to '{who.name}'@'%'")
    s.rf.config["source"]["url"] = who.url(s.db)
    s.rf.write_config()
    run(s, "check")
    s.rf.start().wait_streaming(s.server, s.db)
    s.sql(rows(1))
    assert ids(s.records(1)) == [1]


def test_rights_that_are_missing_are_named(s):
    s.prepare(ROW)
    who = s.server.account((), select_on=s.db)
    s.rf.config["source"]["url"] = who.url(s.db)
    s.rf.write_config()
    said = run(s, "check", status=EXIT_NO)
    assert "E_PRIVILEGE" in said and "GRANT REPLICATION SLAVE" in said
    s.rf.start()
    refused(s, "E_PRIVILEGE", 2)
    s.rf.config["source"]["url"] = who.url(s.db).replace(who.password, "wrong")
    s.rf.write_config()
    s.rf.start()
    refused(s, "E_AUTH", 2)


RIGHTS = {"mysql": ["replication slave", "replication client", "xa_recover_admin"],
          "mariadb": ["replication slave", "binlog monitor"]}
LACKING = [(kind, right) for kind, all_of_them in RIGHTS.items() for right in all_of_them]
ASKED_FOR = ["xa_recover_admin"]        # without them a start only warns


@pytest.mark.parametrize("kind, lacking", LACKING)
def test_check_sees_each_right_that_is_missing_and_its_cure_is_enough(on, kind, lacking):
    s = on(kind).prepare(ROW)
    who = s.server.account([right for right in RIGHTS[kind] if right != lacking])
    s.server.sql(f"grant references on `{s.db}`.* to '{who.name}'@'%'")
    s.rf.config["source"]["url"] = who.url(s.db)
    s.rf.write_config()
    warned = lacking in ASKED_FOR
    done = s.rf.cli("check", "--json")
    (finding,) = [f for f in json.loads(done.stdout)["findings"] if f["code"] == "E_PRIVILEGE"]
    assert finding["finding"] == ("warn" if warned else "fail") and done.returncode == (0 if warned else EXIT_NO)
    assert finding["cure"] == f"GRANT {lacking.upper()} ON *.* TO '{who.name}'@'%';"
    s.rf.start()
    if warned:
        assert finding["cure"] in s.rf.logs("E_PRIVILEGE", "XA RECOVER")
        stop(s)
    else:
        refused(s, "E_PRIVILEGE", 2)
    s.server.sql(finding["cure"])
    assert "E_PRIVILEGE" not in run(s, "check")


def test_check_sees_foreign_keys_that_the_user_does_not_see(on):
    """With SELECT alone MariaDB says that they are there, and not what they do."""
    s = on("mariadb").prepare(ROW + "create table child (id int primary key, t int, foreign key (t) references t (id) on delete cascade)")
    who = s.server.account(RIGHTS["mariadb"], select_on=s.db)
    s.rf.config["source"]["url"] = who.url(s.db)
    s.rf.write_config()
    findings = json.loads(s.rf.cli("check", "--json").stdout)["findings"]
    (finding,) = [f for f in findings if f["code"] == "E_PRIVILEGE"]
    assert finding["finding"] == "warn" and f"{s.db}.child" in finding["what"] and "child_ibfk_1" in finding["what"]
    s.server.sql(finding["cure"])
    said = run(s, "check")
    assert "E_PRIVILEGE" not in said and f"{s.db}.child: rows that foreign key child_ibfk_1" in said


def openssl(folder, *words):
    done = subprocess.run(["openssl", *map(str, words)], cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr


def authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.pem")


@pytest.fixture(scope="module", params=KINDS)
def with_tls(request, server_with):
    """A server with a certificate for 127.0.0.1, by an authority of our own, that is reached by 127.0.0.2 too."""
    kind = KINDS[request.param]
    server = kind(bind_address="0.0.0.0")
    folder = server.own_folder("tls")
    for name in ("ours", "strange"):
        authority(folder, name)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:db.example\n")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db.example", "-keyout", "server.key", "-out", "server.csr")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ours.pem", "-CAkey", "ours.key", "-CAcreateserial",
            "-days", 2, "-extfile", "names", "-out", "server.pem")
    for file in folder.iterdir():
        file.chmod(0o644)
        if os.geteuid() == 0:
            os.chown(file, server.uid, server.gid)
    (folder / "server.key").chmod(0o600)
    server.settings.update(ssl_ca=server.inside(folder / "ours.pem"), ssl_cert=server.inside(folder / "server.pem"),
                           ssl_key=server.inside(folder / "server.key"))
    server.tls = folder
    with server:
        yield server


def connects(s, options, host="127.0.0.1", who=None):
    """What `check` says with these options in the URL: "" or an error's code."""
    who = who or s.who
    s.rf.config["source"]["url"] = f"{s.server.kind}://{who.name}:{who.password}@{host}:{s.server.port}/?{options}"
    s.rf.write_config()
    said = s.rf.cli("check").stdout
    for code in ("E_TLS", "E_AUTH", "E_UNREACHABLE", "E_CONFIG"):
        if code in said:
            return code
    assert "answers" in said, said
    return ""


@pytest.fixture
def tls(with_tls, on):
    s = on(with_tls).prepare(ROW)
    s.who = with_tls.account()
    s.ours, s.strange = f"ssl-ca={with_tls.tls / 'ours.pem'}", f"ssl-ca={with_tls.tls / 'strange.pem'}"
    return s


def test_each_ssl_mode_takes_and_refuses_what_the_page_says(tls):
    s = tls
    assert connects(s, "ssl-mode=disabled") == ""
    assert connects(s, "ssl-mode=preferred") == ""
    assert connects(s, "ssl-mode=required") == ""
    assert connects(s, f"ssl-mode=verify_ca&{s.ours}") == ""
    assert connects(s, f"ssl-mode=verify_identity&{s.ours}") == ""
    assert connects(s, s.ours) == "", "verify_identity is the default"
    assert connects(s, "") == "E_TLS", "no authority of the system's knows it"
    assert connects(s, f"ssl-mode=verify_ca&{s.strange}") == "E_TLS"
    assert connects(s, f"ssl-mode=verify_identity&{s.strange}") == "E_TLS"
    assert connects(s, "ssl-mode=verify_ca") == "E_TLS"
    assert connects(s, f"ssl-mode=verify_ca&{s.ours}", "127.0.0.2") == ""
    assert connects(s, f"ssl-mode=verify_identity&{s.ours}", "127.0.0.2") == "E_TLS"
    assert connects(s, f"ssl-mode=required&ssl-ca={s.server.tls / 'none.pem'}") == "E_TLS"


def test_it_streams_over_tls(tls):
    s = tls
    s.server.sql(f"alter user '{s.who.name}'@'%' require ssl; grant select on `{s.db}`.* to '{s.who.name}'@'%'")
    assert connects(s, "ssl-mode=disabled") == "E_AUTH"
    assert connects(s, s.ours) == ""
    s.rf.start().wait_streaming(s.server, s.db)
    s.sql(rows(1))
    assert ids(s.records(1)) == [1]


def test_each_way_to_prove_who_we_are(tls):
    s = tls
    plugins = {"mysql": ["caching_sha2_password", "sha256_password"],
               "mariadb": ["mysql_native_password", "ed25519"]}[s.server.kind]
    for plugin in plugins:
        if plugin == "ed25519":
            try:
                s.server.sql("install soname 'auth_ed25519'")
            except Exception as why:
                pytest.skip(f"MariaDB has no ed25519 here: {why}")
        for options in ("ssl-mode=disabled", s.ours):    # each account anew: the server has no password in memory
            who = s.server.account(plugin=plugin, password="a:wörd@€!")
            right, wrong = (replace(who, password=p) for p in (quote(who.password), "wrong"))
            assert connects(s, options, who=right) == "", (plugin, options)
            assert connects(s, options, who=wrong) == "E_AUTH", (plugin, options)
