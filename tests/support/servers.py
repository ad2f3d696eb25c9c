"""Real servers on free loopback ports: Postgres, Kafka, Registry; MySQL and MariaDB are in mysql.py.

Each lives in a temporary folder of its own, keeps its port over a restart, and is
stopped by its own pid. All are context managers: `with Postgres(15) as pg: …`.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path

from . import fetch
from .fetch import Unavailable
from .proc import (Process, discard, free_port, kill_family, scratch, wait_for)


class Server:
    """What all have in common: a folder, a process, start and stop."""

    name = "server"
    up_within = 60

    def __init__(self):
        self.process = None
        self.started = 0.0                    # when the process that runs now began
        self.folder = None
        self.port = free_port()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def prepare(self):
        """Makes the folder and what the server needs in it, once."""
        self.folder = scratch(self.name)

    def launch(self):
        raise NotImplementedError

    def ready(self):
        raise NotImplementedError

    def start(self):
        if self.folder is None:
            self.prepare()
        self.started = time.time()
        self.process = self.launch()
        try:
            wait_for(self._ready_or_dead, self.up_within,
                     lambda: f"{self.name} is up\n{self.process.tail()}")
        except BaseException:
            self.kill9()
            raise
        return self

    def _ready_or_dead(self):
        if not self.process.running():
            raise RuntimeError(f"{self.name} ended at its start:\n{self.process.tail()}")
        return self.ready()

    def stop(self):
        if self.process:
            self.process.end(signal.SIGTERM, 20)

    def kill9(self):
        if self.process:
            self.process.kill9()

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """Stops it for good and removes its folder."""
        try:
            self.kill9()
        finally:
            if self.folder:
                discard(self.folder)
                self.folder = None


# --- PostgreSQL --------------------------------------------------------------

PG_DEFAULTS = {
    "wal_level": "logical",
    "max_replication_slots": 30,
    "max_wal_senders": 30,
    "max_prepared_transactions": 20,
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",
    "shared_buffers": "64MB",
    "fsync": "on",                            # a target without it is refused
    "synchronous_commit": "on",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
    "deadlock_timeout": "20ms",               # the ledger's writers meet now and then
    "max_wal_size": "2GB",
    "timezone": "UTC",
}


class Postgres(Server):
    """PostgreSQL 15 of the distribution, or 18 out of the sid tree by chroot."""

    kind = "postgresql"

    def __init__(self, version=15, **settings):
        super().__init__()
        self.version = int(version)
        self.name = f"pg{self.version}"
        self.settings = {**PG_DEFAULTS, "port": self.port, **settings}
        self.root = None                      # the tree that it is entered by chroot
        self._choose()

    def _choose(self):
        """Where the programs are and which user runs them (never root)."""
        local = Path(f"/usr/lib/postgresql/{self.version}/bin")
        if (local / "postgres").exists():
            self.bin = local
        elif self.version == 18:
            self.root = fetch.get("sid")
            self.bin = Path("/usr/lib/postgresql/18/bin")
        else:
            raise Unavailable(f"PostgreSQL {self.version} is not installed "
                              "(deploy/install-deps.sh test)")
        if os.geteuid():
            self.uid, self.gid = os.geteuid(), os.getegid()
        elif self.root:
            self.uid, self.gid = ids_in_tree(self.root, "postgres")
        else:
            entry = pwd.getpwnam("postgres")
            self.uid, self.gid = entry.pw_uid, entry.pw_gid

    def command(self, *argv):
        """The command line that runs a program of this PostgreSQL as its user."""
        if self.root:
            return [*(fetch.as_root() or []), "chroot", f"--userspec={self.uid}:{self.gid}",
                    "--groups=", str(self.root), *argv]
        if os.geteuid():
            return list(argv)
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", *argv]

    def inside(self, path):
        """A path as the server sees it."""
        return "/" + str(Path(path).relative_to(self.root)) if self.root else str(path)

    def prepare(self):
        self.folder = scratch(self.name, base=self.root / "tmp" if self.root else None)
        if os.geteuid() == 0:
            os.chown(self.folder, self.uid, self.gid)
        self.data = self.folder / "data"
        environment = dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC")
        for name in [n for n in environment if n.startswith("PG")]:
            del environment[name]             # PGDATA and its kin would lead it astray
        self.env = environment
        argv = self.command(str(self.bin / "initdb"), "-A", "trust", "-N", "-U", "postgres",
                            "-E", "UTF8", "--locale=C.UTF-8", "-D", self.inside(self.data))
        done = subprocess.run(argv, capture_output=True, text=True, cwd="/", env=environment,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Unavailable(f"initdb failed: {done.stdout[-500:]}{done.stderr[-1000:]}")
        self.log = self.folder / "log"
        self.log.touch()

    def launch(self):
        if self.process:
            pidfile = self.data / "postmaster.pid"
            if pidfile.exists() and not self.process.running():
                pidfile.unlink()              # its owner is dead: this test killed it
        options = [f"--{k}={v}" for k, v in self.settings.items()]
        return Process(self.command(str(self.bin / "postgres"), "-D", self.inside(self.data),
                                    *options), self.log, cwd="/", env=self.env)

    def ready(self):
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def postmaster(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def stop(self):
        """A fast shutdown; an immediate one when a receiver holds it up."""
        if not self.process or not self.process.running():
            return
        pid = self.postmaster()
        os.kill(pid, signal.SIGINT)
        try:
            self.process.wait(15)
        except TimeoutError:
            os.kill(pid, signal.SIGQUIT)
            self.process.end(signal.SIGQUIT, 10)

    def kill9(self):
        """The whole server dies at once, as in a crash of the machine's power."""
        if self.process and self.process.running():
            kill_family(self.process.pid)
            self.process.wait(10)

    # -- for clients --

    def url(self, db="postgres", user="postgres"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{db}?sslmode=disable"

    def connect(self, db="postgres", **kw):
        import psycopg
        return psycopg.connect(self.url(db), autocommit=True, **kw)

    def sql(self, text, db="postgres", args=None):
        """Runs SQL on a connection of its own; returns the rows of the last query."""
        with self.connect(db) as c:
            cur = c.execute(text, args)
            while cur.nextset():
                pass
            return cur.fetchall() if cur.description else []

    def one(self, text, db="postgres", args=None):
        rows = self.sql(text, db, args)
        return rows[0][0] if rows else None

    def create_db(self, prefix="t"):
        """A fresh database with a name that no other test has."""
        name = f"{prefix}_{uuid.uuid4().hex[:8]}"
        self.sql(f'create database "{name}"')
        return name

    def drop_db(self, name):
        """Drops a database and the slots that hold on to it."""
        self.sql("select pg_terminate_backend(active_pid) from pg_replication_slots"
                 " where database = %s and active", args=(name,))
        for (slot,) in self.sql("select slot_name from pg_replication_slots"
                                " where database = %s", args=(name,)):
            wait_for(lambda: self._drop_slot(slot), 10, f"slot {slot} is dropped")
        self.sql(f'drop database if exists "{name}" with (force)')

    def _drop_slot(self, slot):
        import psycopg
        try:
            self.sql("select pg_drop_replication_slot(%s)", args=(slot,))
        except psycopg.errors.ObjectInUse:
            return False
        except psycopg.errors.UndefinedObject:
            pass
        return True

    # -- its log --

    def schema(self, db):
        """What stands before a table's name, in lists and topics."""
        return "public"

    def log_end(self, db="postgres"):
        """The place that a sink must reach to have all that is committed."""
        return self.one("select pg_current_wal_lsn()::text", db)

    def series(self, count):
        """A table `s` with the column `n` from 1 to count, for a FROM."""
        return f"generate_series(1, {count}) as s(n)"


def ids_in_tree(root, user):
    for line in (root / "etc/passwd").read_text().splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == user:
            return int(uid), int(gid)
    raise Unavailable(f"the sid tree has no user {user}")


# --- Kafka and the registry --------------------------------------------------

def java():
    """Java 17 or later."""
    program = shutil.which("java")
    home = os.environ.get("JAVA_HOME")
    if home and os.access(f"{home}/bin/java", os.X_OK):
        program = f"{home}/bin/java"
    if not program:
        raise Unavailable("java is missing (deploy/install-deps.sh test)")
    return program


def listening(port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
LOG4J = """log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
"""

KAFKA_DEFAULTS = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "DIRECT",
    "listener.security.protocol.map":
        "CLIENT:PLAINTEXT,DIRECT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    "group.initial.rebalance.delay.ms": 0,
    "broker.session.timeout.ms": 2000,        # a killed broker may come back at once
    "broker.heartbeat.interval.ms": 500,
    "auto.create.topics.enable": "false",
    "num.partitions": 1,
    "log.retention.hours": 24,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
}


class Kafka(Server):
    """One KRaft node. `brokers` is what a client under test is told; `direct`
    always goes straight to the broker, past a proxy named in `advertised`."""

    up_within = 90

    def __init__(self, version="4.3.1", advertised=None, **settings):
        super().__init__()
        self.version = version
        self.name = f"kafka-{version}"
        self.libs = fetch.get(self.name) / "libs"
        self.java = java()
        self.direct_port, self.controller_port = free_port(), free_port()
        self.listen = f"127.0.0.1:{self.port}"
        self.direct = f"127.0.0.1:{self.direct_port}"
        self.brokers = advertised or self.listen
        self.settings = settings

    def prepare(self):
        super().prepare()
        controller = f"127.0.0.1:{self.controller_port}"
        config = {
            **KAFKA_DEFAULTS,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"CLIENT://{self.listen},DIRECT://{self.direct},"
                         f"CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENT://{self.brokers},DIRECT://{self.direct}",
            "log.dirs": self.folder / "data",
            **self.settings,
        }
        self.config = self.folder / "server.properties"
        self.config.write_text("".join(f"{k}={v}\n" for k, v in config.items()))
        log4j = self.folder / "log4j.properties"
        log4j.write_text(LOG4J)
        self.jvm = [self.java, "-Xmx512m", *JVM, f"-Dlog4j.configuration=file:{log4j}",
                    f"-Dkafka.logs.dir={self.folder}", "-cp", f"{self.libs}/*"]
        self.tool("kafka.tools.StorageTool", "format", "-t", cluster_id(), "-c", self.config)

    def tool(self, main, *argv):
        """Runs one of Kafka's own command-line classes."""
        done = subprocess.run([*self.jvm, main, *map(str, argv)], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=120)
        if done.returncode:
            raise RuntimeError(f"{main} failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        return done.stdout

    def launch(self):
        return Process([*self.jvm, "kafka.Kafka", self.config], self.folder / "log")

    def ready(self):
        """Up when it answers a metadata request; a port alone says too little."""
        if not listening(self.direct_port):
            return False
        from confluent_kafka import KafkaException
        try:
            return bool(self.admin().list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def admin(self):
        from confluent_kafka.admin import AdminClient
        return AdminClient({"bootstrap.servers": self.direct, "log_level": 0},
                           logger=quiet_logger())

    def topics(self, prefix=""):
        names = self.admin().list_topics(timeout=10).topics
        return sorted(t for t in names if t.startswith(prefix) and not t.startswith("__"))

    def create_topic(self, name, partitions=1, **config):
        from confluent_kafka.admin import NewTopic
        admin = self.admin()                  # it must live as long as its futures
        for future in admin.create_topics(
                [NewTopic(name, partitions, 1, config=config)]).values():
            future.result(20)

    def delete_topics(self, *names):
        admin = self.admin()
        for future in (admin.delete_topics(list(names)) if names else {}).values():
            future.result(20)


def quiet_logger():
    """librdkafka says on stderr that a broker is down, which tests do on purpose."""
    import logging
    logger = logging.getLogger("rowferry.quiet")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def cluster_id():
    """Kafka's form of a UUID; one that begins with a dash would be taken for an option."""
    import base64
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


class Registry(Server):
    """Apicurio Registry, in memory; it speaks the Confluent API under a path."""

    name = "registry"
    up_within = 90

    def __init__(self):
        super().__init__()
        self.jar = next(fetch.get("registry").rglob("apicurio-registry-app-*-runner.jar"))
        self.java = java()
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def launch(self):
        return Process([self.java, "-Xmx400m", *JVM, "-Dquarkus.http.host=127.0.0.1",
                        f"-Dquarkus.http.port={self.port}", "-Dquarkus.log.level=WARN",
                        "-jar", self.jar], self.folder / "log", cwd=self.folder)

    def ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False
