"""Servers that the tests share, each started when the first test asks for it."""
import os
import shutil
import uuid

import pytest

from support.debezium import Worker
from support.fetch import Unavailable
from support.ledger import ORACLE
from support.mysql import MariaDB, MySQL
from support.rowferry import Rowferry, binary, configuration, kafka_sink
from support.scene import Scene
from support.servers import Kafka, Postgres, Registry
from support.stream import Stream

IN_CI = os.environ.get("CI") == "true"


def have(make):
    """A started server; one that can't be had fails in CI and is a named skip elsewhere."""
    try:
        return make().start()
    except Unavailable as why:
        if IN_CI:
            raise
        pytest.skip(str(why))


def shared(make):
    server = have(make)
    yield server
    server.close()


@pytest.fixture(scope="session")
def pg15():
    yield from shared(lambda: Postgres(15))


@pytest.fixture(scope="session")
def pg18():
    yield from shared(lambda: Postgres(18))


@pytest.fixture(scope="session", params=[15, 18], ids=["pg15", "pg18"])
def pg_any(request):
    """Both PostgreSQL versions, one after the other."""
    return request.getfixturevalue(f"pg{request.param}")


@pytest.fixture(scope="session")
def mariadb():
    yield from shared(MariaDB)


@pytest.fixture(scope="session")
def mysql():
    yield from shared(MySQL)


@pytest.fixture(scope="session", params=["mariadb", "mysql"])
def my_any(request):
    """MariaDB and MySQL, one after the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def server_with():
    """Servers with other settings, shared by the tests that ask for the same ones:
    server_with(MySQL, binlog_row_image="MINIMAL")."""
    made = {}

    def make(kind, **settings):
        key = kind, tuple(sorted(settings.items()))
        if key not in made:
            made[key] = have(lambda: kind(**settings))
        return made[key]
    yield make
    for server in made.values():
        server.close()


@pytest.fixture(scope="session")
def kafka():
    yield from shared(lambda: Kafka("4.3.1"))


@pytest.fixture(scope="session")
def kafka39():
    yield from shared(lambda: Kafka("3.9.1"))


@pytest.fixture(scope="session")
def registry():
    yield from shared(Registry)


@pytest.fixture(scope="session")
def debezium(kafka, registry):
    """A worker whose connectors read MySQL and MariaDB."""
    yield from shared(lambda: Worker(kafka, registry, "mysql"))


@pytest.fixture(scope="session")
def debezium_postgresql(kafka, registry):
    yield from shared(lambda: Worker(kafka, registry, "postgresql"))


@pytest.fixture
def new_db():
    """Makes databases that go away, with their slots, when the test ends."""
    made = []

    def make(server):
        made.append((server, server.create_db()))
        return made[-1][1]
    yield make
    for server, db in made:
        try:
            server.drop_db(db)
        except Exception as why:                    # the test's own verdict counts more
            print(f"database {db} stays: {why}")


class Maker:
    """Makes pipelines with names of their own, and ends what still runs."""

    def __init__(self, tmp_path):
        self.tmp_path, self.made = tmp_path, []

    def __call__(self, server, db, sinks, pipeline=None, failpoints=False, **kw):
        pipeline = pipeline or f"p{uuid.uuid4().hex[:8]}"
        for program in [binary(failpoints)]:
            if not (os.access(program, os.X_OK) or shutil.which(str(program))):
                pytest.fail(f"{program} is not built")
        kw.setdefault("exclude", [f"{server.schema(db)}.{ORACLE}"])
        kw.setdefault("heartbeat_interval", "1s")     # 10 s is long for a test that waits
        state = self.tmp_path / f"state-{pipeline}"
        rf = Rowferry(configuration(pipeline, server, db, sinks, state, **kw), failpoints)
        rf.pipeline = pipeline
        self.made.append(rf)
        return rf

    def to_kafka(self, server, db, kafka, registry, pipeline=None, sink=None, **kw):
        """A pipeline with one Kafka sink; topics are `<pipeline>.<schema>.<table>`."""
        pipeline = pipeline or f"p{uuid.uuid4().hex[:8]}"
        sinks = [kafka_sink(kafka, registry, pipeline, **(sink or {}))]
        return self(server, db, sinks, pipeline=pipeline, **kw)


@pytest.fixture
def pipelines(tmp_path, request):
    maker = Maker(tmp_path)
    yield maker
    failed = getattr(request.node, "outcome_of_call", None)
    for rf in maker.made:
        if failed:
            print(f"--- the log of {rf.pipeline}:\n{rf.logged()[-6000:]}")
        rf.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.outcome_of_call = report.failed
    return report


@pytest.fixture
def scene(request, kafka, registry, new_db, pipelines):
    """Makes a Scene on PostgreSQL 15 and Kafka 4.3.1 unless told otherwise."""
    def make(pg=None, broker=None, server=None, **kw):
        server = server or pg or request.getfixturevalue("pg15")
        return Scene(server, new_db(server), broker or kafka, registry, pipelines, **kw)
    yield make


@pytest.fixture
def stream(pg_any, kafka, registry, new_db, pipelines):
    """A Stream on each version of PostgreSQL."""
    return Stream(pg_any, new_db(pg_any), kafka, registry, pipelines)


@pytest.fixture
def stream15(pg15, kafka, registry, new_db, pipelines):
    """A Stream where one version is enough."""
    return Stream(pg15, new_db(pg15), kafka, registry, pipelines)


@pytest.fixture
def stream_my(my_any, kafka, registry, new_db, pipelines):
    """A Stream on MariaDB and on MySQL."""
    return Stream(my_any, new_db(my_any), kafka, registry, pipelines)
