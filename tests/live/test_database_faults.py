"""What goes wrong between rowferry and a target: answers lost, connections half open, other writers, tables that change."""
import pytest

from support.between import Between
from support.proc import wait_for
from support.replica import Replica, database_sink

REFUSED = 4


@pytest.fixture
def replica(request, new_db, pipelines):
    def make(source, target, **kw):
        source, target = request.getfixturevalue(source), request.getfixturevalue(target)
        return Replica(source, new_db(source), target, new_db(target), pipelines, **kw)
    return make


@pytest.fixture
def behind(request, new_db, pipelines):
    """A replica whose target is behind a Between; (replica, between)."""
    made = []

    def make(source, target):
        source, target = request.getfixturevalue(source), request.getfixturevalue(target)
        between, db = Between(target.port), new_db(target)
        made.append(between)
        return Replica(source, new_db(source), target, db, pipelines, url=between.url(target, db)), between
    yield make
    for between in made:
        between.close()


@pytest.mark.parametrize("reaches", [True, False], ids=["it reaches the server", "it does not"])
def test_a_lost_answer_to_commit_applies_nothing_twice(behind, reaches):
    r, between = behind("mariadb", "pg15")
    r.start().begin()
    for n in range(1, 4):
        between.cuts.append(reaches)
        wait_for(lambda: between.lost == n, 30, f"{n} commits were cut")
        r.flow(10)
    r.finish(at_least=30)
    assert "kind=rewind" in r.rf.logged()


@pytest.mark.parametrize("target", ["pg15", "mariadb"])
def test_a_session_that_is_half_open_gives_its_lock_back(behind, target):
    """The server does not know that its client is gone: its own time-out must end the session that holds the row's lock."""
    r, between = behind("pg15", target)
    r.start().begin().flow(20)
    between.still.set()
    r.rf.kill9()
    r.rf.config["sinks"][0]["url"] = r.target.url(r.target_db)
    r.rf.write_config()
    r.rf.start()
    r.rf.wait_streaming(r.server, r.db, 90)
    r.flow(20)
    r.finish(at_least=50)


@pytest.mark.parametrize("target", ["pg15", "mariadb"])
def test_another_epoch_is_noticed_with_its_owners_name(replica, target):
    r = replica("pg15", target).start().begin().flow(20)
    r.target.sql("update rowferry_offsets set epoch = epoch + 1, owner = 'elsewhere pid 4711'", r.target_db)
    r.rf.logs("elsewhere pid 4711", "taken over", timeout=30)
    r.flow(20)
    r.finish(at_least=50)                     # the lease is ours, so it goes on with an epoch of its own


@pytest.mark.parametrize("target", ["pg15", "mysql"])
def test_a_target_that_went_back_to_an_older_copy_is_refused(replica, target):
    r = replica("pg15", target).start().begin().flow(30).arrive()
    old = r.target.one("select position from rowferry_offsets", r.target_db)
    r.flow(30).arrive()
    wait_for(lambda: r.target.one("select position from rowferry_offsets", r.target_db) != old, 30, "another position")
    r.rf.terminate()
    r.ledger.stop()
    r.target.sql("update rowferry_offsets set position = %s", r.target_db, (old,))
    r.rf.start()
    assert r.rf.wait(30) == REFUSED
    assert "E_GAP" in r.rf.logged()


def test_a_row_that_another_session_changes_meanwhile_is_waited_for(pg15, new_db, pipelines):
    """Whatever isolation the target has by default: ours is READ COMMITTED."""
    db, target = new_db(pg15), new_db(pg15)
    for each in (db, target):
        pg15.sql("create table t (id int primary key, v int); insert into t values (1, 0)", each)
    pg15.sql(f"alter database {target} set default_transaction_isolation = 'serializable'")
    rf = pipelines(pg15, db, [database_sink(pg15, target)])
    rf.start()
    rf.wait_streaming(pg15, db)
    with pg15.connect(target) as other:
        other.execute("begin; update t set v = 7 where id = 1")
        pg15.sql("update t set v = 8 where id = 1", db)
        waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = %s"
        wait_for(lambda: pg15.one(waits, args=(target,)), 20, "ours waits for theirs")
        other.execute("commit")
    rf.wait_passed(pg15, db)
    assert pg15.sql("select * from t", target) == [(1, 8)]


PAIRS = [("pg15", "pg15"), ("pg15", "mariadb"), ("mariadb", "pg15"), ("mysql", "mariadb")]


@pytest.mark.parametrize("source, target", PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_a_table_that_changes_in_mid_stream_is_followed(request, new_db, pipelines, source, target):
    source, target = request.getfixturevalue(source), request.getfixturevalue(target)
    db, there = new_db(source), new_db(target)
    source.sql("create table t (id int primary key, a varchar(20))", db)
    rf = pipelines(source, db, [database_sink(target, there, schema="evolve")])
    rf.start()
    rf.wait_streaming(source, db)
    for text in ("insert into t values (1, 'x')", "alter table t add b int not null default 5", "insert into t values (2, 'y', 6)",
                 "alter table t add c varchar(10)", "update t set c = 'z' where id = 1", "insert into t values (3, null, 7, 'w')", "alter table t drop column a",
                 "insert into t values (4, 8, null)"):
        source.sql(text, db)
    rf.wait_passed(source, db)
    assert [tuple(r) for r in target.sql("select id, b, c from t order by id", there)] == [
        (1, 5, "z"), (2, 6, None), (3, 7, "w"), (4, 8, None)]
    assert [tuple(r) for r in target.sql("select id, a from t order by id", there)] == [(1, "x"), (2, "y"), (3, None), (4, None)]
    rf.terminate()


def test_a_column_that_was_renamed_is_no_guess(pg15, new_db, pipelines):
    """What came before it is delivered, so that the target may be renamed then: nothing of the old form comes again."""
    db, there = new_db(pg15), new_db(pg15)
    pg15.sql("create table t (id int primary key, a text)", db)
    rf = pipelines(pg15, db, [database_sink(pg15, there, schema="evolve")])
    rf.start()
    rf.wait_streaming(pg15, db)
    rf.terminate()
    with pg15.connect(db) as c:               # one transaction of the target's, if it could be
        for text in ("insert into t values (1, 'x')", "alter table t rename a to z", "insert into t values (2, 'y')"):
            c.execute(text)
    rf.start()
    assert rf.wait(30) == 2
    assert "renamed" in rf.logs("E_TARGET_COLUMN")
    pg15.sql("alter table t rename a to z", there)
    rf.start()
    rf.wait_passed(pg15, db)
    assert pg15.sql("select * from t order by id", there) == [(1, "x"), (2, "y")]
