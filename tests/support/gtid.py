"""GTID sets as text, just well enough to ask whether one holds another.

MySQL: `uuid:1-5:7:tag:1-3,…`. MariaDB: `0-1-5,1-1-7`, the last one of each domain. A position
of rowferry holds such a set: `gtid:SET` or `mariadb:SET`, then perhaps `@file/place` and `+…`.
"""
import re


def parse(text):
    """{origin: [(first, last), …]}; an origin is (uuid, tag), or MariaDB's domain."""
    found = {}
    for part in re.sub(r"\s", "", text).lower().split(","):
        if not part:
            continue
        if match := re.fullmatch(r"(\d+)-\d+-(\d+)", part):
            found[int(match[1])] = [(1, int(match[2]))]
            continue
        uuid, *rest = part.split(":")
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid) or not rest:
            raise ValueError(f"not a GTID set: {text}")
        tag = ""
        for word in rest:
            if match := re.fullmatch(r"(\d+)(?:-(\d+))?", word):
                found.setdefault((uuid, tag), []).append((int(match[1]), int(match[2] or match[1])))
            else:
                tag = word
    return {origin: joined(ranges) for origin, ranges in found.items()}


def joined(ranges):
    """Sorted, and what touches made one."""
    out = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = out[-1][0], max(last, out[-1][1])
        else:
            out.append((first, last))
    return out


def holds(text, wanted):
    """True if every transaction of `wanted` is in the set `text`."""
    have = parse(text)
    return all(any(a <= first and last <= b for a, b in have.get(origin, ()))
               for origin, ranges in parse(wanted).items() for first, last in ranges)


def of_position(text):
    """The set that a position of rowferry has done whole; "" if it has none."""
    match = re.match(r"(?:gtid|mariadb):([^@+]*)", text or "")
    return match[1] if match else ""
