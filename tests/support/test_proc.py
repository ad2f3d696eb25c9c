"""Nothing that a test starts may outlive it."""
import os
import signal
import subprocess
import sys
import textwrap

from support.fetch import ROOT
from support.proc import alive, family, kill_family, wait_for

CHILD = """
    import sys
    sys.path.insert(0, {tests!r})
    from support.proc import Process, scratch
    folder = scratch("orphan")
    p = Process(["sh", "-c", "sleep 300 & sleep 300"], folder / "log")
    print(p.pid, folder, flush=True)
    import time
    time.sleep(300)
"""


def orphan():
    code = textwrap.dedent(CHILD.format(tests=str(ROOT / "tests")))
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid, folder = child.stdout.readline().split()
    return child, int(pid), folder


def test_a_killed_test_process_leaves_no_process_and_no_folder():
    child, pid, folder = orphan()
    wait_for(lambda: len(family(pid)) > 1, 5, "the shell has started its children")
    members = family(pid)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    wait_for(lambda: not any(alive(p) for p in members), 10, "all its processes are gone")
    wait_for(lambda: not os.path.exists(folder), 10, "its folder is gone")


def test_kill_family_takes_grandchildren_too():
    child = subprocess.Popen(["sh", "-c", "sh -c 'sleep 300 & wait' & wait"], start_new_session=True)
    wait_for(lambda: len(family(child.pid)) > 2, 5, "grandchildren")
    members = family(child.pid)
    kill_family(child.pid)
    child.wait()
    assert not any(alive(p) for p in members)
