"""Where going on would lose data, rowferry stops with status 4 and says why."""
import pytest

from support.proc import wait_for
from support.rowferry import EXIT_REFUSED
from support.servers import Postgres


def streamed_and_stopped(s):
    """A pipeline with a position, stopped in good order; returns its slot's name."""
    s.start().begin().flow(30)
    lsn = s.ledger.stop()
    s.rf.wait_caught_up(s.pg, s.db, lsn)
    slot = s.rf.slot(s.pg, s.db)
    assert s.rf.terminate() == 0
    wait_for(lambda: not s.rf.slots(s.pg, s.db)[0][1], 10, "the slot is free")
    return slot


def more_moves(s):
    s.pg.sql("insert into moves(src, dst, amount) select 1, 2, 3 from generate_series(1, 50)", s.db)


def assert_refused(s, code):
    assert s.rf.wait(30) == EXIT_REFUSED, s.rf.logged()[-3000:]
    assert code in s.rf.logged(), s.rf.logged()[-3000:]


def assert_nothing_came(s, before):
    assert len(s.read()) == before


def test_a_slot_dropped_while_it_was_stopped(scene):
    s = scene()
    slot = streamed_and_stopped(s)
    before = len(s.read())
    s.pg.sql("select pg_drop_replication_slot(%s)", s.db, (slot,))
    more_moves(s)
    s.rf.start()
    assert_refused(s, "E_SLOT_MISSING")
    assert_nothing_came(s, before)


def test_a_slot_dropped_while_it_streams(scene):
    s = scene().start().begin().flow(30)
    s.ledger.stop()
    slot = s.rf.slot(s.pg, s.db)
    drop_under_it(s.pg, s.db, slot)
    assert_refused(s, "E_SLOT_MISSING")


def drop_under_it(pg, db, slot):
    """Drops a slot in use: in the moment between its end and the reconnect."""
    pg.sql("""do $$ begin
      for i in 1..2000 loop
        begin
          perform pg_terminate_backend(active_pid) from pg_replication_slots
            where slot_name = '%s' and active;
          perform pg_sleep(0.001);
          perform pg_drop_replication_slot('%s');
          return;
        exception when object_in_use then null;
        end;
      end loop;
      raise 'the slot could not be dropped';
    end $$""" % (slot, slot), db)


def test_a_slot_made_again_by_hand(scene):
    s = scene()
    slot = streamed_and_stopped(s)
    before = len(s.read())
    s.pg.sql("select pg_drop_replication_slot(%s)", s.db, (slot,))
    more_moves(s)
    s.pg.sql("select pg_create_logical_replication_slot(%s, 'pgoutput')", s.db, (slot,))
    s.rf.start()
    assert_refused(s, "E_GAP")
    assert_nothing_came(s, before)


def test_a_slot_advanced_by_hand(scene):
    s = scene()
    slot = streamed_and_stopped(s)
    before = len(s.read())
    more_moves(s)
    s.pg.sql("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", s.db, (slot,))
    s.rf.start()
    assert_refused(s, "E_GAP")
    assert_nothing_came(s, before)


def test_log_that_was_removed(scene):
    with Postgres(15, max_slot_wal_keep_size="1MB", max_wal_size="32MB", min_wal_size="32MB",
                  wal_keep_size=0) as pg:
        s = scene(pg=pg, big=0)
        streamed_and_stopped(s)
        for _ in range(6):
            more_moves(s)
            pg.sql("select pg_switch_wal()")
        pg.sql("checkpoint")
        wait_for(lambda: pg.one("select wal_status from pg_replication_slots") == "lost", 20,
                 "the slot has lost its log", 0.2)
        s.rf.start()
        assert_refused(s, "E_WAL_LOST")


def test_a_slot_that_no_sink_knows(scene, pipelines):
    """A slot of the same name, and no position anywhere: whose is it?"""
    s = scene()
    slot = streamed_and_stopped(s)
    other = scene(pg=s.pg)
    name = slot.replace(s.rf.pipeline, other.rf.pipeline)
    assert name != slot
    s.pg.sql("select pg_create_logical_replication_slot(%s, 'pgoutput')", other.db, (name,))
    other.rf.start()
    assert_refused(other, "E_SLOT_UNKNOWN")
