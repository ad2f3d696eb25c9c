"""What speaks to MySQL compiles with Oracle's client library too; what differs sits in mysql_wire.c and mysql_conn.c."""
import subprocess

import pytest

from support import fetch

SOURCES = sorted([*(fetch.ROOT / "cdc").glob("*/mysql_*.c"), *(fetch.ROOT / "sinks").glob("mysql_*.c")])
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-fsyntax-only"]


@pytest.fixture(scope="module")
def headers(tmp_path_factory):
    """The headers of libmysqlclient alone: those of the tree's own C library do not fit our compiler."""
    folder = tmp_path_factory.mktemp("oracle")
    (folder / "mysql").symlink_to(fetch.get("sid") / "usr/include/mysql")
    return folder


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.name)
def test_it_compiles_with_libmysqlclient(source, headers):
    done = subprocess.run(["gcc", *FLAGS, f"-I{fetch.ROOT}/include", "-isystem", headers / "mysql", "-isystem", headers,
                           source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
