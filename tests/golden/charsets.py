#!/usr/bin/env python3
"""Asks a MySQL or MariaDB server what every code of its character sets is in Unicode.

    tests/golden/charsets.py tables  CLIENT...    cdc/decode/binlog_charset_tables.inc: the sets of one byte
    tests/golden/charsets.py digests CLIENT...    the table in tests/unit/test_binlog_charset.c
    tests/golden/charsets.py glibc   CLIENT...    where the C library's iconv says something else (corrections[]
                                                  in cdc/decode/binlog_charset.c)
    tests/golden/charsets.py collations CLIENT... ranges of collation ids

CLIENT... is how to start the client, such as: mariadb -h127.0.0.1 -P3306 -uroot. It makes, and leaves, a
table `rowferry_charsets.codes`.

What CONVERT can't do it says with "?" or NULL: neither is in a digest, so that "the same digest" is "the same
characters, and nothing beside them".
"""
import ctypes
import subprocess
import sys

MULTI = {"big5": "BIG5", "gb2312": "EUC-CN", "gbk": "GBK", "sjis": "SHIFT_JIS", "cp932": "CP932",
         "ujis": "EUC-JP-MS", "eucjpms": "EUC-JP-MS", "euckr": "UHC", "gb18030": "GB18030"}
UNICODE = ("utf8mb3", "utf8mb4", "ucs2", "utf16", "utf16le", "utf32", "binary")
DATABASE = "rowferry_charsets"


class Server:
    def __init__(self, client):
        self.client = [*client, "-N", "-B", "--default-character-set=utf8mb4"]
        digits = "(select 0 d" + "".join(f" union all select {d}" for d in range(1, 16)) + ")"
        self.rows(f"create database if not exists {DATABASE}; use {DATABASE}; "
                  "create table if not exists codes (n int primary key); replace into codes "
                  f"select a.d * 4096 + b.d * 256 + c.d * 16 + d.d from {digits} a, {digits} b, {digits} c, {digits} d")

    def rows(self, sql):
        done = subprocess.run(self.client, input=sql, stdout=subprocess.PIPE, check=True, text=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def sets(self):
        return sorted(row[0] for row in self.rows("show character set"))

    def codes(self, name):
        """{bytes: code point} of one set."""
        found = {}
        self._ask(found, name, "lpad(hex(n), 2, '0')", "codes where n < 256")
        if name in MULTI:
            self._ask(found, name, "lpad(hex(n), 4, '0')", "codes where n >= 32768")
        if name in ("ujis", "eucjpms"):
            self._ask(found, name, "concat('8F', lpad(hex(n), 4, '0'))", "codes where n >= 32768")
        if name == "gb18030":
            self._ask(found, name, "concat(hex(x div 12600 + 129), hex(x div 1260 mod 10 + 48), "
                      "hex(x div 10 mod 126 + 129), hex(x mod 10 + 48))",
                      "(select a.n * 1260 + b.n as x from codes a, codes b where a.n < 1260 and b.n < 1260) q where true")
        return found

    def _ask(self, found, name, code, source):
        text = f"convert(unhex({code}) using {name})"
        for code, utf8 in self.rows(f"use {DATABASE}; select {code}, hex(convert({text} using utf8mb4)) from {source} "
                                    f"and char_length({text}) = 1"):
            if utf8 in ("", "NULL") or (utf8 == "3F" and code != "3F"):
                continue
            text8 = bytes.fromhex(utf8).decode()
            assert len(text8) == 1, (name, code, utf8)
            found[bytes.fromhex(code)] = ord(text8)


class Iconv:
    libc = ctypes.CDLL("libc.so.6")
    libc.iconv_open.restype = ctypes.c_void_p
    libc.iconv.restype = ctypes.c_size_t
    libc.iconv.argtypes = [ctypes.c_void_p] + [ctypes.c_void_p] * 4

    def __init__(self, name):
        self.way = self.libc.iconv_open(b"UTF-32LE", name.encode())
        assert self.way != ctypes.c_void_p(-1).value, name

    def one(self, code):
        """The code point, 0 if there is none."""
        into, out = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(16)
        ip, op = ctypes.c_void_p(ctypes.addressof(into)), ctypes.c_void_p(ctypes.addressof(out))
        il, ol = ctypes.c_size_t(len(code)), ctypes.c_size_t(16)
        self.libc.iconv(self.way, None, None, None, None)
        self.libc.iconv(self.way, *(ctypes.byref(x) for x in (ip, il, op, ol)))
        return int.from_bytes(out.raw[:4], "little") if il.value == 0 and ol.value == 12 else 0


def tables(server):
    print("/* Made by tests/golden/charsets.py from what a server says; 0: no such character. */")
    for name in server.sets():
        if name in UNICODE or name in MULTI or name == "ascii":
            continue
        codes = server.codes(name)
        for half, first in (("low", 0), ("high", 128)):
            points = [codes.get(bytes([first + i]), 0) for i in range(128)]
            if points == list(range(128)) or not any(points):
                continue
            print(f"static const uint16_t {name}_{half}[128] = {{")
            for at in range(0, 128, 8):
                print("    " + " ".join(f"0x{p:04x}," for p in points[at:at + 8]))
            print("};")


def digests(server):
    for name in server.sets():
        if name in UNICODE:
            continue
        codes, digest = server.codes(name), 14695981039346656037
        for code, point in sorted((int.from_bytes(code, "big"), point) for code, point in codes.items()):
            for byte in code.to_bytes(4, "big") + point.to_bytes(4, "big"):
                digest = (digest ^ byte) * 1099511628211 & (1 << 64) - 1
        print(f'    {{"{name}", {len(codes)}, UINT64_C(0x{digest:016x})}},')


def glibc(server):
    for name, alias in MULTI.items():
        if name not in server.sets():
            continue
        codes, iconv, runs = server.codes(name), Iconv(alias), []
        for plane, prefix in (2, b""), (3, b"\x8f"):
            for code in range(0x8000, 0x10000):
                raw = prefix + code.to_bytes(2, "big")
                if plane == 3 and alias != "EUC-JP-MS" or plane == 2 and alias == "EUC-JP-MS" and code >> 8 == 0x8f \
                        or alias in ("SHIFT_JIS", "CP932") and 0xa1 <= code >> 8 <= 0xdf:
                    continue
                point = codes.get(raw, 0)
                if point == iconv.one(raw):
                    continue
                last = runs[-1] if runs else None
                if last and last[0] == plane and last[1] + last[2] == code and code & 255 \
                        and point == (last[3] and last[3] + last[2]):
                    last[2] += 1
                else:
                    runs.append([plane, code, 1, point])
        print(name, "as", alias, "differs in", len(runs), "runs")
        for plane, code, count, point in runs:
            print(f"    {{{plane}, 0x{code:04x}, {count}, 0x{point:04x}}},")


def collations(server):
    source = "information_schema.collations"
    if "MariaDB" in server.rows("select version()")[0][0]:
        source = "information_schema.collation_character_set_applicability"
    runs = []
    for number, name in server.rows(f"select id, character_set_name from {source} where id is not null order by id"):
        if runs and runs[-1][1] == int(number) - 1 and runs[-1][2] == name:
            runs[-1][1] += 1
        else:
            runs.append([int(number), int(number), name])
    for first, last, name in runs:
        print(first, last, name)


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("tables", "digests", "glibc", "collations"):
        sys.exit(__doc__)
    globals()[sys.argv[1]](Server(sys.argv[2:]))
