"""What a test's pipeline is told of its source, for each kind of server."""
from types import SimpleNamespace

from support.rowferry import configuration


def server(kind, schema):
    return SimpleNamespace(kind=kind, url=lambda db: f"{kind}://there/{db}", schema=lambda db: schema or db)


def test_each_kind_of_source_is_written_down():
    made = configuration("p", server("postgresql", "public"), "shop", [], "/s", heartbeat_interval="1s")
    assert made["source"] == {"type": "postgresql", "url": "postgresql://there/shop", "tables": ["public.*"],
                              "snapshot": "never", "heartbeat_interval": "1s"}
    for kind in ("mysql", "mariadb"):
        made = configuration("p", server(kind, None), "shop", [], "/s", exclude=["shop.ledger_oracle"])
        assert made["source"] == {"type": kind, "url": f"{kind}://there/shop", "tables": ["shop.*"],
                                  "snapshot": "never", "exclude": ["shop.ledger_oracle"]}


def test_named_tables_stand_as_they_are():
    made = configuration("p", server("mysql", None), "shop", [], "/s", tables=("shop.a", "x.b"))
    assert made["source"]["tables"] == ["shop.a", "x.b"]
