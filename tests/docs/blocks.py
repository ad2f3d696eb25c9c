"""The code blocks of a Markdown file, and the orders to the test that stand between them.

A block is what stands between ``` fences; the first word behind the fence is its language:

    sh       bash -euo pipefail, in the document's own folder
    sh background   the same, left running; it is waited for until it streams
    sql      psql on the database of the document
    sql mariadb, sql mysql   on the database `store` of a MariaDB or MySQL, as root
    yaml     a configuration: a whole one, or a part that is completed. If its first line is
             a comment that names a file (# shop.yaml), the file is written for later blocks
    python   run with confluent-kafka and fastavro at hand
    json     parsed
    text     not run
    text output     what the sh block before it prints; … stands for any text or any lines

Orders are HTML comments, so that a reader does not see them:

    <!-- docs-test: scene shop -->   tables, role, publication and shop.yaml of quick-start.md
    <!-- docs-test: scene store -->  the same of mysql.md, on MariaDB: store.yaml
    <!-- docs-test: start -->        rowferry run shop.yaml, until it streams; `start store.yaml`
    <!-- docs-test: stop -->         SIGTERM to what was started last; it must end with status 0
    <!-- docs-test: wait -->         until what runs has delivered what was written so far
    <!-- docs-test: purge mariadb -->  no file of its binlog is left but a new one
    <!-- docs-test: fails 4 -->      the next sh block ends with this status
    <!-- docs-test: sql mariadb      a block that a reader does not need (sql, sh)
    ... -->
"""
import re
from dataclasses import dataclass

KINDS = {"sh", "sql", "yaml", "python", "json", "text", "ini"}
ORDERS = {"scene", "start", "stop", "wait", "fails", "purge", "sql", "sh"}


@dataclass
class Block:
    kind: str          # a language, or an order
    info: list         # what stands behind it
    text: str
    line: int
    order: bool = False


def parse(path):
    """The blocks and orders of a file, in their order."""
    found, lines, n = [], path.read_text().splitlines(), 0
    while n < len(lines):
        line, n = lines[n], n + 1
        if line.startswith("```"):
            words, first, body = line[3:].split(), n, []
            while n < len(lines) and not lines[n].startswith("```"):
                body.append(lines[n])
                n += 1
            if n == len(lines):
                raise ValueError(f"{path.name}:{first}: a block without end")
            n += 1
            if not words or words[0] not in KINDS:
                raise ValueError(f"{path.name}:{first}: a block needs one of {sorted(KINDS)}")
            found.append(Block(words[0], words[1:], "\n".join(body) + "\n", first))
        elif line.startswith("<!-- docs-test: "):
            first, body = n, [line.removeprefix("<!-- docs-test: ")]
            while "-->" not in body[-1]:
                body.append(lines[n])
                n += 1
            body[-1] = body[-1].partition("-->")[0]
            words = body[0].split()
            if words[0] not in ORDERS:
                raise ValueError(f"{path.name}:{first}: an order is one of {sorted(ORDERS)}")
            found.append(Block(words[0], words[1:], "\n".join(body[1:]) + "\n", first, True))
    return found


def plain(text):
    """Text without what differs from run to run: times, places in the log, numbers."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID", text)
    text = re.sub(r"\b[0-9A-F]+/[0-9A-F]+\b", "LSN", text)
    text = re.sub(r"\b[0-9a-f]{16}\b", "HASH", text)
    text = re.sub(r"\d+", "N", text)
    return re.sub(r"[ \t]+", " ", text).strip()


def missing_line(wanted, printed):
    """The first line of `wanted` that does not come in `printed` in this order, or None."""
    rest = [plain(line) for line in printed.splitlines()]
    for line in wanted.splitlines():
        if plain(line) in ("", "…"):
            continue
        pattern = ".*".join(re.escape(plain(part)) for part in line.split("…"))
        while rest and not re.fullmatch(pattern.replace(r"\ .*", ".*").replace(r".*\ ", ".*"),
                                        rest[0]):
            rest.pop(0)
        if not rest:
            return line
        rest.pop(0)
    return None
