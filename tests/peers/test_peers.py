"""rowferry and Debezium on the same statements: all that differs is a row of docs/events.md, and each row is seen."""
import dataclasses
import re

import pytest
from fastavro.schema import SchemaParseException

import postgres_shapes
from duel import Duel, Sent, differences
from expected import BINLOG, EXPECTED, HEADERS, NEGATIVE_SCALE, TAGGED, UNSEEN
from shapes import KNOWN, SHAPES, STOPS, TAGGED as TAGGED_SQL, of_kind
from support import postgres_columns
from support.binlog_columns import cases_of, session, statements
from support.fetch import ROOT
from support.mysql import MariaDB, MySQL

# What stops Debezium is in STOPS: it would hide all that comes behind it
NOT_PARSED = re.compile(r"inet[46]|.* compressed")
NO_DATE = re.compile(r".*(-02-31|2023-02-29|1900-02-29)")
KINDS = {"mysql": MySQL, "mariadb": MariaDB}
SERVER_ID, TAGGED_ID = 7, 8             # servers of these tests only: what others do may keep Debezium from starting


@pytest.fixture
def server(kind, server_with):
    return server_with(KINDS[kind], server_id=SERVER_ID)


def types_of(server):
    return {t: dataclasses.replace(case, values=[v for v in case.values if not NO_DATE.match(v)])
            for t, case in cases_of(server).items() if not NOT_PARSED.fullmatch(t)}


def judge(kind, theirs, ours, count, names):
    """All that differs is expected, and all that is expected is seen. `names`: tables that are called otherwise in the list."""
    found = [dataclasses.replace(d, table=names.get(d.table, d.table)) for d in differences(theirs, ours)]
    assert min(theirs.count(), ours.count()) > count, "less was compared than was written"
    expected = [e for e in EXPECTED if kind in e.kinds]
    surprises = [str(d) for d in found if not any(e.explains(d) for e in expected)]
    assert not surprises, "\n".join(surprises)
    unseen = [f"{e.row}: {table}: {e.path}" for e in expected for table in e.unseen(found)]
    assert not unseen, "no longer seen:\n" + "\n".join(unseen)


@pytest.mark.parametrize("kind", BINLOG)
def test_what_differs_is_what_is_expected(kind, server, debezium, new_db, pipelines):
    duel = Duel(debezium, server, new_db(server), pipelines, setup=[KNOWN], statements="warn",
                nontransactional="accept")
    types = types_of(server)
    setup, rows, count = statements(server, types)
    for text in [*setup, *rows]:
        duel.sql(session(server) + text)
    for shape in of_kind(kind, SHAPES).values():
        duel.sql(shape.sql)
    theirs, ours, why = duel.finish()
    assert not why, why
    judge(kind, theirs, ours, count, {f"t{n}": t.strip() for n, t in enumerate(types)})


def test_what_differs_of_postgresql_is_what_is_expected(pg15, debezium_postgresql, new_db, pipelines):
    types = postgres_columns.types_of("text")
    setup = [postgres_columns.MOOD, *(f"create table t{n} (id int primary key, v {t})" for n, t in enumerate(types)),
             *(shape.setup for shape in postgres_shapes.SHAPES.values())]
    duel = Duel(debezium_postgresql, pg15, new_db(pg15), pipelines, setup=setup)
    for n, values in enumerate(types.values()):
        duel.sql(f"insert into t{n} values " + ", ".join(f"({k}, {v})" for k, v in enumerate([*values, "null"])))
    for shape in postgres_shapes.SHAPES.values():
        with pg15.connect(duel.db) as c:
            for statement in postgres_shapes.statements(shape):
                c.execute(statement)
    theirs, ours, why = duel.finish()
    assert not why, why
    judge("postgresql", theirs, ours, sum(map(len, types.values())), {f"t{n}": t for n, t in enumerate(types)})


@pytest.mark.parametrize("kind, name", [(kind, name) for kind in BINLOG for name in of_kind(kind, STOPS)])
def test_what_stops_debezium_does_not_stop_rowferry(kind, name, server, debezium, new_db, pipelines):
    stop = STOPS[name]
    duel = Duel(debezium, server, new_db(server), pipelines, stop.settings)
    duel.sql(stop.sql)
    theirs, ours, why = duel.finish()
    assert why and stop.why in why, why or "Debezium runs"
    assert [record.what() for record in ours.tables["t"]] == stop.ours
    assert len(theirs.tables.get("t", [])) < len(stop.ours)


def test_a_tagged_gtid(server_with, debezium, new_db, pipelines):
    server = server_with(MySQL, server_id=TAGGED_ID)
    duel = Duel(debezium, server, new_db(server), pipelines)
    duel.sql(TAGGED_SQL)
    theirs, ours, why = duel.finish()
    assert not why, why
    headers = next(e for e in EXPECTED if e.row == HEADERS)
    found = [d for d in differences(theirs, ours) if not headers.explains(d)]
    assert "value.source.gtid" in [d.path for d in found]
    assert [str(d) for d in found if not TAGGED.explains(d)] == []
    assert ":shop:" in ours.tables["tagged"][0].value["source"]["gtid"]
    with pytest.raises(AssertionError, match='NumberFormatException: For input string: "shop"'):
        Duel(debezium, server, new_db(server), pipelines)


def test_a_negative_scale(pg15, debezium_postgresql, new_db, pipelines):
    duel = Duel(debezium_postgresql, pg15, new_db(pg15), pipelines, setup=["create table t (id int primary key, v numeric(5, -2))"])
    duel.sql("insert into t values (1, 123400)")
    with pytest.raises(SchemaParseException, match="decimal scale must be less"):
        duel.finish()
    (ours,) = Sent(duel.kafka, duel.registry, duel.rf.pipeline).tables["t"]
    assert ours.value["after"]["v"] == 123400


# --- the page ----------------------------------------------------------------------

def rows_of_the_page():
    """{subsection: [the first cell of each row]} of the section on differences."""
    text = (ROOT / "docs/events.md").read_text().split("## Differences from Debezium")[1]
    found, where = {}, ""
    for line in re.split(r"\n## ", text)[0].splitlines():
        if line.startswith("### "):
            where = line[4:]
        elif line.startswith("| ") and not line.startswith(("| what |", "| type |")):
            found.setdefault(where, []).append(line.split(" | ")[0][2:])
    return found


def test_the_page_has_these_differences_and_no_others():
    page = rows_of_the_page()
    assert page.keys() == {"All sources", "PostgreSQL", "MySQL and MariaDB"}
    told = [row for rows in page.values() for row in rows]
    known = {*(e.row for e in [*EXPECTED, TAGGED]), NEGATIVE_SCALE, *(s.row for s in STOPS.values()), *UNSEEN}
    assert sorted(set(told) - known) == [], "rows of which no test knows"
    assert sorted(known - set(told)) == [], "differences that the page does not have"
    assert len(told) == len(set(told))
