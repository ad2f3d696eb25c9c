"""What the waiting rests on: is a set within another?"""
from support.gtid import holds, of_position, parse

A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "3e11fa47-71ca-11e1-9e33-c80aa9429563"


def test_mysql_sets():
    assert parse(f"{A}:1-5:7:tag:1-3,\n{B.upper()}:9") == {
        (A, ""): [(1, 5), (7, 7)], (A, "tag"): [(1, 3)], (B, ""): [(9, 9)]}
    assert holds(f"{A}:1-5,{B}:1-3", f"{A}:2-4")
    assert holds(f"{A}:1-5:6-9", f"{A}:3-8")
    assert not holds(f"{A}:1-5:7", f"{A}:1-7")
    assert not holds(f"{A}:1-5", f"{B}:1")
    assert not holds(f"{A}:1-5", f"{A}:tag:1")
    assert holds(f"{A}:1-5", "") and not holds("", f"{A}:1")


def test_mariadb_sets():
    assert holds("0-1-5,1-2-7", "0-9-5") and holds("0-1-5,1-2-7", "1-2-6")
    assert not holds("0-1-5", "0-1-6") and not holds("0-1-5", "1-1-1")


def test_positions_of_rowferry():
    assert of_position(f"gtid:{A}:1-5,{B}:1-2") == f"{A}:1-5,{B}:1-2"
    assert of_position(f"gtid:{A}:1-5@binlog.000003/4711+{A}:6/3/17") == f"{A}:1-5"
    assert of_position("mariadb:0-1-5+0-1-6/1/2") == "0-1-5"
    assert of_position("mariadb:") == of_position("none") == of_position(None) == ""
