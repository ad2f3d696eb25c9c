"""verify: the rows of a source beside those of a database, which this test fills by hand."""
import json

import pytest

EXIT_NO, EXIT_USAGE, EXIT_AWAY = 1, 2, 3


class Pair:
    """A source and a target, each with a database of its own, and a configuration that names both."""

    def __init__(self, source, target, new_db, pipelines, **sink):
        self.source, self.target = source, target
        self.source_db, self.target_db = new_db(source), new_db(target)
        section = {"name": "copy", "type": target.kind, "url": target.url(self.target_db), "table": "{table}", **sink}
        self.rf = pipelines(source, self.source_db, [section])

    def at_source(self, text, args=None):
        return self.source.sql(text, self.source_db, args)

    def at_target(self, text, args=None):
        return self.target.sql(text, self.target_db, args)

    def both(self, text):
        self.at_source(text)
        self.at_target(text)
        return self

    def caught_up(self):
        """The sink's position as if it had read all that will ever come."""
        self.at_target("create table rowferry_offsets (pipeline varchar(64), sink varchar(64), shard varchar(64), epoch bigint, "
                       "batch_no bigint, position text, owner varchar(200))")
        self.move({"postgresql": "lsn:FFFFFFFF/0", "mariadb": "mariadb:0-1-1000000000@binlog.000001/4"}[self.source.kind])
        return self

    def move(self, position):
        record = {"v": 1 if position.startswith("lsn") else 2, "state": "at", "position": position, "source": "test", "timeline": 1,
                  "options": "", "epoch": 1, "batch_no": 1, "written_us": 1, "server": "1", "xa": []}
        self.at_target("delete from rowferry_offsets")
        self.at_target("insert into rowferry_offsets values (%s, 'copy', '', 1, 1, %s, 'test')", (self.rf.pipeline, json.dumps(record)))

    def verify(self, *words, status=0):
        done = self.rf.cli("verify", "--sink", "copy", *words, "--json", timeout=120)
        assert done.returncode == status, f"{done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def table(self, *words, status=EXIT_NO):
        """What it says of the only table."""
        (one,) = self.verify(*words, status=status)["tables"]
        return one


@pytest.fixture
def pair(new_db, pipelines):
    return lambda source, target, **sink: Pair(source, target, new_db, pipelines, **sink)


# --- equal tables of many types ------------------------------------------------------------

POSTGRESQL_TYPES = """
create type mood as enum ('sad', 'it''s', '😀');
create table fixed (id int primary key, b bool, i2 int2, i8 int8, f4 float4, f8 float8, u uuid, e mood, n numeric, d numeric(12,4));
insert into fixed values
  (1, true, -32768, 9223372036854775807, 0.1, 0.1, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'sad', 12345678.0912000, 1.5),
  (2, false, 0, -9223372036854775808, 16777216, 1e22, null, '😀', 0.000, 0),
  (3, null, 7, 0, 1e-38, 5e-324, null, 'it''s', -12345678901234567890.5, -0.0001), (4, null, null, null, null, null, null, null, null, null);
create table texts (k text primary key, c char(5), j json, jb jsonb, bin bytea);
insert into texts values
  ('', 'ab', '{"b": 1, "a": [1,  2.50]}', '{"b": [1, {"z": null, "a": true}]}', ''), ('it''s \\ 日本 😀', '日本', '"\\u00e9"', '1e3', '\\x00ff5c27'),
  ('A', null, null, null, null), ('a', '', '[]', '{}', '\\xdeadbeef'), ('é', 'x', '{}', '[1.0]', null);
create table times (d date, t time, ts timestamp, tz timestamptz, id int, part char(2), primary key (part, id));
insert into times values
  ('1970-01-01', '00:00', '1970-01-01', '1970-01-01 00:00:01+00', 1, 'a'), ('2024-02-29', '23:59:59.999999', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.5+02', 1, 'b'),
  (null, null, null, null, 2, 'a');
"""
POSTGRESQL_ONLY = """
create table more (id int primary key, ia int[], iv interval, ip inet, r int4range, bits bit(5), mac macaddr);
insert into more values (1, '{1,2,null}', '1 mon 2 days 03:04:05', '10.0.0.0/8', '[1,5)', B'00101', '08:00:2b:01:02:03'), (2, null, null, null, null, null, null);
create table nokey (v text, n int);
insert into nokey values ('x', 1), ('x', 1), (null, 2);
create table parts (id int primary key, v text) partition by range (id);
create table parts_low partition of parts for values from (0) to (100);
insert into parts values (1, 'a');
"""
# The same rows, as MariaDB and MySQL would have them.
MYSQL_TYPES = """
create table fixed (id int primary key, b boolean, i2 smallint, i8 bigint, f4 float, f8 double, u char(36), e enum('sad', 'it''s', '😀') character set utf8mb4,
                    n decimal(40,10), d decimal(12,4));
insert into fixed values
  (1, true, -32768, 9223372036854775807, 0.1, 0.1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'sad', 12345678.0912, 1.5),
  (2, false, 0, -9223372036854775808, 16777216, 1e22, null, '😀', 0, 0),
  (3, null, 7, 0, 1e-38, 5e-324, null, 'it''s', -12345678901234567890.5, -0.0001), (4, null, null, null, null, null, null, null, null, null);
create table texts (k varchar(100) collate utf8mb4_bin primary key, c char(5), j json, jb json, bin blob) character set utf8mb4;
insert into texts values
  ('', 'ab', '{"a": [1, 2.5], "b": 1}', '{"b": [1, {"a": true, "z": null}]}', ''), ('it''s \\\\ 日本 😀', '日本', '"é"', '1000', x'00ff5c27'),
  ('A', null, null, null, null), ('a', '', '[]', '{}', x'deadbeef'), ('é', 'x', '{}', '[1]', null);
create table times (d date, t time(6), ts datetime(6), tz timestamp(6) null, id int, part char(2), primary key (part, id));
set time_zone = '+00:00';
insert into times values
  ('1970-01-01', '00:00', '1970-01-01', '1970-01-01 00:00:01', 1, 'a'), ('2024-02-29', '23:59:59.999999', '2024-02-29 12:34:56.789', '2024-02-29 10:34:56.5', 1, 'b'),
  (null, null, null, null, 2, 'a');
"""
TYPES = {"postgresql": POSTGRESQL_TYPES, "mariadb": MYSQL_TYPES, "mysql": MYSQL_TYPES}
# What MySQL has and PostgreSQL writes in its own way.
OWN_TYPES = {
    "mysql": """
create table own (id bigint unsigned primary key, bt bit(1), bits bit(12), y year, s set('a', 'b', 'c'), tm time(3), vb varbinary(20), u bigint unsigned);
insert into own values (18446744073709551615, b'1', b'000100000001', 2024, 'a,c', '-838:59:59', x'00ff', 18446744073709551615), (1, b'0', b'0', 0, '', '12:00:00.5', '', 0),
  (2, null, null, null, null, null, null, null);
""",
    "postgresql": """
create table own (id numeric(20) primary key, bt boolean, bits bit(12), y int, s text, tm interval, vb bytea, u numeric(20));
insert into own values (18446744073709551615, true, B'000100000001', 2024, 'a,c', '-838:59:59', '\\x00ff', 18446744073709551615), (1, false, B'000000000000', 0, '', '12:00:00.5', '', 0),
  (2, null, null, null, null, null, null, null);
"""}
OWN_TYPES["mariadb"] = OWN_TYPES["mysql"]
SERVERS = {"postgresql": "pg15", "mariadb": "mariadb", "mysql": "mysql"}


@pytest.mark.parametrize("kinds", [("postgresql", "postgresql"), ("postgresql", "mariadb"), ("mariadb", "postgresql"), ("mariadb", "mariadb"),
                                   ("mysql", "postgresql"), ("mariadb", "mysql")], ids="-".join)
def test_equal_tables_are_equal_across_servers(request, pair, kinds):
    p = pair(*(request.getfixturevalue(SERVERS[kind]) for kind in kinds))
    p.at_source(TYPES[kinds[0]])
    p.at_target(TYPES[kinds[1]].replace("b bool,", "b smallint,").replace("true, -3", "1, -3").replace("(2, false", "(2, 0")
                if kinds[0] != "postgresql" else TYPES[kinds[1]])           # MySQL's boolean is a number
    wanted = {"fixed": 4, "texts": 5, "times": 3}
    if kinds == ("postgresql", "postgresql"):
        p.both(POSTGRESQL_ONLY)
        wanted |= {"more": 2, "nokey": 3, "parts": 1}
    if kinds[0] != "postgresql":
        p.at_source(OWN_TYPES[kinds[0]])
        p.at_target(OWN_TYPES[kinds[1]])
        wanted["own"] = 3
    said = p.verify()
    assert said["equal"] and {t["table"]: t["source_rows"] for t in said["tables"]} == wanted
    assert all(t["equal"] and not t["rows"] and not t["trouble"] for t in said["tables"])


# --- differences ---------------------------------------------------------------------------

PEOPLE = "create table people (id int, part varchar(10) not null, name varchar(100), born date, primary key (part, id));"
PAIRS = [("postgresql", "postgresql"), ("postgresql", "mariadb"), ("mariadb", "postgresql")]


def rows_of(table):
    return sorted((row["kind"], row["key"]["part"], row["key"]["id"]) for row in table["rows"])


@pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
def test_each_difference_is_named(request, pair, kinds):
    p = pair(*(request.getfixturevalue(SERVERS[kind]) for kind in kinds))
    p.both(PEOPLE).caught_up()
    p.both("insert into people values (1, 'a', 'Ada', '1815-12-10'), (2, 'a', 'Grace', '1906-12-09'), (7, 'b', null, null)")
    assert p.verify()["equal"]
    p.at_target("update people set name = 'Grâce', born = null where id = 2")
    p.at_target("delete from people where id = 7")
    p.at_target("insert into people values (8, 'b', 'nobody', null)")
    said = p.table()
    assert rows_of(said) == [("differs", "a", "2"), ("missing", "b", "7"), ("surplus", "b", "8")]
    assert (said["differs"], said["missing"], said["surplus"], said["unsettled"]) == (1, 1, 1, 0)
    (changed,) = [row for row in said["rows"] if row["kind"] == "differs"]
    assert changed["columns"] == [{"name": "name", "source": "Grace", "target": "Grâce"},
                                  {"name": "born", "source": "1906-12-09", "target": None}]
    text = p.rf.cli("verify", "--sink", "copy")
    assert text.returncode == EXIT_NO
    for line in ("3 rows; 1 differ, 1 missing in the target, 1 not in the source", "part 'b', id '7': missing in the target",
                 "part 'b', id '8': not in the source", "name: source 'Grace', target 'Grâce'", "born: source '1906-12-09', target NULL"):
        assert line in text.stdout, text.stdout
