"""check, status, schema, remove, run's own words: what an operator sees, and the exit status that scripts read."""
import json
import re
import signal

import pytest

from support.proc import wait_for
from support.readers import latest_schema, subjects
from support.rowferry import cli, cli_json

ROW = "create table t (id int primary key, a text);"
EXIT_NO, EXIT_USAGE, EXIT_AWAY = 1, 2, 3


def run(s, command, *rest, status=0):
    done = cli(command, s.rf.file, *rest)
    assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


# --- check ---------------------------------------------------------------------------

def test_check_says_yes_before_the_first_run_and_while_it_runs(stream15):
    s = stream15.prepare(ROW)
    said = run(s, "check")
    assert "wal_level = logical" in said and "E_WAL_UNLIMITED" in said and "ALTER SYSTEM" in said
    s.start()
    run(s, "check")
    assert "public" in json.dumps(cli_json("check", s.rf.file))


@pytest.mark.parametrize("broken, status, code", [
    ({"source": {"url": "postgresql://postgres@127.0.0.1:1/x?sslmode=disable"}}, EXIT_AWAY, "E_UNREACHABLE"),
    ({"sink": {"brokers": "127.0.0.1:1"}}, EXIT_AWAY, "E_KAFKA_AWAY"),
    ({"sink": {"registry": "http://127.0.0.1:1"}}, EXIT_AWAY, "E_REGISTRY_AWAY"),
], ids=["source", "broker", "registry"])
def test_check_names_the_server_that_is_away(stream15, broken, status, code):
    s = stream15.prepare(ROW)
    s.rf.config["source"].update(broken.get("source", {}))
    s.rf.config["sinks"][0].update(broken.get("sink", {}))
    s.rf.write_config()
    assert code in run(s, "check", status=status)


# --- status --------------------------------------------------------------------------

def test_status_says_where_it_is_and_what_next(stream15):
    s = stream15.prepare(ROW)
    assert "rowferry run" in run(s, "status")
    s.start().sql("insert into t values (1, 'x')")
    s.records(1)
    assert re.search(r"next: nothing", run(s, "status"))
    status = cli_json("status", s.rf.file)
    assert status["running"] and status["slot"]["wal_status"] == "reserved"
    assert status["slot"]["retained_bytes"] >= 0 and status["sinks"][0]["behind_bytes"] >= 0
    s.rf.terminate()
    wait_for(lambda: not s.rf.slots(s.pg, s.db)[0][1], 20, "the slot is free")
    s.sql("insert into t select g, 'y' from generate_series(2, 1000) g")
    status = cli_json("status", s.rf.file)
    assert not status["running"] and status["sinks"][0]["behind_bytes"] > 10000
    assert "start it" in status["next"]
    s.sql("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", (s.rf.slot(s.pg, s.db),))
    assert "E_GAP" in run(s, "status", status=EXIT_NO)


# --- schema ---------------------------------------------------------------------------

def test_schema_prints_what_run_registers(stream15):
    s = stream15.prepare(ROW + "create table u (id bigint primary key, n numeric(8,2) not null)")
    shown = cli_json("schema", s.rf.file)["schemas"]
    assert not [n for n in subjects(s.registry) if s.rf.pipeline in n], "looking registered a schema"
    s.start().sql("insert into t values (1, 'x'); insert into u values (1, 2)")
    s.records(2)
    assert {one["table"] for one in shown} == {"t", "u"}
    for one in shown:
        for part in ("key", "value"):
            assert latest_schema(s.registry, f"{one['topic']}-{part}") == one[part]
    assert "table public.u" in run(s, "schema", "public.u")
    run(s, "schema", "public.nosuch", status=EXIT_USAGE)


# --- remove -----------------------------------------------------------------------------

def test_remove_takes_away_what_is_its_own_and_never_data(stream15):
    s = stream15.start(ROW)
    s.sql("insert into t values (1, 'x')")
    s.records(1)
    assert cli("remove", s.rf.file, "--yes").returncode != 0, "it runs"
    s.rf.terminate()
    wait_for(lambda: not s.rf.slots(s.pg, s.db)[0][1], 20, "the slot is free")
    said = run(s, "remove", "--dry-run")
    assert f"rowferry_{s.rf.pipeline}" in said
    assert s.rf.slots(s.pg, s.db) and s.sql("select 1 from pg_publication")
    said = cli("remove", s.rf.file)         # nobody is there to say yes
    assert said.returncode != 0 and s.rf.slots(s.pg, s.db)
    run(s, "remove", "--yes")
    assert not s.rf.slots(s.pg, s.db) and not s.sql("select 1 from pg_publication")
    assert not s.kafka.topics(f"rowferry.{s.rf.pipeline}")
    assert len(s.records(1)) == 1, "remove deleted data"
    s.start().sql("insert into t values (2, 'y')")
    assert set(s.after(2)) == {1, 2}


# --- run's own words -----------------------------------------------------------------------

def test_the_plan_names_source_guarantee_and_position(stream15):
    s = stream15.start(ROW)
    s.rf.logs("source=postgresql:", f"pipeline={s.rf.pipeline}")
    s.rf.logs("sink=events", "type=kafka", "guarantee=", "exactly once", "position=lsn:")


def test_logs_as_json_are_one_object_a_line(stream15):
    s = stream15.prepare(ROW)
    s.rf.config["log"] = {"format": "json", "level": "debug"}
    s.rf.write_config()
    s.start().sql("insert into t values (1, 'x')")
    s.records(1)
    s.rf.terminate()
    lines = [json.loads(line) for line in s.rf.logged().splitlines()]
    assert lines and all({"time", "level", "module", "text"} <= set(one) for one in lines)


def test_a_mistake_in_the_file_names_file_line_and_the_nearest_key(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text("pipeline: shop\nsource:\n  type: postgresql\n  url: postgresql://x/y\n  tabels: [public.t]\n"
                    "sinks:\n  - {name: n, type: 'null'}\n")
    done = cli("run", path)
    assert done.returncode == EXIT_USAGE
    assert "shop.yaml:5" in done.stderr and "tabels" in done.stderr and "tables" in done.stderr


def test_a_password_in_a_file_never_shows(stream15, tmp_path):
    s = stream15.prepare(ROW)
    secret = tmp_path / "password"
    secret.write_text("hunter2-very-secret\n")
    secret.chmod(0o600)
    s.rf.config["source"]["password_file"] = str(secret)
    s.rf.config["log"] = {"level": "debug"}
    s.rf.write_config()
    s.start()
    said = run(s, "check") + run(s, "status") + s.rf.logged()
    assert "hunter2" not in said
    with open(f"/proc/{s.rf.process.pid}/cmdline") as f:
        assert "hunter2" not in f.read()


def test_two_signals_end_it_at_once(stream15):
    s = stream15.start(ROW)
    s.rf.signal(signal.SIGTERM)
    s.rf.signal(signal.SIGINT)
    assert s.rf.wait(15) == 0


@pytest.mark.parametrize("words, status", [
    (["help"], 0), (["help", "config"], 0), (["help", "offsets"], 0), (["nosuch"], EXIT_USAGE),
    (["run"], EXIT_USAGE), (["run", "/no/such/file"], EXIT_USAGE), (["offsets", "list"], EXIT_USAGE)])
def test_exit_status_of_simple_things(words, status):
    assert cli(*words).returncode == status
