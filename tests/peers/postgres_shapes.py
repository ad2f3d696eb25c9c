"""What statements can do to PostgreSQL's tables. All of `setup` is there before both start, so that they know the tables."""
import re
from dataclasses import dataclass


@dataclass
class Shape:
    setup: str
    sql: str                       # each statement is a transaction of its own unless they say otherwise


ROW = "(id int primary key, a text, b int not null)"
CLOCK, MOMENT = "'12:34:56.789123'", "'2024-01-02 12:34:56.789123+00'"
FULL = "replica identity full"

SHAPES = {
    "rows": Shape(f"create table rows_ {ROW}", """insert into rows_ values (1, 'x', 1), (2, 'y', 2);
                  update rows_ set a = null;
                  delete from rows_"""),
    "full": Shape(f"create table full_ {ROW}; alter table full_ {FULL}", """insert into full_ values (1, 'x', 1);
                  update full_ set a = null;
                  update full_ set id = 7;
                  delete from full_"""),
    "key": Shape("create table key_ (id int primary key, a text, b int not null, c bool not null, d numeric(8,2) not null,"
                 " e text not null default 'dd')", """insert into key_ values (1, 'x', 1, true, 1.5, 'e');
                 update key_ set id = 7;
                 delete from key_"""),
    "truncate": Shape(f"create table truncate_ {ROW}", """insert into truncate_ values (1, 'x', 1);
                      truncate truncate_;
                      insert into truncate_ values (2, 'y', 2)"""),
    "transaction": Shape(f"create table transaction_ {ROW}; create table transaction_other {ROW}",
                         """begin; insert into transaction_ values (1, 'x', 1), (2, 'y', 2); savepoint s;
                         insert into transaction_other values (5, 'no', 5); rollback to s;
                         insert into transaction_other values (1, 'x', 1); commit;
                         begin; insert into transaction_ values (3, 'no', 3); rollback"""),
    "prepared": Shape(f"create table prepared {ROW}",
                      """begin; insert into prepared values (1, 'yes', 1); prepare transaction 'peers-yes';
                      commit prepared 'peers-yes';
                      begin; insert into prepared values (2, 'no', 2); prepare transaction 'peers-no';
                      rollback prepared 'peers-no'"""),
    "keyless": Shape(f"create table keyless (a text, n int); alter table keyless {FULL}", """insert into keyless values ('x', 1);
                     update keyless set n = 2;
                     delete from keyless"""),
    "index": Shape("create table index_ (id int primary key, a text not null unique, b int);"
                   "alter table index_ replica identity using index index__a_key", """insert into index_ values (1, 'x', 1);
                   update index_ set b = 2;
                   update index_ set a = 'y';
                   delete from index_"""),
    "composite": Shape("create table composite (a int, b text, c int, primary key (b, a))", """insert into composite values (1, 'x', 1);
                       update composite set c = 2"""),
    "names": Shape('create table "names ""Näme"" 日" ("id-1" int primary key, "Größe in €" int, "1st" text, "a.b" int, "😀" int)',
                   """insert into "names ""Näme"" 日" values (1, 2, 'x', 3, 4)"""),
    "ddl": Shape("create table ddl (id int primary key, a text, b int)", """insert into ddl values (1, 'x', 1);
                 alter table ddl add c numeric(8,3); insert into ddl values (2, 'y', 2, 2.5);
                 alter table ddl drop b; insert into ddl values (3, 'z', 3.5);
                 alter table ddl rename a to z; insert into ddl values (4, 'r', 4);
                 alter table ddl alter c type bigint; insert into ddl values (5, 's', 5000000000);
                 alter table ddl add d int not null default 7; insert into ddl(id) values (8)"""),
    "defaults": Shape(
        "create table defaults (id serial primary key, n int default 42, nn int not null default 42, b bool not null default true,"
        " s smallint not null default -3, t text not null default 'it''s', d numeric(8,3) not null default 1.5,"
        " f real not null default 0.5, r float8 not null default 2.25, day date not null default '2024-02-29',"
        " at time not null default '01:02:03', ts timestamp not null default '2024-02-29 12:34:56',"
        " tz timestamptz not null default '2024-02-29 12:34:56+00', now_ timestamptz not null default now(),"
        " u uuid not null default 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', j jsonb not null default '{\"a\": 1}',"
        " y bytea not null default '\\x00ff', expr int not null default (1 + 1), e mood not null default 'ok')",
        """insert into defaults(n) values (1);
        insert into defaults(n) values (null)"""),
    "toast": Shape("create table toast (id int primary key, a text, b int)",
                   """insert into toast select 1, string_agg(md5(n::text), ''), 1 from generate_series(1, 3000) n;
                   update toast set b = 2"""),
    "generated": Shape("create table generated (id int generated always as identity primary key, a int,"
                       " twice int generated always as (a * 2) stored)", "insert into generated(a) values (5)"),
    "partition": Shape("create table partition_ (id int primary key, a text) partition by range (id);"
                       "create table partition_1 partition of partition_ for values from (0) to (10)",
                       """insert into partition_ values (1, 'x');
                       update partition_ set a = 'y'"""),
    "domain": Shape("create domain positive as int check (value > 0);"
                    "create table domain_ (id int primary key, v positive not null, w positive)", "insert into domain_ values (1, 2, 3)"),
    "specials": Shape("create table specials (id int primary key, d date, ts timestamp, tz timestamptz)",
                      """insert into specials values (1, 'infinity', 'infinity', 'infinity'), (2, '-infinity', '-infinity', '-infinity');
                      insert into specials values (3, '0044-03-15 BC', '0044-03-15 12:00 BC', '0044-03-15 12:00+00 BC');
                      insert into specials values (4, '5874897-12-31', '290000-01-01', '290000-01-01 00:00+00')"""),
    "precisions": Shape(
        "create table precisions (id int primary key, t0 time(0), t3 time(3), t6 time(6), ts0 timestamp(0), ts2 timestamp(2),"
        " ts5 timestamp(5), tz0 timestamptz(0), tz1 timestamptz(1), tz4 timestamptz(4), n numeric(5), nm name, o oid, c \"char\","
        " bp bpchar, vc varchar)",
        f"insert into precisions values (1, {', '.join([CLOCK] * 3 + [MOMENT] * 6)}, 12345, 'nm', 4294967295, 'c', 'bp  ', 'vc')"),
    "others": Shape(
        "create table others (id int primary key, iv interval, mo money, b1 bit(1), b8 bit(8), vb varbit(9), ia int[], ta text[],"
        " r int4range, ip inet, ci cidr, ma macaddr, x xml, p point, bo box, tt timetz, tsv tsvector, ci2 circle, ln line,"
        " m8 macaddr8, tr tstzrange, nr numrange, pg pg_lsn)",
        "insert into others values (1, '1 year 2 mons 3 days 04:05:06.7', '12.34', b'1', b'10100101', b'101', '{1,2,null}',"
        """ '{a,"b c"}', '[1,5)', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '<a>b</a>', '(1,2)', '((0,0),(1,1))',"""
        " '12:34:56.5+02', 'a b', '<(0,0),1>', '{1,2,3}', '08:00:2b:01:02:03:04:05',"
        " '[2024-01-01 00:00+00,2024-01-02 00:00+00)', '[1.5,2.5)', '0/16B3748')"),
}


def statements(shape):
    return re.split(r";\s+", shape.sql)
