"""A backlog in a binlog, of MySQL or MariaDB, and the bare program that reads it and discards.

The log is read from one place again and again: nothing of a reader is kept in the server, so each
pipeline is told by `offsets set` to begin where the backlog does.
"""
import time

import paths
from support.gtid import holds, of_position
from support.mysql import MariaDB, MySQL

SERVERS = {"mysql": (MySQL, "MySQL 9.7"), "mariadb": (MariaDB, "MariaDB 10.11")}

ORDERS = """
create table orders (
    id bigint primary key, customer_id int not null, note text, amount decimal(12,2),
    placed timestamp(6) null, due date, priority smallint, status varchar(20), paid boolean,
    attrs json) character set utf8mb4
"""
ROW = """
insert into orders select {n}, {n} % 50000, 'please leave it with the neighbours at number 14',
    {n} % 900000 + 0.25, timestamp '2026-01-01 00:00:00.123456' + interval {n} * 1234567 microsecond,
    date '2026-01-01' + interval {n} % 300 day, {n} % 5, 'dispatched', {n} % 2 = 0,
    '{{"channel": "web", "coupon": null, "items": 3}}'
"""
PROCEDURE = """
create procedure fill(upto bigint, each_ int) begin
    declare k bigint default 0;
    while k < upto do
        {row} from numbers where n <= each_ and k + n <= upto;
        set k = k + each_;
    end while;
end
"""


def start(kind):
    """A server that logs as it is set up for a reader, with memory for the backlog."""
    return SERVERS[kind][0](innodb_buffer_pool_size="256M")


class Backlog:
    """A database with one table, and the rows, in files of the binlog that begin with them.

    `before` is called when the table is there and nothing else, for a reader that has to see that;
    it may write rows whose ids are below 1.
    """

    def __init__(self, bench, kind, server, rows, each, before=None):
        self.bench, self.kind, self.server, self.rows, self.each = bench, kind, server, rows, each
        self.db = server.create_db("bench")
        server.sql(f"create table numbers (n int primary key) select n from {server.series(each)}", self.db)
        server.sql(PROCEDURE.format(row=ROW.format(n="(k + n)")), self.db)
        server.sql(ORDERS, self.db)
        self.peer = before(self) if before else None
        self.file = server.flush_logs()
        self.at, self.begin = server.binlog_position()[1], server.gtid()
        began = time.monotonic()
        server.sql("call fill(%s, %s)", self.db, (rows, each))
        bench.say(f"loaded {rows:,} rows in {time.monotonic() - began:.0f} s")
        self.end = server.gtid()

    def position(self):
        """Of a sink that has nothing of the backlog yet."""
        return f"{'gtid' if self.kind == 'mysql' else 'mariadb'}:{self.begin}"

    def pipeline(self, **options):
        return paths.new_pipeline(self.bench, self.server, self.db, self.db, [self.position()], options)

    def reached(self, position):
        """Whether a sink's position is behind the last row."""
        return holds(of_position(position), self.end)

    def release(self, rf):
        """The server has kept nothing of it."""

    def close(self):
        if self.peer:
            self.peer.close()
        self.server.drop_db(self.db)


def drain(backlog):
    """From the dump's beginning to the end of the log."""
    meter = paths.Meter(backlog.bench)
    line, _, peak, _ = paths.run_tool(paths.TOOLS / "drain_binlog", "127.0.0.1", str(backlog.server.port),
                                      backlog.file, str(backlog.at))
    found = paths.figures(line)
    used, wanted = meter.stop(found["cpu"]), -(-backlog.rows // backlog.each)
    if found["transactions"] != wanted:
        raise RuntimeError(f"drain saw {found['transactions']:.0f} transactions of {wanted}")
    return {"rows": backlog.rows, "seconds": found["seconds"], "cpu": found["cpu"], "rss": peak,
            "row_bytes": found["bytes"] / backlog.rows, **used}
