"""Transactions larger than memory: flat memory, cut or whole, killed in their middle."""
import json
import os
import time

import pytest
from confluent_kafka import TopicPartition

from support.proc import send, wait_for
from support.readers import consumer, ends, raw_records
from support.scene import soak

MOST_KIB = 128 * 1024
ROW = "create table t (id bigint primary key, a text, n int);"
ROWS = ("insert into t select g, md5(g::text) || repeat('x', 100), g % 7 "
        "from generate_series({}, {}) g")


def peak(rf):
    """VmHWM: the most memory that the process ever had, in KiB."""
    with open(f"/proc/{rf.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def topic(s):
    return f"{s.rf.pipeline}.public.t"


def keys(s, **kw):
    """The raw keys: decoding a million events says nothing more."""
    return [m.key() for m in raw_records(s.kafka.direct, [topic(s)], **kw)]


def progress(s):
    """Each position that the sink has stored, in order."""
    records = raw_records(s.kafka.direct, [f"rowferry.{s.rf.pipeline}.events.offsets"])
    values = [json.loads(m.value()) for m in records if m.value() and b"/topic/" not in m.key()]
    return [v["position"] for v in values if v["state"] == "at"]


def arrived(s, rows, timeout=120):
    s.rf.wait_passed(s.pg, s.db, timeout)
    got = keys(s, timeout=timeout)
    assert len(got) == rows and len(set(got)) == rows, f"{len(got)} records, {len(set(got))} keys of {rows}"


def test_a_big_transaction_takes_no_more_memory_than_a_small_one(stream15):
    rows = 10_000_000 if soak(0) else 300_000
    s = stream15.start(ROW)
    s.sql(ROWS.format(1, rows))
    s.rf.wait_passed(s.pg, s.db, 120 + rows // 10_000)
    used = peak(s.rf)
    print(f"{rows} rows in one transaction: {used / 1024:.0f} MiB")
    assert used < MOST_KIB
    if rows <= 1_000_000:
        arrived(s, rows)
    else:
        assert count(s) == rows
    assert any("+" in p for p in progress(s)), "it was not cut, so this proves nothing"


def count(s):
    """The records, a partition at a time, so that the test itself stays small."""
    total = 0
    for (name, part), high in ends(s.kafka.direct, [topic(s)]).items():
        reader, at = consumer(s.kafka.direct, "read_committed"), -1
        reader.assign([TopicPartition(name, part, 0)])
        while at + 1 < high:
            for m in reader.consume(10000, 1.0):
                at = m.offset() - 1 if m.error() else m.offset()
                total += not m.error()
        reader.close()
    return total


def test_big_rows_take_a_few_times_their_size(stream15):
    s = stream15.start("create table t (id int primary key, a text);"
                       "alter table t alter a set storage external",
                       sink={"options": {"message.max.bytes": 30_000_000},
                             "topic_options": {"max.message.bytes": 30_000_000}})
    s.sql("insert into t select g, repeat('x', 4000000) from generate_series(1, 12) g")
    s.rf.wait_passed(s.pg, s.db)
    assert sorted(len(m.value()) // 4_000_000 for m in raw_records(s.kafka.direct, [topic(s)])) == [1] * 12
    assert peak(s.rf) < MOST_KIB + 4 * 4_000_000 // 1024


# --- whole: readers see all of a transaction or nothing -----------------------------------

SMALL = {"batch": {"buffer": "2MiB", "size": "64KiB"}}      # the rows below are many times that


def whole(stream, **kw):
    s = stream.prepare(ROW, sink={"transaction": "whole", "commit_events": 1000, "partitions": 1}, **kw)
    s.rf.config.update(SMALL)
    s.rf.write_config()
    return s.start()


def visible(s):
    """How far a reader of committed records can see into the topic's one partition."""
    reader = consumer(s.kafka.direct, "read_committed")
    try:
        if topic(s) not in reader.list_topics(timeout=20).topics:
            return 0
        return reader.get_watermark_offsets(TopicPartition(topic(s), 0), timeout=20)[1]
    finally:
        reader.close()


def test_whole_shows_all_of_a_transaction_or_nothing(stream15):
    s = whole(stream15)
    s.sql(ROWS.format(1, 60_000))
    seen = set()
    wait_for(lambda: seen.add(visible(s)) or max(seen) >= 60_000, 60, lambda: f"the rows come: {seen}", 0)
    assert seen <= {0, 60_001}, "a part of it was visible"      # 60,000 rows and the commit's marker
    s.sql("update t set n = 1 where id <= 10")
    s.rf.wait_passed(s.pg, s.db)
    assert len(keys(s)) == 60_010
    assert not any("+" in p for p in progress(s)), "a position inside a transaction"
    assert peak(s.rf) < MOST_KIB


def test_split_stores_positions_inside_a_transaction(stream15):
    s = stream15.start(ROW, sink={"commit_events": 1000})
    s.sql(ROWS.format(1, 60_000))
    arrived(s, 60_000)
    assert any("+" in p for p in progress(s))


@pytest.mark.parametrize("fault", ["kill", "err"])
def test_whole_and_larger_than_memory_is_read_again_after_a_fault(stream15, fault):
    """The slices before it were let go: only the source has them."""
    s = whole(stream15, failpoints=True)
    s.sql("insert into t values (0, 'before', 0)")
    s.rf.wait_passed(s.pg, s.db)
    s.rf.terminate()
    s.sql(ROWS.format(1, 60_000))
    s.rf.start(failpoints=f"k.endtxn.before:{fault}")
    if fault == "kill":
        assert s.rf.wait(60) == -9
        assert visible(s) <= 2, "a part of it was visible"    # the row before it, and its marker
        s.rf.start()
    s.rf.logs("failpoint", "name=k.endtxn.before")
    s.rf.wait_streaming(s.pg, s.db)
    arrived(s, 60_001)
    assert not any("+" in p for p in progress(s))


def test_a_connection_lost_in_the_middle_of_a_whole_transaction(stream15):
    s = whole(stream15)
    s.sql(ROWS.format(1, 100_000))
    wait_for(lambda: s.kafka.topics(topic(s)), 30, "the first rows are on their way")
    for _ in range(2):
        s.sql("select pg_terminate_backend(active_pid) from pg_replication_slots where database = %s "
              "and active", (s.db,))
        time.sleep(0.3)
    s.rf.wait_streaming(s.pg, s.db)
    arrived(s, 100_000)


def test_many_subtransactions_half_of_them_rolled_back(stream15):
    """More than the 64 that a backend keeps in memory; none of what was undone may come."""
    n = 100_000 if soak(0) else 4000
    s = stream15.start(ROW)
    s.sql(f"""do $$ begin
      for i in 1..{n} loop
        begin
          insert into t values (i, 'x', i);
          if i % 2 = 0 then raise 'undo'; end if;
        exception when raise_exception then null;
        end;
      end loop; end $$""")
    arrived(s, n // 2)


def test_stopped_with_sigstop_in_the_middle_it_goes_on(stream15):
    s = stream15.start(ROW)
    s.sql(ROWS.format(1, 100_000))
    wait_for(lambda: s.kafka.topics(topic(s)), 30, "the first rows are on their way")
    s.rf.signal(19)
    time.sleep(2)
    send(s.rf.process.pid, 18)
    arrived(s, 100_000)
    assert os.path.exists(f"/proc/{s.rf.process.pid}")
