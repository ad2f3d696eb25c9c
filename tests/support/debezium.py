"""Debezium in Kafka Connect's standalone worker, with Apicurio's Avro converter: what others run.

    with Worker(kafka, registry, "mysql") as worker:
        worker.connect({**connector(server, name, db, worker.folder), "snapshot.mode": "no_data"})
"""
import json
import random
import urllib.error
import urllib.request

from . import fetch
from .proc import Process, wait_for
from .servers import JVM, LOG4J, Server, java

WORKER = {
    "plugin.discovery": "service_load",
    "offset.flush.interval.ms": 10000,
    **{f"{what}.converter{key}": value for what in ("key", "value") for key, value in {
        "": "io.apicurio.registry.utils.converter.AvroConverter",
        ".apicurio.registry.auto-register": "true",
        ".apicurio.registry.find-latest": "true",
        ".apicurio.registry.as-confluent": "true",
        ".apicurio.registry.use-id": "contentId",       # what the Confluent API means by an id
        ".apicurio.registry.headers.enabled": "false"}.items()},
}
CLASSES = {"postgresql": "postgresql.PostgresConnector", "mysql": "mysql.MySqlConnector",
           "mariadb": "mariadb.MariaDbConnector"}
ITEMS = {"postgresql": fetch.DEBEZIUM, "mysql": fetch.DEBEZIUM_BINLOG, "mariadb": fetch.DEBEZIUM_BINLOG}


def connector(server, name, db, folder):
    """What a connector to that server needs; topics are `<name>.<schema>.<table>`."""
    common = {"name": name, "connector.class": f"io.debezium.connector.{CLASSES[server.kind]}", "tasks.max": 1,
              "topic.creation.default.partitions": 1, "topic.creation.default.replication.factor": 1,
              "topic.prefix": name, "database.hostname": "127.0.0.1", "database.port": server.port}
    if server.kind == "postgresql":
        return {**common, "plugin.name": "pgoutput", "database.user": "postgres", "database.password": "x",
                "database.dbname": db, "slot.name": name, "publication.name": name}
    return {**common, "database.user": "root", "database.password": "", "database.include.list": db,
            "database.ssl.mode": "disable" if server.kind == "mariadb" else "disabled",
            "database.server.id": random.randint(1 << 16, 1 << 31), "include.schema.changes": "false",
            "schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory",
            "schema.history.internal.file.filename": folder / f"history-{name}",
            "schema.history.internal.store.only.captured.databases.ddl": "true"}


def properties(settings):
    return "".join(f"{key}={value}\n" for key, value in settings.items())


class NotThere(RuntimeError):
    """The worker has nothing of that name."""


class Worker(Server):
    """A standalone worker for connectors to one kind of server; `first` are those that it begins with."""

    name, up_within = "connect", 90
    jvm = ("-Xmx1g", *JVM)

    def __init__(self, kafka, registry, kind, folder=None, first=(), **settings):
        super().__init__()
        self.libs = fetch.get(ITEMS[kind]) / "libs"
        self.kafka, self.registry, self.first, self.settings = kafka, registry, first, settings
        self.folder = folder

    def launch(self):
        own = {"bootstrap.servers": self.kafka.direct, "listeners": f"HTTP://127.0.0.1:{self.port}",
               "offset.storage.file.filename": self.folder / "offsets",
               **{f"{what}.converter.apicurio.registry.url":
                  f"http://127.0.0.1:{self.registry.port}/apis/registry/v2" for what in ("key", "value")}}
        files = [self.folder / "worker.properties"]
        files[0].write_text(properties({**WORKER, **own, **self.settings}))
        for one in self.first:
            files.append(self.folder / f"{one['name']}.properties")
            files[-1].write_text(properties(one))
        log4j = self.folder / "log4j.properties"
        log4j.write_text(LOG4J)
        return Process([java(), *self.jvm, f"-Dlog4j.configuration=file:{log4j}", "-cp", f"{self.libs}/*",
                        "org.apache.kafka.connect.cli.ConnectStandalone", *files], self.folder / "log")

    def ask(self, path, method="GET", body=None):
        """The answer of its REST interface."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method, data=body and json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as why:
            kind = NotThere if why.code == 404 else RuntimeError
            raise kind(f"{method} {path}: {why.code} {why.read().decode(errors='replace')}") from why

    def ready(self):
        try:
            return self.ask("/connectors") is not None
        except (OSError, RuntimeError):
            return False

    # -- connectors --

    def connect(self, settings):
        self.ask("/connectors", "POST", {"name": settings["name"], "config": {k: str(v) for k, v in settings.items()}})

    def failure(self, name):
        """Why the connector has stopped; None while it runs or is about to."""
        try:
            status = self.ask(f"/connectors/{name}/status")
        except NotThere:                # it was made a moment ago
            return None
        for part in (status["connector"], *status["tasks"]):
            if part["state"] == "FAILED":
                return part["trace"]
        return None

    def remove(self, name):
        """Returns when all that it has sent is in Kafka."""
        self.ask(f"/connectors/{name}", "DELETE")
        wait_for(lambda: name not in self.ask("/connectors"), 30, f"connector {name} is gone")
