"""The schema registry is away, slow, wrong or says no; no row is lost, and none goes out without its schema."""
import json
import time
import urllib.request

import pytest

from support.front import Front
from support.readers import Schemas, read_topics, subjects

ROW = "create table t (id int primary key, a text);"
EXIT_CONFIG = 2


@pytest.fixture
def front(registry):
    with Front(registry.url) as front:
        yield front


def start(stream, front, setup=ROW, **sink):
    return stream.start(setup, sink={"registry": front.url, **sink})


def put(registry, path, body):
    request = urllib.request.Request(f"{registry.url}{path}", json.dumps(body).encode(), method="PUT",
                                     headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_away_for_a_while_it_is_waited_for(stream15, front):
    s = start(stream15, front)
    s.sql("insert into t values (1, 'before')")
    s.records(1)
    front.close()
    s.sql("alter table t add b int; insert into t values (2, 'while', 2); insert into t values (3, 'it', 3)")
    s.rf.logs(" warn ", "E_REGISTRY_AWAY")
    s.sql("alter table t drop b; insert into t values (4, 'is away')")
    time.sleep(1)
    assert s.rf.running() and len(s.so_far()) == 1
    front.open()
    rows = s.after(4)
    assert rows[2] == {"id": 2, "a": "while", "b": 2} and rows[4] == {"id": 4, "a": "is away"}


@pytest.mark.parametrize("answer", [(500, b"{}"), (503, b"<html>busy</html>"), (429, b""), "cut"], ids=str)
def test_an_answer_that_is_no_answer_is_asked_for_again(stream15, front, answer):
    left = [3]

    def behave(method, path):
        if method == "POST" and left[0] > 0:
            left[0] -= 1
            return answer
    front.behave = behave
    s = start(stream15, front)
    s.sql("insert into t values (1, 'x')")
    assert s.after(1) == {1: {"id": 1, "a": "x"}}
    assert left[0] == 0


@pytest.mark.parametrize("status, code, text", [
    (401, "E_REGISTRY_AUTH", b""), (403, "E_REGISTRY_AUTH", b'{"message": "because"}'),
    (409, "E_SCHEMA_INCOMPATIBLE", b'{"error_code": 409, "message": "because"}'),
    (422, "E_SCHEMA_INVALID", b'{"error_code": 42201, "message": "because"}'),
    (302, "E_REGISTRY_ANSWER", b""), (200, "E_REGISTRY_ANSWER", b"<html>log in"),
    (200, "E_REGISTRY_ANSWER", b'{"id": "x"}'), (200, "E_REGISTRY_ANSWER", b"x" * 2_000_000)],
    ids=["401", "403", "409", "422", "redirect", "html", "no-id", "endless"])
def test_a_refusal_is_named_and_stops_it(stream15, front, status, code, text):
    s = start(stream15, front)
    s.sql("insert into t values (1, 'x')")
    s.records(1)
    front.behave = lambda method, path: (status, text) if method == "POST" else None
    s.sql("alter table t add b int; insert into t values (2, 'y', 2)")
    assert s.rf.wait(45) in (1, EXIT_CONFIG, 4), s.rf.logged()[-3000:]
    s.rf.logs("code=" + code, timeout=1)
    front.behave = lambda method, path: None
    s.start()
    assert set(s.after(2)) == {1, 2}, "what it could not write was passed over"


def test_an_incompatible_change_is_refused_by_a_real_registry(stream15, registry):
    s = stream15.start(ROW)
    s.sql("insert into t values (1, 'x')")
    s.records(1)
    subject = f"{s.rf.pipeline}.public.t-value"
    put(registry, f"/config/{subject}", {"compatibility": "BACKWARD"})
    s.sql("alter table t add b int; insert into t values (2, 'nullable: fine', 2)")
    s.records(2)
    s.sql("alter table t alter b type text; insert into t values (3, 'another type', 'x')")
    assert s.rf.wait(45) in (1, EXIT_CONFIG, 4), s.rf.logged()[-3000:]
    line = s.rf.logs("E_SCHEMA_INCOMPATIBLE", timeout=1)
    assert subject in line
    put(registry, f"/config/{subject}", {"compatibility": "NONE"})
    s.start()
    assert s.after(3)[3]["b"] == "x"


def test_versions_stand_in_the_order_of_the_log(stream15, registry):
    s = stream15.prepare(ROW)
    s.rf.config["batch"] = {"threads": 4, "size": "4KiB"}
    s.rf.write_config()
    s.start()
    s.rf.terminate()
    for n in range(6):                      # all in the log before it reads the first of them
        s.sql(f"insert into t(id) select {n} * 1000 + g from generate_series(1, 100) g;"
              f"alter table t add c{n} int")
    s.sql("insert into t(id) values (99999)")
    s.start()
    s.records(601)
    subject = f"{s.rf.pipeline}.public.t-value"
    fields = []
    with urllib.request.urlopen(f"{registry.url}/subjects/{subject}/versions", timeout=20) as answer:
        versions = json.load(answer)
    for version in versions:
        with urllib.request.urlopen(f"{registry.url}/subjects/{subject}/versions/{version}", timeout=20) as answer:
            schema = json.loads(json.load(answer)["schema"])
        row = next(b for b in schema["fields"][0]["type"] if isinstance(b, dict))
        fields.append(len(row["fields"]))
    assert fields == [2, 3, 4, 5, 6, 7, 8]


def test_look_up_only_registers_nothing(stream15, front, registry):
    s = start(stream15, front, registry_auto_register=False)
    s.sql("insert into t values (1, 'x')")
    assert s.rf.wait(45) in (1, EXIT_CONFIG, 4), s.rf.logged()[-3000:]
    s.rf.logs("E_SCHEMA_UNKNOWN", timeout=1)
    assert not [n for n in subjects(registry) if s.rf.pipeline in n]
    s.rf.config["sinks"][0]["registry_auto_register"] = True
    s.rf.write_config()
    s.start()
    assert set(s.after(1)) == {1}


def test_basic_and_bearer_reach_the_registry(stream15, front, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    s = start(stream15, front, registry_user="cdc", registry_password_file=str(secret))
    s.sql("insert into t values (1, 'x')")
    s.records(1)
    assert front.requests[-1][3]["Authorization"] == "Basic Y2RjOnMzY3JldA=="
    s.rf.terminate()
    sink = s.rf.config["sinks"][0]
    del sink["registry_user"], sink["registry_password_file"]
    sink["registry_token_file"] = str(secret)
    s.rf.write_config()
    front.requests.clear()
    s.start().sql("insert into t values (2, 'y')")
    s.records(2)
    assert front.requests[-1][3]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in s.rf.logged()


def test_the_same_schema_has_the_same_id_after_a_restart(stream15, registry):
    s = stream15.start(ROW)
    s.sql("insert into t values (1, 'x')")
    s.records(1)
    s.rf.kill9()
    s.start().sql("insert into t values (2, 'y')")
    schemas = Schemas(registry.url)
    read_topics(s.kafka.direct, registry, [f"{s.rf.pipeline}.public.t"], schemas=schemas)
    s.records(2)
    again = Schemas(registry.url)
    read_topics(s.kafka.direct, registry, [f"{s.rf.pipeline}.public.t"], schemas=again)
    assert set(again.known) == set(schemas.known) and len(again.known) == 2
