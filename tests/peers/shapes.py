"""What statements can do to tables, each shape on tables of its own whose names begin with the shape's."""
from dataclasses import dataclass, field

ROW = "(id int primary key, a text, b int)"


@dataclass
class Shape:
    sql: str
    only: str = ""                 # the kind of server that has it


@dataclass
class Stop:
    """What stops Debezium, so that it needs a run of its own."""
    row: str                       # of the page's section on differences
    why: str                       # is in what Debezium says
    sql: str
    ours: list                     # the events that rowferry sends
    only: str = ""
    settings: dict = field(default_factory=dict)      # of the connector


SHAPES = {
    "rows": Shape(f"create table rows_ {ROW}; insert into rows_ values (1, 'x', 1); update rows_ set a = null; delete from rows_"),
    "key": Shape(f"create table key_ {ROW}; insert into key_ values (1, 'x', 1), (2, 'y', 2); update key_ set id = id + 10;"
                 "update key_ set id = 20, b = 5 where id = 11"),
    "truncate": Shape(f"create table truncate_ {ROW}; insert into truncate_ values (1, 'x', 1); truncate truncate_;"
                      "insert into truncate_ values (2, 'y', 2)"),
    "many": Shape(f"create table many {ROW}; insert into many values (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);"
                  "update many set b = b + 10 where id < 3; insert into many select id + 100, a, b from many;"
                  "replace into many values (1, 'again', 0); insert into many values (2, 'x', 1) on duplicate key update b = 99;"
                  "delete from many where id > 2"),
    "transaction": Shape(f"create table transaction_ {ROW}; create table transaction_other {ROW}; begin;"
                         "insert into transaction_ values (1, 'x', 1); insert into transaction_other values (1, 'x', 1);"
                         "savepoint s; insert into transaction_ values (2, 'no', 1); rollback to s;"
                         "update transaction_ set b = 2; delete from transaction_other; commit;"
                         "begin; insert into transaction_ values (3, 'no', 1); rollback"),
    "keyless": Shape("create table keyless (a varchar(10), n int); insert into keyless values ('x', 1), ('x', 1);"
                     "update keyless set n = 2; delete from keyless limit 1"),
    "unique": Shape("create table unique_ (a int not null, b varchar(10) not null, c int, unique (b, a));"
                    "insert into unique_ values (1, 'x', 1); update unique_ set c = 2; update unique_ set a = 2; delete from unique_"),
    "composite": Shape("create table composite (a int, b varchar(10), c int, d text, primary key (b, a));"
                       "insert into composite values (1, 'b1', 100, 'd'); update composite set c = 5; update composite set a = 2;"
                       "delete from composite"),
    "names": Shape("create table `names \"Näme\" 'q' 日` (`id-1` int primary key, `Größe in €` int, `1st` text, `ti``ck` int,"
                   " `select` int, `a.b` int);"
                   "insert into `names \"Näme\" 'q' 日` values (1, 2, 'x', 3, 4, 5)"),
    "ddl": Shape(f"create table ddl {ROW}; insert into ddl values (1, 'x', 1); alter table ddl add c decimal(8,3);"
                 "insert into ddl values (2, 'y', 2, 2.5); alter table ddl drop b; insert into ddl values (3, 'z', 3.5);"
                 "alter table ddl change a z text; insert into ddl values (4, 'r', 4); alter table ddl modify c bigint;"
                 "insert into ddl values (5, 's', 5000000000); alter table ddl modify c bigint first;"
                 "insert into ddl values (6, 6, 'o'); alter table ddl add d int default 7 after id, algorithm = instant;"
                 "insert into ddl(id) values (8); alter table ddl drop primary key, add primary key (id, d);"
                 "insert into ddl(id) values (9); alter table ddl convert to character set latin1;"
                 "insert into ddl(id, z) values (10, 'é')"),
    "rename": Shape(f"create table rename_a {ROW}; create table rename_b (id int primary key, only_b int);"
                    "insert into rename_a values (1, 'x', 1); insert into rename_b values (1, 1);"
                    "rename table rename_a to rename_q, rename_b to rename_a, rename_q to rename_b;"
                    "insert into rename_a values (2, 2); insert into rename_b values (2, 'y', 2); drop table rename_a;"
                    f"create table rename_a {ROW}; insert into rename_a values (3, 'z', 3)"),
    "select": Shape(f"create table select_ {ROW}; insert into select_ values (1, 'x', 1), (2, 'y', 2);"
                    "create table select_copied (primary key (id)) select * from select_; update select_copied set b = 5 where id = 2;"
                    "create table select_like like select_; insert into select_like select * from select_"),
    "trigger": Shape(f"create table trigger_ {ROW}; create table trigger_log (id int primary key auto_increment, what text);"
                     "create trigger watched after insert on trigger_ for each row insert into trigger_log(what) values (new.a);"
                     "insert into trigger_ values (1, 'x', 1), (2, 'y', 2)"),
    "cascade": Shape(f"create table cascade_ {ROW}; create table cascade_child (id int primary key, up int,"
                     "foreign key (up) references cascade_(id) on delete cascade); insert into cascade_ values (1, 'x', 1);"
                     "insert into cascade_child values (10, 1); delete from cascade_"),
    "defaults": Shape(
        "create table defaults (id int primary key, n int default 42, nn int not null default 42, big bigint not null default -9,"
        " small smallint not null default 7, flag bit(1) not null default b'1', bits bit(9) not null default b'101',"
        " t varchar(20) not null default 'it''s', tn varchar(20) default 'x', none varchar(20) not null default '',"
        " d decimal(8,3) not null default 1.5, f float not null default 0.5, r double not null default 2.25,"
        " u bigint unsigned not null default 18446744073709551615, e enum('a', 'b') not null default 'b',"
        " s set('p', 'q') not null default 'p,q', y year not null default 2024, day date not null default '2024-02-29',"
        " at time not null default '01:02:03', dt datetime not null default '2024-02-29 12:34:56',"
        " dt6 datetime(6) not null default '2024-02-29 12:34:56.789123', ts timestamp not null default '2024-02-29 12:34:56',"
        " now_ datetime not null default current_timestamp, now6 timestamp(6) not null default current_timestamp(6),"
        " nown datetime default current_timestamp, raw_ varbinary(10) not null default 'ab', fixed binary(4) not null default 'ab',"
        " expr int not null default (1 + 1), yes boolean not null default true, c char(5) not null default 'c');"
        "insert into defaults(id) values (1); insert into defaults(id, n, nown, tn) values (2, null, null, null)"),
    "columns": Shape("create table columns_ (id int primary key, a int, hidden int invisible default 7,"
                     " twice int generated always as (a * 2) virtual, thrice int generated always as (a * 3) stored);"
                     "insert into columns_(id, a) values (1, 10); update columns_ set a = 11"),
    "aliases": Shape("create table aliases (id serial primary key, b1 bool, b2 boolean, b3 tinyint(1), b4 tinyint(1) unsigned,"
                     " i integer, i8 int8, r real, dp double precision, n numeric(7), f fixed(7,2), nc nchar(3), nv nvarchar(3),"
                     " lv long varchar, lvb long varbinary, m2 middleint, d5 decimal, f24 float(24), f25 float(25), z int zerofill);"
                     "insert into aliases values (1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 'é', 'é', 'l', 'l', 1, 1, 1, 1, 1)"),
    "zero": Shape("create table zero (id int primary key, d date not null, dt datetime not null, dt6 datetime(6) not null,"
                  " ts timestamp not null default current_timestamp); set sql_mode = ''; insert into zero values (1, 0, 0, 0, 0);"
                  "set sql_mode = default"),
    "known": Shape("""insert into known values (1, true, '"x"', 0.1)"""),
    "comments": Shape("create table comments (id int primary key comment 'the key', a text comment 'a text') comment 'all of it';"
                      "insert into comments values (1, 'x')"),
    "enums": Shape(r"create table enums (id int primary key, e enum('a,b', 'it''s', 'back\\slash', '', ' lead', '(p)', 'é'),"
                   r" s set('it''s', 'back\\slash', 'x y'));"
                   "insert into enums select n, n, 7 from (select 1 n union select 2 union select 3 union select 4 union select 5"
                   " union select 6 union select 7) q; insert into enums values (9, null, null)"),
    "enum_grows": Shape("create table enum_grows (id int primary key, e enum('a', 'b')); insert into enum_grows values (1, 'b');"
                        "alter table enum_grows modify e enum('a', 'b', 'c'); insert into enum_grows values (2, 'c');"
                        "alter table enum_grows modify e enum('b', 'a', 'c'); insert into enum_grows values (3, 'a')"),
    "xa": Shape(f"create table xa_commit {ROW}; create table xa_rollback {ROW}; create table xa_one {ROW};"
                "xa start 'c'; insert into xa_commit values (1, 'x', 1); xa end 'c'; xa prepare 'c'; xa commit 'c';"
                "xa start 'r'; insert into xa_rollback values (1, 'x', 1); xa end 'r'; xa prepare 'r'; xa rollback 'r';"
                "xa start 'o'; insert into xa_one values (1, 'x', 1); xa end 'o'; xa commit 'o' one phase"),
    "compressed": Shape(f"create table compressed {ROW}; set binlog_transaction_compression = on; begin;"
                        "insert into compressed values (1, 'x', 1), (2, 'y', 2); update compressed set b = 5; delete from compressed;"
                        "commit; set binlog_transaction_compression = off", "mysql"),
    "partial": Shape("create table partial (id int primary key, doc json, n int); set binlog_row_value_options = 'PARTIAL_JSON';"
                     "insert into partial values (1, '{\"a\": 1, \"b\": [1, 2, 3]}', 0);"
                     "update partial set doc = json_set(doc, '$.a', 2); update partial set n = 5; set binlog_row_value_options = ''",
                     "mysql"),
    "statement": Shape(f"create table statement_ {ROW}; insert into statement_ values (1, 'x', 1);"
                       "set binlog_format = STATEMENT; insert into statement_ values (2, 'no row', 2); set binlog_format = ROW;"
                       "insert into statement_ values (3, 'y', 3)"),
    "myisam": Shape(f"create table myisam {ROW} engine = MyISAM; insert into myisam values (1, 'x', 1), (2, 'y', 2);"
                    "update myisam set b = 5; delete from myisam where id = 2"),
    "log_compressed": Shape(f"create table log_compressed {ROW}; set global log_bin_compress_min_len = 10; set global log_bin_compress = 1;"
                            "insert into log_compressed values (1, repeat('x', 300), 1); update log_compressed set b = 2;"
                            "delete from log_compressed; set global log_bin_compress = 0; set global log_bin_compress_min_len = default;"
                            "insert into log_compressed values (2, 'y', 2)", "mariadb"),
    "generated_key": Shape("set sql_generate_invisible_primary_key = on; create table generated_key (a int);"
                           "set sql_generate_invisible_primary_key = off; insert into generated_key values (1), (1)", "mysql"),
    "two_phase": Shape(f"set binlog_alter_two_phase = 1; create table two_phase {ROW}; insert into two_phase values (1, 'x', 1);"
                       "alter table two_phase add c int, algorithm = copy; insert into two_phase values (2, 'y', 2, 3);"
                       "set binlog_alter_two_phase = 0", "mariadb"),
}


TAGGED = (f"create table tagged {ROW}; set gtid_next = 'automatic:shop'; insert into tagged values (1, 'x', 1);"
          "set gtid_next = 'automatic'")
TEXTS = "create table t (id int primary key, a text, b text);"
CHANGES = ["c", "u", "d", "tombstone"]
IMAGES = "row images other than `FULL`"
NAMES = "columns whose names Avro can't have"
COLUMNS = "`inet4`, `inet6` and `COMPRESSED` columns of MariaDB"
DATES = "`date`, `datetime` that no calendar has (31 February)"
DDL = "rows behind a DDL that the parser does not understand"


def column(type_, value):
    """A column of a type that Debezium's parser of DDL does not know."""
    return Stop(COLUMNS, "couldn't be parsed", f"create table t (id int primary key, v {type_}); insert into t values (1, {value})",
                ["c"], "mariadb")


def image(which):
    return Stop(IMAGES, "internal schema size 3, but row size 1",
                TEXTS + f"set binlog_row_image = {which}; insert into t values (1, 'x', 'y'); update t set a = 'z'; delete from t", CHANGES)


def date(type_):
    return Stop(DATES, "Invalid date", f"create table t (id int primary key, v {type_});"
                "set sql_mode = 'ALLOW_INVALID_DATES'; insert into t values (1, '2024-02-31')", ["c"])


STOPS = {
    "image MINIMAL": image("MINIMAL"),
    "image NOBLOB": image("NOBLOB"),
    "date": date("date"),
    "datetime": date("datetime"),
    "datetime(6)": date("datetime(6)"),
    "inet4": column("inet4", "'10.0.0.0'"),
    "inet6": column("inet6", "'2001:db8::'"),
    "varchar compressed": column("varchar(100) compressed", "repeat('x', 100)"),
    "blob compressed": column("blob compressed", "repeat('x', 100)"),
    "DDL of MySQL": Stop(DDL, "couldn't be parsed", "create table t (id int primary key) autoextend_size = 4M;"
                         "insert into t values (1)", ["c"], "mysql"),
    "DDL of MariaDB": Stop(DDL, "couldn't be parsed", "create table t (id int, a date, b date, period for p(a, b),"
                           " unique (id, p without overlaps)); insert into t values (1, '2024-01-01', '2024-01-02')", ["c"], "mariadb"),
    "versioned": Stop("tables `WITH SYSTEM VERSIONING`", "internal schema size 2, but row size 4",
                      "create table t (id int primary key, a int) with system versioning; insert into t values (1, 1);"
                      "update t set a = 2", ["c", "u", "c"], "mariadb"),
    "sequence": Stop("sequences", "schema isn't known",
                     "create sequence numbers; create table t (id int primary key default nextval(numbers), a text);"
                     "insert into t(a) values ('x')", ["c"], "mariadb"),
    "column's name": Stop(NAMES, "Illegal character in: a-b", "create table t (id int primary key, `a-b` int); insert into t values (1, 2)",
                          ["c"], settings={"field.name.adjustment.mode": "none"}),
}


# A table that is there before both start: Debezium has it from the server, not from a statement
KNOWN = "create table known (id int primary key, b boolean, j json, r real)"


def of_kind(kind, what):
    """The shapes, or the stops, that a kind of server has."""
    return {name: one for name, one in what.items() if one.only in ("", kind)}
