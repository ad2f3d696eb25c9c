"""Two Avro schemas, or two decoded values, field by field: all that differs, as (path, theirs, ours)."""
import math

ABSENT = type("Absent", (), {"__repr__": lambda self: "absent"})()


def values(theirs, ours, path):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in [*theirs, *(n for n in ours if n not in theirs)]:
            yield from values(theirs.get(name, ABSENT), ours.get(name, ABSENT), f"{path}.{name}")
    elif type(ours) is not type(theirs) or not same(theirs, ours):
        yield path, theirs, ours


def same(a, b):
    if isinstance(a, float):                    # NaN is itself, and -0.0 is not 0.0
        return math.isnan(a) and math.isnan(b) or a == b and math.copysign(1, a) == math.copysign(1, b)
    if isinstance(a, list):
        return len(a) == len(b) and all(type(x) is type(y) and same(x, y) for x, y in zip(a, b))
    return a == b


def schemas(theirs, ours, path):
    """By name; that fields stand in the same order is a fact of their record."""
    theirs, ours = dict(facts(theirs, path)), dict(facts(ours, path))
    for fact in [*theirs, *(f for f in ours if f not in theirs)]:
        told, mine = theirs.get(fact, ABSENT), ours.get(fact, ABSENT)
        if type(told) is not type(mine) or not same(told, mine):
            yield fact, told, mine


def facts(schema, path):
    """All that a schema says, as (`Value.column property`, what); a field and its type are one place."""
    if isinstance(schema, list):
        yield f"{path} branches", ["null" if b == "null" else "value" for b in schema]
        for branch in schema:
            if branch != "null":
                yield from facts(branch, path)
        return
    if isinstance(schema, str) or schema is None:
        yield f"{path} type", schema
        return
    for key, what in schema.items():
        if key == "fields":
            yield f"{path} fields", [f["name"] for f in what]
            for field in what:
                yield from facts({k: v for k, v in field.items() if k != "name"}, f"{path}.{field['name']}")
        elif key == "items":
            yield from facts(what, f"{path}[]")
        elif key == "type":
            yield from facts(what, path)
        else:
            yield f"{path} {key}", what
