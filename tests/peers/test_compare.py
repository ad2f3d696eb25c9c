"""The comparison itself: what is not the same is told, each in its place."""
import compare
from compare import ABSENT

DECIMAL = {"type": "bytes", "scale": 2, "connect.name": "org.apache.kafka.connect.data.Decimal"}


def record(*fields):
    return {"type": "record", "name": "Value", "fields": list(fields)}


def field(name, type_, **more):
    return {"name": name, "type": type_, **more}


def schemas(theirs, ours):
    return list(compare.schemas(record(*theirs), record(*ours), "V"))


def test_schemas_that_are_the_same():
    fields = [field("a", ["null", DECIMAL], default=None), field("b", {"type": "array", "items": "float"})]
    assert schemas(fields, fields) == []


def test_a_type_and_its_properties():
    assert schemas([field("a", DECIMAL)], [field("a", "long")]) == [
        ("V.a type", "bytes", "long"), ("V.a scale", 2, ABSENT), ("V.a connect.name", DECIMAL["connect.name"], ABSENT)]
    assert schemas([field("a", {"type": "array", "items": "float"})], [field("a", {"type": "array", "items": "double"})]) == [
        ("V.a[] type", "float", "double")]


def test_branches_and_defaults():
    swapped = [field("a", [{"type": "int", "connect.default": 1}, "null"], default=1)]
    assert schemas(swapped, [field("a", ["null", "int"], default=None)]) == [
        ("V.a branches", ["value", "null"], ["null", "value"]), ("V.a connect.default", 1, ABSENT), ("V.a default", 1, None)]
    assert schemas([field("a", "int", default=1)], [field("a", "int", default=True)]) == [("V.a default", 1, True)]
    assert schemas([field("a", ["null", "int"], default=None)], [field("a", ["null", "int"])]) == [("V.a default", None, ABSENT)]


def test_fields_and_their_order():
    a, b = field("a", "int"), field("b", "int")
    assert schemas([a, b], [b, a]) == [("V fields", ["a", "b"], ["b", "a"])]
    assert schemas([a], [a, b]) == [("V fields", ["a"], ["a", "b"]), ("V.b type", ABSENT, "int")]


def test_a_schema_that_is_not_there():
    assert list(compare.schemas(None, None, "K")) == []
    assert list(compare.schemas(None, "int", "K")) == [("K type", None, "int")]


def values(theirs, ours):
    return list(compare.values(theirs, ours, "v"))


def test_values():
    nan = float("nan")
    same = {"a": 1, "b": {"c": [1.5, nan]}, "d": None, "e": b"x"}
    assert values(same, {**same, "b": {"c": [1.5, float("nan")]}}) == []
    assert values({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}) == [("v.a.b", 1, 2), ("v.a.c", ABSENT, 3)]
    assert values({"a": None}, {"a": {"b": 1}}) == [("v.a", None, {"b": 1})]
    for theirs, ours in ((1, True), (1, 1.0), (0.0, -0.0), (nan, 1.0), ([1], [1, 2]), ([0.0], [-0.0]), ("1", b"1")):
        assert values(theirs, ours) == [("v", theirs, ours)]
