"""Databases that follow a database: rowferry beside PostgreSQL's own subscriber, and beside a client that just loads the rows.

Every run fills a target of its own, copied from one that is prepared once, and ends when the last row is there for good.
Afterwards both sides have to have the same rows.
"""
import json
import subprocess
import time
import uuid
from pathlib import Path

import paths
from support.proc import discard, scratch, wait_for
from support.replica import database_sink
from support.rowferry import Rowferry, cli, configuration
from support.servers import Postgres

SERVER = {"autovacuum": "off", "max_wal_size": "24GB", "checkpoint_timeout": "1h"}

# Half updates, a quarter deletes, a quarter inserts, of keys spread over the table; row by row, as applications do.
MIX = """
create procedure mix(changes bigint, each bigint, have bigint) language plpgsql as $$
declare n bigint := 0; k bigint;
begin
    while n < changes loop
        for j in n + 1 .. least(n + each, changes) loop
            k := 1 + (j::bigint * 7919) % have;
            if j % 4 < 2 then
                update orders set amount = amount + 1, status = 'changed' where id = k;
            elsif j % 4 = 2 then
                delete from orders where id = k;
            else
                {row};
            end if;
        end loop;
        commit;
        n := n + each;
    end loop;
end $$
"""
STATE = "select count(*), sum(id), sum(amount), sum(hashtext(orders::text)) from orders"


def calls(workload, rows, row):
    """What the source runs once the slot is there."""
    first = "set synchronous_commit = off"
    if workload == "mix":
        one = row.format(note="'new'", first="have + j", last="have + j")
        return [first, MIX.format(row=one), f"call mix({rows}, 100, {rows})"]
    return None


class Pair:
    """A backlog in one PostgreSQL, and a second server whose databases follow it."""

    def __init__(self, bench, workload, rows, ddl, load, row):
        self.bench, self.rows = bench, rows
        self.target = bench.server("target", lambda: Postgres(15, **SERVER))
        self.template = self.target.create_db("template")
        before = ddl
        if workload == "mix":                    # both sides begin with the same rows
            before = f"{ddl}; {row.format(note='repeat(md5(i::text), 2)', first=1, last=rows)}"
        self.target.sql(before, self.template)
        self.target.sql("checkpoint")
        self.backlog = paths.Backlog(bench, before, calls(workload, rows, row) or load, rows)
        self.want = bench.pg.sql(STATE, self.backlog.db)

    def fresh(self):
        name = f"copy_{uuid.uuid4().hex[:8]}"
        self.target.sql(f"create database {name} template {self.template}")
        self.target.sql("checkpoint")
        return name

    def done(self, db):
        """The same on both sides, or the run says nothing."""
        got = self.target.sql(STATE, db)
        if got != self.want:
            raise RuntimeError(f"the target has {got}, the source {self.want}")
        self.target.drop_db(db)

    def close(self):
        self.backlog.close()
        self.target.drop_db(self.template)


def confirmed(server, slot, end):
    """The reader of this slot has confirmed the end."""
    return server.one("select confirmed_flush_lsn >= %s::pg_lsn from pg_replication_slots where slot_name = %s",
                      args=(end, slot))


def subscriber(pair):
    """CREATE SUBSCRIPTION, binary, on a copy of the slot; from the moment that it streams."""
    backlog, db, slot = pair.backlog, pair.fresh(), pair.backlog.copy()
    meter = paths.Meter(pair.bench)
    pair.target.sql(f"create subscription bench connection '{backlog.pg.url(backlog.db)}' publication {paths.PUBLICATION} with "
                    f"(slot_name = '{slot}', create_slot = false, copy_data = false, binary = true)", db)
    try:
        wait_for(lambda: backlog.pg.one("select active from pg_replication_slots where slot_name = %s", args=(slot,)), 60,
                 "the subscriber streams", 0.005)
        began = time.monotonic()
        wait_for(lambda: confirmed(backlog.pg, slot, backlog.end), paths.STUCK_AFTER, "the subscriber has it all", 0.02)
        seconds = time.monotonic() - began
        used = meter.stop(0)
    finally:
        pair.target.sql("alter subscription bench disable", db)
        pair.target.sql("alter subscription bench set (slot_name = none)", db)
        pair.target.sql("drop subscription bench", db)
    backlog.drop(slot)
    pair.done(db)
    return {"rows": pair.rows, "seconds": seconds, "cpu": used["target_cpu"], "rss": 0.0, **used}


def replica(bench, server, db, target, target_db, place, **source):
    """A pipeline from one database into another that begins at a place."""
    name = f"b{uuid.uuid4().hex[:8]}"
    sink = database_sink(target, target_db, schema="fixed", **bench.sink_options)
    rf = Rowferry(configuration(name, server, db, [sink], bench.folder / name, tables=[f"{server.schema(db)}.orders"],
                                **{**source, **bench.source_options}), program=bench.program)
    rf.config.update(bench.top_options)
    rf.write_config()
    rf.pipeline = name
    done = cli("offsets", "set", rf.file, *place, "--expect", "none", "--reason", "benchmark", program=bench.program)
    if done.returncode:
        raise RuntimeError(f"offsets set: {done.returncode}: {done.stdout}{done.stderr}")
    return rf


def follow(bench, rf, there, rows):
    """Runs it until `there()`; the run's figures."""
    meter = paths.Meter(bench)
    try:
        rf.start()
        perf, stuck = None, time.monotonic() + paths.STUCK_AFTER
        while not there():
            rf._must_run()
            if bench.args.perf and not perf:
                perf = paths.profile(rf.process.pid)
            if time.monotonic() > stuck:
                raise TimeoutError(f"rowferry does not get to the end\n{rf.process.tail()}")
            time.sleep(0.02)
        seconds = time.time() - paths.streaming_since(rf)
        own = paths.cpu_of(rf.process.pid)
        used, peak = meter.stop(own), paths.peak_mib(rf.process.pid)
        rf.terminate()
        if perf:
            perf.wait(60)
        return {"rows": rows, "seconds": seconds, "cpu": own, "rss": peak, **used}
    finally:
        rf.close()


def position_in(server, db, rf):
    """The end of what the target has."""
    found = server.one("select position from rowferry_offsets where pipeline = %s", db, (rf.pipeline,))
    return paths.lsn(json.loads(found)["position"][4:].partition("+")[0]) if found else 0


def rowferry(pair):
    """Rows and position in the second database."""
    backlog, db, slot = pair.backlog, pair.fresh(), pair.backlog.copy()
    rf = replica(pair.bench, backlog.pg, backlog.db, pair.target, db, ["--at-slot"], slot=slot, publication=paths.PUBLICATION)
    end = paths.lsn(backlog.end)
    found = follow(pair.bench, rf, lambda: position_in(pair.target, db, rf) >= end, pair.rows)
    backlog.drop(slot)
    pair.done(db)
    return found


def copy(pair):
    """psql, COPY of the same rows from a file: what a bare client can do."""
    folder = scratch("copy", mode=0o777)
    try:
        file = folder / "rows"
        psql = Path(pair.target.bin) / "psql"
        run = lambda url, text: subprocess.run([psql, "-qX", "-d", url, "-c", text], check=True, stdin=subprocess.DEVNULL)  # noqa: E731
        run(pair.backlog.pg.url(pair.backlog.db), f"\\copy orders to '{file}'")
        db = pair.fresh()
        began = time.monotonic()
        run(pair.target.url(db), f"\\copy orders from '{file}'")
        seconds = time.monotonic() - began
        pair.done(db)
        return {"rows": pair.rows, "seconds": seconds, "cpu": 0.0, "rss": 0.0}
    finally:
        discard(folder)
