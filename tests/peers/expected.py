"""The differences that are meant. A row is one of docs/events.md, "Differences from Debezium": the first cell of it."""
import re
from dataclasses import dataclass
from decimal import Decimal

from compare import ABSENT

BINLOG = ("mysql", "mariadb")
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
        return bool(re.fullmatch(tables or self.tables, difference.table) and re.fullmatch(self.path, difference.path) and
                    (self.holds is None or self.holds(difference.theirs, difference.ours)))

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
    return isinstance(ours, str) and theirs == ours.replace("\\", "\\\\").replace(",", "\\,") or \
        theirs.replace("\\\\", "\\") == ours


def epoch(theirs, ours):
    return theirs in (None, 0) or str(theirs).startswith("1970-01-01T00:00:00")


def century(unit):
    """The year 1 as 2001: 730,485 days."""
    return lambda theirs, ours: theirs is not None and theirs - ours == 730_485 * unit


def tombstone_more(theirs, ours):
    return theirs == [*ours, "tombstone"]


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

EXPECTED = [
    # -- all sources --
    Expected(HEADERS, "an id is what a reader can rely on", ANY, r"headers\.(__debezium\.(newkey|oldkey|context\.\w+)|rowferry\.id)"),
    Expected(NULLS, "NULL is a value", "defaults", column("n|tn"), lambda theirs, ours: theirs in (42, "x") and ours is None),
    Expected(NULLS, "the same; the default is an expression", "defaults", column("nown"), lambda theirs, ours: theirs == 0 and ours is None),
    Expected(DEFAULTS, "a converter turns NULL into `connect.default`", "defaults|ddl|columns_", in_schema(ANY, r"connect\.default"), no_default),
    Expected(DEFAULTS, "a swapped union is not compatible", "defaults|ddl|columns_", in_schema("n|tn|nown|d|hidden", "branches"),
             lambda theirs, ours: (theirs, ours) == (["value", "null"], ["null", "value"])),
    Expected(DEFAULTS, "null is the default of what is optional", "defaults|ddl|columns_", in_schema("n|tn|d|hidden", "default"), no_default),
    Expected(DEFAULTS, "Avro is told of no such default", "defaults", in_schema("bits|d|u|day|at|dt|dt6|ts|raw_|fixed", "default"), no_default),
    Expected(DEFAULTS, "a quote is doubled in the statement only", "defaults", in_schema("t", "default"),
             lambda theirs, ours: theirs == ours.replace("'", "''")),
    Expected(DEFAULTS, "a key's field has none", "ddl", r"Key\.d default", no_default),
    Expected(EXPRESSIONS, "the value would be wrong", "defaults", in_schema("now_|now6|nown", "default"), no_default),
    # -- by type --
    *(Expected("`bigint unsigned`", "2^63 and more would be negative", tables, path, holds, kinds)
      for tables, kinds in (("bigint unsigned|aliases|defaults", BINLOG), ("generated_key", ("mysql",)))
      for path, holds in ((in_schema(UNSIGNED, ABOUT_TYPE), None), (column(UNSIGNED), wraps))),
    Expected(BOOLEAN, "a log does not tell a boolean from a tinyint", "boolean|aliases|defaults", in_schema("v|b1|b2|yes", r"(connect\.)?type")),
    Expected(BOOLEAN, "the same", "boolean|aliases|defaults", column("v|b1|b2|yes"), lambda theirs, ours: theirs is (ours != 0)),
    Expected(BOOLEAN, "the same", "defaults", in_schema("yes", "default"), lambda theirs, ours: (theirs, ours) == (True, 1)),
    Expected(BOOLEAN, "REAL is a double", "aliases", in_schema("r", "type"), lambda theirs, ours: (theirs, ours) == ("float", "double")),
    Expected(BOOLEAN, "it is a longtext", "json", in_schema("v", r"connect\.(name|version)"), kinds=("mariadb",)),
    Expected("`float(M,D)`", "it is stored as a float", r"float\(7,3\)", in_schema("v", "type"),
             lambda theirs, ours: (theirs, ours) == ("double", "float")),
    Expected(LABELS, "the label is what was stored", "enums|enum\\(.*", column("e|s|v"), escaped),
    Expected(JSON, "one value has one text", "json", column("v"), kinds=("mysql",)),
    Expected("`json` under `PARTIAL_JSON`", "nothing is lost in silence", "partial", "events",
             lambda theirs, ours: (theirs, ours) == (["c"], ["c", "u", "u"]), ("mysql",)),
    Expected(DATES, "they are neither NULL nor 1970", r"date|datetime\(\d\)|timestamp\(\d\) null", column("v"), epoch),
    Expected(YEARS, "the year that is stored", "date", column("v"), century(1)),
    Expected(YEARS, "the same", r"datetime\([0-3]\)", column("v"), century(DAY_MS)),
    Expected(YEARS, "the same", r"datetime\([4-6]\)", column("v"), century(DAY_MS * 1000)),
    Expected("`year` 0000", "the year that is stored", "year", column("v"), lambda theirs, ours: (theirs, ours) == (1900, 0)),
    *(Expected("text in some character sets", "as the server converts it", names, column("v|c"), kinds=(kind,))
      for kind, names in WRONG_SETS.items()),
    Expected("`uuid` of MariaDB", "the log cuts zeros at the end", "uuid", column("v"), lambda theirs, ours: ours[-2:] == "00", ("mariadb",)),
    # -- by shape --
    Expected(TOMBSTONES, "without a key it says nothing", "keyless", "events", tombstone_more),
    Expected(XA, "before the commit nothing has happened", "xa_rollback", "events", lambda theirs, ours: (theirs, ours) == (["c"], [])),
    Expected(XA, "the commit is what happened", "xa_commit", r"value\.source\.(gtid|pos)"),
    Expected(XA, "the same", "xa_commit|xa_one", r"value\.source\.(ts_[mun]s|pos|thread)", kinds=("mysql",)),
    Expected("MariaDB's `log_bin_compress`", "nothing is lost in silence", "log_compressed", "events",
             lambda theirs, ours: (theirs, ours) == (["c"], ["c", "u", "d", "tombstone", "c"]), ("mariadb",)),
]# In a run of its own: Debezium does not start again on such a server
TAGGED = Expected("tagged GTIDs of MySQL", "they are names of transactions as others are", "tagged",
                  r"value\.source\.(gtid|ts_[mun]s)")

# Rows that no comparison of events can show, and why
UNSEEN = {
    "`source.version`": "is excluded: it is the version of each",
    "`transaction`, transaction topic": "only on request; by default it is null on both sides",
    "heartbeat topics": "only on request",
    "name collisions (`a-b`, `a_b`)": "stops: live/test_shapes.py",
    "a truncate": "both skip it by default; the line in the log: live/test_binlog_shapes.py",
    "statements without rows": "equal with `statements: warn`; the stop: live/test_binlog_shapes.py",
    "tables without transactions": "equal with `nontransactional: accept`; the stop: live/test_binlog_shapes.py",
    "`source.query`": "only on request",
    "schema changes": "another topic, another format: live/test_binlog_shapes.py",
    "schema history topic": "a file in these tests",
}
