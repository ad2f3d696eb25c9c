"""Real servers with a binlog: MariaDB of the distribution, MySQL out of the sid tree.

    with MySQL(binlog_row_image="MINIMAL") as my:
        db = my.create_db()
        my.sql("create table t (id int primary key)", db)

Keyword arguments are the server's own options, with underscores. A setting of None leaves
a default of this file out. They behave as Postgres does: a free loopback port, a folder
of their own, never root where it can be helped.
"""
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import uuid
from dataclasses import dataclass

import pymysql
from pymysql.constants import CLIENT

from . import fetch
from .fetch import Unavailable
from .proc import Process, scratch, wait_for
from .servers import Server

# A killed process loses nothing: what it has written is the kernel's, synced or not (nosync). The redo
# log must be written at each commit, though: 1, which a sink asks for, is as fast as 2 then.
DEFAULTS = {
    "bind_address": "127.0.0.1",
    "skip_name_resolve": 1,
    "log_bin": "binlog",
    "server_id": 1,
    "binlog_row_metadata": "FULL",
    "sync_binlog": 0,
    "innodb_flush_log_at_trx_commit": 1,
    "innodb_flush_method": "nosync",
    "innodb_buffer_pool_size": "64M",
    "innodb_lock_wait_timeout": 10,
}
NOBODY = 65534
REPLICATION = ("replication slave", "replication client")


class Connection(pymysql.connections.Connection):
    """pymysql's, with what psycopg's has: execute() and transaction()."""

    def execute(self, text, args=None):
        cursor = self.cursor()
        cursor.execute(text, args)
        return cursor

    depth = 0

    @contextlib.contextmanager
    def transaction(self):
        """A transaction; inside one, a savepoint. An exception rolls it back."""
        name = f"s{self.depth}"
        begin, keep, undo = (("begin", "commit", "rollback") if not self.depth else
                             (f"savepoint {name}", f"release savepoint {name}",
                              f"rollback to savepoint {name}"))
        self.execute(begin)
        self.depth += 1
        try:
            yield
        except BaseException:
            self.depth -= 1
            with contextlib.suppress(pymysql.Error):    # a deadlock has rolled back all of it already
                self.execute(undo)
            raise
        self.depth -= 1
        self.execute(keep)


@dataclass
class Account:
    """A user that the test made."""
    server: "BinlogServer"
    name: str
    password: str

    def url(self, db):
        return self.server.url(db, self.name, self.password)

    def connect(self, db=None, **kw):
        return self.server.connect(db, user=self.name, password=self.password, ssl_disabled=None, **kw)


class BinlogServer(Server):
    """What MariaDB and MySQL have in common."""

    up_within = 60
    templates = {}                            # a data directory for each class, made once and copied
    defaults = {}
    user = "root"
    root = None                               # the tree that it is entered by chroot

    def __init__(self, **settings):
        super().__init__()
        self._choose()
        self.settings = {**DEFAULTS, **self.defaults, "port": self.port, **settings}

    # -- where and as whom it runs --

    def _choose(self):
        raise NotImplementedError

    def command(self, *argv):
        """The command line that runs a program of this server as its user."""
        if self.root:
            return [*(fetch.as_root() or []), "chroot", f"--userspec={self.uid}:{self.gid}",
                    "--groups=", str(self.root), *argv]
        if os.geteuid():
            return list(argv)
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", *argv]

    def inside(self, path):
        """A path as the server sees it."""
        return "/" + str(path.relative_to(self.root)) if self.root else str(path)

    def own_folder(self, name):
        folder = scratch(name, base=self.root / "tmp" if self.root else None)
        if os.geteuid() == 0:
            os.chown(folder, self.uid, self.gid)
        return folder

    def initialize(self, folder):
        raise NotImplementedError

    def run(self, *argv):
        """Runs one of the server's programs to its end; returns what it prints."""
        done = subprocess.run(self.command(*map(str, argv)), capture_output=True, cwd="/",
                              stdin=subprocess.DEVNULL, env=environment())
        if done.returncode:
            said = (done.stdout[-500:] + done.stderr[-1000:]).decode(errors="replace")
            raise Unavailable(f"{argv[0]} failed: {said}")
        return done.stdout

    def prepare(self):
        if self.name not in self.templates:
            folder = self.own_folder(f"{self.name}-template")
            self.initialize(folder)
            self.templates[self.name] = folder / "data"
        self.folder = self.own_folder(self.name)
        self.data = self.folder / "data"
        subprocess.run(["cp", "-a", "--sparse=always", self.templates[self.name], self.data], check=True)
        (self.data / "auto.cnf").unlink(missing_ok=True)    # MySQL's UUID is each server's own
        self.pidfile = self.folder / "pid"
        self.log = self.folder / "log"
        self.log.touch()

    def options(self):
        own = {"datadir": self.inside(self.data), "socket": self.inside(self.folder / "socket"),
               "pid_file": self.inside(self.pidfile), "tmpdir": self.inside(self.folder)}
        return [f"--{k.replace('_', '-')}={v}" for k, v in {**own, **self.settings}.items()
                if v is not None]

    def launch(self):
        for left in (self.pidfile, self.folder / "socket.lock"):
            left.unlink(missing_ok=True)      # of one that is dead: this test killed it
        return Process(self.command(self.program, "--no-defaults", *self.options()), self.log,
                       cwd="/", env=environment())

    def ready(self):
        if not self.pidfile.exists():
            return False
        try:
            self.connect(connect_timeout=2).close()
            return True
        except pymysql.Error:
            return False

    def stop(self):
        """A clean shutdown. The process itself is asked: behind sudo it is not our child."""
        if self.process and self.process.running():
            os.kill(int(self.pidfile.read_text()), signal.SIGTERM)
            self.process.end(signal.SIGTERM, 30)

    # -- for clients --

    def url(self, db="", user="root", password=None):
        secret = f":{password}" if password else ""
        return f"mysql://{user}{secret}@127.0.0.1:{self.port}/{db}?ssl-mode=disabled"

    def connect(self, db=None, **kw):
        return Connection(**{"host": "127.0.0.1", "port": self.port, "user": "root", "database": db,
                             "autocommit": True, "charset": "utf8mb4", "ssl_disabled": True,
                             "client_flag": CLIENT.MULTI_STATEMENTS, "connect_timeout": 10, **kw})

    def sql(self, text, db=None, args=None):
        """Runs SQL on a connection of its own; returns the rows of the last query."""
        with self.connect(db) as c:
            cursor = c.execute(text, args)
            while cursor.nextset():
                pass
            return list(cursor.fetchall()) if cursor.description else []

    def one(self, text, db=None, args=None):
        rows = self.sql(text, db, args)
        return rows[0][0] if rows else None

    def create_db(self, prefix="t"):
        """A fresh database with a name that no other test has."""
        name = f"{prefix}_{uuid.uuid4().hex[:8]}"
        self.sql(f"create database `{name}`")
        return name

    def drop_db(self, name):
        self.sql(f"drop database if exists `{name}`")

    def account(self, rights=REPLICATION, password="s3cret", plugin=None, select_on=None):
        """A user with these global rights, and SELECT on one database if asked."""
        name, how = f"u{uuid.uuid4().hex[:8]}", f" with {plugin}" if plugin else ""
        secret = self.identified(password, plugin)
        self.sql(f"create user '{name}'@'%%' identified{how} {secret}", args=(password,))
        if rights:
            self.sql(f"grant {', '.join(rights)} on *.* to '{name}'@'%'")
        if select_on:
            self.sql(f"grant select on `{select_on}`.* to '{name}'@'%'")
        return Account(self, name, password)

    def identified(self, password, plugin):
        return "by %s"

    # -- its log --

    def schema(self, db):
        """What stands before a table's name, in lists and topics."""
        return db

    def gtid(self):
        """All that it has committed, as text."""
        raise NotImplementedError

    def log_end(self, db=None):
        """The place that a sink must reach to have all that is committed."""
        return self.gtid()

    def binlog_position(self):
        """The current file and the place in it."""
        return self.sql(self.show_position)[0][:2]

    def binlogs(self):
        """The files, oldest first: (name, size)."""
        return [row[:2] for row in self.sql("show binary logs")]

    def flush_logs(self):
        """Begins a new file and returns its name."""
        self.sql("flush binary logs")
        return self.binlog_position()[0]

    def purge(self):
        """Removes all files but a new one, which no reader can have."""
        last = self.flush_logs()

        def purged():
            self.sql(f"purge binary logs to '{last}'")
            return [name for name, _ in self.binlogs()] == [last]
        wait_for(purged, 20, lambda: f"only {last} is left: {self.binlogs()}", 0.2)
        return last

    def series(self, count):
        """A table `s` with the column `n` from 1 to count, for a FROM."""
        raise NotImplementedError


class MariaDB(BinlogServer):
    """MariaDB of the distribution."""

    kind = "mariadb"
    name = "mariadb"
    defaults = {"binlog_format": "ROW", "gtid_strict_mode": 1}
    show_position = "show master status"
    mysqlbinlog = "mariadb-binlog"

    def _choose(self):
        self.program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        if not os.access(self.program, os.X_OK):
            raise Unavailable("MariaDB is not installed (deploy/install-deps.sh test)")
        self.uid, self.gid = os.geteuid(), os.getegid()
        if self.uid == 0:
            entry = pwd.getpwnam("mysql")
            self.uid, self.gid = entry.pw_uid, entry.pw_gid

    def initialize(self, folder):
        self.run("mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", "--skip-test-db",
                 "--auth-root-authentication-method=normal", "--skip-name-resolve",
                 "--innodb-flush-method=nosync", "--innodb-log-file-size=32M")

    def gtid(self):
        return self.one("select @@global.gtid_binlog_pos")

    def identified(self, password, plugin):
        return "using password(%s)" if plugin else "by %s"

    def series(self, count):
        return f"(select seq as n from seq_1_to_{count}) as s"


class MySQL(BinlogServer):
    """The real MySQL, out of the sid tree by chroot."""

    kind = "mysql"
    name = "mysql"
    defaults = {"gtid_mode": "ON", "enforce_gtid_consistency": "ON", "mysqlx": "OFF",
                "secure_file_priv": "", "cte_max_recursion_depth": 1 << 31}
    show_position = "show binary log status"
    program, mysqlbinlog = "/usr/sbin/mysqld", "/usr/bin/mysqlbinlog"

    def _choose(self):
        self.root = fetch.get("sid")
        self.uid, self.gid = os.geteuid(), os.getegid()
        if self.uid == 0:
            self.uid = self.gid = NOBODY

    def initialize(self, folder):
        first = folder / "first.sql"                      # TCP without names is not 'localhost'
        first.write_text("create user root@'127.0.0.1' identified by '';\n"
                         "grant all on *.* to root@'127.0.0.1' with grant option;\n")
        first.chmod(0o644)
        self.run(self.program, "--no-defaults", "--initialize-insecure",
                 f"--datadir={self.inside(folder)}/data", f"--init-file={self.inside(first)}",
                 "--innodb-flush-method=nosync", "--innodb-redo-log-capacity=8M",
                 "--performance-schema=OFF")

    def gtid(self):
        return self.one("select @@global.gtid_executed").replace("\n", "")

    def series(self, count):
        return (f"(with recursive r(n) as (select 1 union all select n + 1 from r where n < {count})"
                " select n from r) as s")


def environment():
    """The servers' own: nothing of the caller's may lead them astray."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MYSQL", "MARIADB"))}
    return dict(kept, LC_ALL="C.UTF-8", TZ="UTC")
