"""The differences that are meant. A row is one of docs/events.md, "Differences from Debezium": the first cell of it."""
import dataclasses
import json
import re
from dataclasses import dataclass
from decimal import Decimal

from compare import ABSENT

BINLOG, POSTGRES = ("mysql", "mariadb"), ("postgresql",)
ABOUT_TYPE = r"(type|scale|precision|connect\.(version|parameters|name|type)|logicalType)"


@dataclass(frozen=True)
class Expected:
    row: str
    reason: str
    tables: str                    # patterns for all of a table's name, or of its column's type; each of them is seen
    path: str                      # of what: a pattern for all of the path
    holds: object = None           # (theirs, ours) of the difference, where the pattern does not say all
    kinds: tuple = BINLOG

    def explains(self, difference, tables=None):
        if not re.fullmatch(tables or self.tables, difference.table) or not re.fullmatch(self.path, difference.path):
            return False
        try:
            return self.holds is None or bool(self.holds(difference.theirs, difference.ours))
        except (AttributeError, TypeError, ValueError):     # values of a kind that it does not speak of
            return False

    def unseen(self, differences):
        """The tables in which it is not seen."""
        return [t for t in self.tables.split("|") if not any(self.explains(d, t) for d in differences)]


def column(names):
    """A column's value in a key or in a row."""
    return rf"(key|value\.(before|after))\.({names})"


def in_schema(names, what):
    return rf"(Key|Value\.before)\.({names}) {what}"


def wraps(theirs, ours):
    return isinstance(ours, Decimal) and theirs == (int(ours) + (1 << 63)) % (1 << 64) - (1 << 63)


def escaped(theirs, ours):
    """The labels of a SET have commas between them, which are left alone."""
    ours = ours.replace("\\", "\\\\")
    return theirs in (ours, ours.replace(",", "\\,"))


def epoch(theirs, ours):
    return theirs in (None, 0) or str(theirs).startswith("1970-01-01T00:00:00")


def century(unit):
    """The year 1 as 2001: 730,485 days."""
    return lambda theirs, ours: theirs is not None and theirs - ours == 730_485 * unit


def tombstone_more(theirs, ours):
    return theirs == [*ours, "tombstone"]


def both(theirs, ours):
    return lambda t, o: (t, o) == (theirs, ours)


def no_default(theirs, ours):
    return ours in (ABSENT, None)


ANY = r".*"
DAY_MS = 86_400_000
UNSIGNED = "v|id|my_row_id|u"
WRONG_SETS = {
    "mysql": "cs_armscii8|cs_cp866|cs_dec8|cs_geostd8|cs_greek|cs_hebrew|cs_hp8|cs_keybcs2|cs_koi8u|cs_swe7|cs_tis620",
    "mariadb": "cs_armscii8|cs_cp866|cs_cp932|cs_dec8|cs_geostd8|cs_greek|cs_hebrew|cs_hp8|cs_keybcs2|cs_koi8u|cs_latin1|"
               "cs_swe7|cs_tis620",
}
NULLS = "NULL in a nullable column that has a default"
DEFAULTS = "defaults in the schema"
EXPRESSIONS = "defaults that are expressions"
HEADERS = "headers of a key change (`__debezium.newkey`, `__debezium.oldkey`), context headers"
TOMBSTONES = "a tombstone behind the delete of a row without key"
BOOLEAN = "`boolean`, `json` of MariaDB, `real`"
LABELS = "labels of `enum` and `set` with a comma or backslash"
JSON = "`json` of MySQL"
DATES = "`date`, `datetime`, `timestamp` that are none (`0000-00-00`)"
YEARS = "years before 100"
XA = "XA transactions"
BEFORE = "`before` without `REPLICA IDENTITY FULL`"
KEYS = "keys of several columns"
PARTITIONS = "rows of a partitioned table"
OTHERS = ("`interval`, `bit`, `money`, arrays, ranges with their own types, geometric types, `hstore`, `timetz`, `xml`, domains and "
          "extensions")

EXPECTED = [
    # -- all sources --
    Expected(HEADERS, "an id is what a reader can rely on", ANY,
             r"headers\.(__debezium\.(newkey|oldkey|context\.\w+)|rowferry\.id)",
             kinds=(*BINLOG, *POSTGRES)),
    Expected(NULLS, "NULL is a value", "defaults", column("n|tn"), lambda theirs, ours: theirs in (42, "x") and ours is None),
    Expected(NULLS, "the same; the default is an expression", "defaults", column("nown"), both(0, None)),
    Expected(DEFAULTS, "a converter turns NULL into `connect.default`", "defaults|ddl|columns_",
             in_schema(ANY, r"connect\.default"), no_default),
    Expected(DEFAULTS, "a swapped union is not compatible", "defaults|ddl|columns_", in_schema("n|tn|nown|d|hidden", "branches"),
             both(["value", "null"], ["null", "value"])),
    Expected(DEFAULTS, "null is the default of what is optional", "defaults|ddl|columns_",
             in_schema("n|tn|d|hidden", "default"), no_default),
    Expected(DEFAULTS, "Avro is told of no such default", "defaults",
             in_schema("bits|d|u|day|at|dt|dt6|ts|raw_|fixed", "default"), no_default),
    Expected(DEFAULTS, "a quote is doubled in the statement only", "defaults", in_schema("t", "default"),
             lambda theirs, ours: theirs == ours.replace("'", "''")),
    Expected(DEFAULTS, "a key's field has none", "ddl", r"Key\.d default", no_default),
    Expected(EXPRESSIONS, "the value would be wrong", "defaults", in_schema("now_|now6|nown", "default"), no_default),
    Expected(EXPRESSIONS, "the same", "zero", in_schema("ts", r"(connect\.)?default"), no_default),
    # -- by type --
    *(Expected("`bigint unsigned`", "2^63 and more would be negative", tables, path, holds, kinds)
      for tables, kinds in (("bigint unsigned|aliases|defaults", BINLOG), ("generated_key", ("mysql",)))
      for path, holds in ((in_schema(UNSIGNED, ABOUT_TYPE), None), (column(UNSIGNED), wraps))),
    Expected(BOOLEAN, "a log does not tell a boolean from a tinyint", "boolean|aliases|defaults",
             in_schema("v|b1|b2|yes", r"(connect\.)?type")),
    Expected(BOOLEAN, "the same", "boolean|aliases|defaults", column("v|b1|b2|yes"), lambda theirs, ours: theirs is (ours != 0)),
    Expected(BOOLEAN, "the same", "defaults", in_schema("yes", "default"), both(True, 1)),
    Expected(BOOLEAN, "REAL is a double", "aliases", in_schema("r", "type"), both("float", "double")),
    Expected(BOOLEAN, "it is a longtext", "json", in_schema("v", r"connect\.(name|version)"), kinds=("mariadb",)),
    Expected("`float(M,D)`", "it is stored as a float", r"float\(7,3\)", in_schema("v", "type"),
             both("double", "float")),
    Expected(LABELS, "the label is what was stored", "enums|enum\\(.*", column("e|s|v"), escaped),
    Expected(JSON, "one value has one text", "json", column("v"), kinds=("mysql",)),
    Expected("`json` under `PARTIAL_JSON`", "nothing is lost in silence", "partial", "events",
             both(["c"], ["c", "u", "u"]), ("mysql",)),
    Expected(DATES, "they are neither NULL nor 1970", r"date|datetime\(\d\)|timestamp\(\d\) null|zero",
             column("v|d|dt|dt6|ts"), epoch),
    Expected(YEARS, "the year that is stored", "date", column("v"), century(1)),
    Expected(YEARS, "the same", r"datetime\([0-3]\)", column("v"), century(DAY_MS)),
    Expected(YEARS, "the same", r"datetime\([4-6]\)", column("v"), century(DAY_MS * 1000)),
    Expected("`year` 0000", "the year that is stored", "year", column("v"), both(1900, 0)),
    *(Expected("text in some character sets", "as the server converts it", names, column("v|c"), kinds=(kind,))
      for kind, names in WRONG_SETS.items()),
    Expected("`uuid` of MariaDB", "the log cuts zeros at the end", "uuid", column("v"), lambda theirs, ours: ours[-2:] == "00",
             ("mariadb",)),
    # -- by shape --
    Expected(TOMBSTONES, "without a key it says nothing", "keyless", "events", tombstone_more, (*BINLOG, *POSTGRES)),
    Expected(XA, "before the commit nothing has happened", "xa_rollback", "events", both(["c"], [])),
    Expected(XA, "the commit is what happened", "xa_commit", r"value\.source\.(gtid|pos)"),
    Expected(XA, "the same", "xa_commit|xa_one", r"value\.source\.(ts_[mun]s|pos|thread)", kinds=("mysql",)),
    Expected("MariaDB's `log_bin_compress`", "nothing is lost in silence", "log_compressed", "events",
             both(["c"], ["c", "u", "d", "tombstone", "c"]), ("mariadb",)),
    # -- PostgreSQL --
    *(dataclasses.replace(one, kinds=POSTGRES) for one in (
        Expected(NULLS, "NULL is a value", "defaults", column("n"), both(42, None)),
        Expected(DEFAULTS, "a converter turns NULL into `connect.default`", "defaults|ddl|key_", in_schema(ANY, r"connect\.default"),
                 no_default),
        Expected(DEFAULTS, "a swapped union is not compatible", "defaults", in_schema("n", "branches"),
                 both(["value", "null"], ["null", "value"])),
        Expected(DEFAULTS, "null is the default of what is optional", "defaults", in_schema("n", "default"), no_default),
        Expected(DEFAULTS, "Avro is told of no such default", "defaults", in_schema("d|day|at|ts|tz|u|j", "default"), no_default),
        Expected(DEFAULTS, "a text does not end at a quote in it", "defaults", in_schema("t", "default"),
                 lambda theirs, ours: theirs == ours.split("'")[0]),
        Expected(EXPRESSIONS, "the value would be wrong", "defaults|marker", in_schema("id", r"(connect\.)?default"),
                 both(0, ABSENT)),
        Expected(EXPRESSIONS, "the same", "defaults", in_schema("now_", "default"), no_default),
        Expected(BEFORE, "it looks like data and is none", "rows_|key_|index_", r"value\.before",
                 lambda theirs, ours: isinstance(theirs, dict) and ours is None),
        Expected(KEYS, "the stream does not tell the order of the key", "composite", "Key fields",
                 both(["b", "a"], ["a", "b"])),
        Expected("keys with `REPLICA IDENTITY USING INDEX`", "the stream does not have the primary key of a row that is gone", "index_",
                 r"(Key fields|Key\.(id|a) type|key\.(id|a))"),
        Expected(PARTITIONS, "a reader wants the table", "partition_", "events", both([], ["c", "u"])),
        Expected(PARTITIONS, "the same", "partition_1", "events", both(["c", "u"], [])),
        Expected("`source.sequence`", "the same after each restart", ANY, r"value\.source\.sequence",
                 lambda theirs, ours: json.loads(theirs)[1] == json.loads(ours)[1]),
        Expected("`numeric` with zeros at its end", "the scale is what was stored", "numeric", column("v") + r"\.(scale|value)"),
        Expected("`name`", "a value is not NULL", "precisions", column("nm"), both(None, "nm")),
        Expected("`date` `infinity`", "the largest value is the end of time in order too", "specials", column("d"),
                 lambda theirs, ours: (theirs, ours) in ((-2147472692, 2147483647), (-2147472691, -2147483648))),
        Expected("`timestamp` `infinity`", "the same", "specials", column("ts"),
                 lambda theirs, ours: abs(theirs) < abs(ours) in ((1 << 63) - 1, 1 << 63)),
        Expected(OTHERS, "not done yet", r"others|interval|int\[\]|money|domain_",
                 r"(Value|value)\.(before|after)( fields|\.\S+( \S+)?)"),
    )),
]
# In runs of their own. Readers refuse the schema of one, and Debezium does not start again on a server with the other
NEGATIVE_SCALE = "`numeric` with a negative scale"
TAGGED = Expected("tagged GTIDs of MySQL", "they are names of transactions as others are", "tagged",
                  r"value\.source\.(gtid|ts_[mun]s)")

# Rows that no comparison of events can show, and why
UNSEEN = {
    "`numeric` NaN, infinity": "rowferry stops: live/test_types.py",
    "timestamps past 294246": "rowferry stops: live/test_types.py",
    "messages (`op` `m`)": "only on request",
    "`source.version`": "excluded: it is the version of each",
    "`transaction`, transaction topic": "only on request; by default it is null on both sides",
    "heartbeat topics": "only on request",
    "name collisions (`a-b`, `a_b`)": "rowferry stops: live/test_kafka_sink.py",
    "a truncate": "both skip it by default; the line in the log: live/test_binlog_shapes.py",
    "statements without rows": "equal with `statements: warn`; the stop: live/test_binlog_shapes.py",
    "tables without transactions": "equal with `nontransactional: accept`; the stop: live/test_binlog_shapes.py",
    "`source.query`": "only on request",
    "schema changes": "another topic, another format: live/test_binlog_shapes.py",
    "schema history topic": "a file in these tests",
}
