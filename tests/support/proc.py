"""Processes, ports and folders that never outlive the test that made them.

A small keeper process holds the other end of a pipe. When the test process ends,
however it ends (kill -9 too), the pipe closes, and the keeper kills every process
that is still on its list, with all its descendants, and removes the folders.
"""
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path


# --- what runs under a pid ---------------------------------------------------

def stat_fields(pid):
    """The fields of /proc/PID/stat from the state on, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def birth(pid):
    """When a process began: with the pid it names one process for ever."""
    fields = stat_fields(pid)
    return fields[19] if fields else None


def alive(pid):
    """A killed process whose first thread is gone may still be busy with the end of the others."""
    fields = stat_fields(pid)
    return bool(fields) and (fields[0] not in "ZX" or int(fields[17]) > 1)


def family(pid):
    """A process and all its descendants, parents first."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(name)
            if fields:
                children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop(0)
        found.append(one)
        todo += children.get(one, [])
    return found


def send(pid, signum):
    try:
        os.kill(pid, signum)
        return True
    except (ProcessLookupError, PermissionError):
        return False


def kill_family(pid, timeout=10):
    """kill -9 of a process and its descendants; returns when all are gone."""
    members = [(p, birth(p)) for p in family(pid)]
    for one, _ in members:
        send(one, signal.SIGKILL)
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        left = [p for p, b in members if b and birth(p) == b and alive(p)]
        if not left:
            return
        for one in left:
            send(one, signal.SIGKILL)
        time.sleep(0.01)


# --- the keeper --------------------------------------------------------------

class Keeper:
    """Tells the keeper process what to clear away should this process die."""

    def __init__(self):
        self.process = None
        self.owner = None

    def tell(self, *words):
        if self.process is None or self.owner != os.getpid():
            self.owner = os.getpid()
            self.process = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__)], stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, start_new_session=True, text=True)
        try:
            print(*words, sep="\t", file=self.process.stdin, flush=True)
        except OSError:
            self.process = None


keeper = Keeper()


def keep_until_eof(lines):
    """The keeper's own life: reads its list, and at the end of it clears away."""
    pids, folders = {}, []
    for line in lines:
        what, value, *rest = line.rstrip("\n").split("\t")
        if what == "+pid":
            pids[int(value)] = rest[0]
        elif what == "-pid":
            pids.pop(int(value), None)
        elif what == "+dir":
            folders.append(value)
        elif what == "-dir" and value in folders:
            folders.remove(value)
    for pid, born in pids.items():
        if birth(pid) == born:
            kill_family(pid)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


# --- for the tests -----------------------------------------------------------

def scratch(name="x", base=None, mode=0o755):
    """A temporary folder that goes away with the test process at the latest."""
    folder = Path(tempfile.mkdtemp(prefix=f"rowferry-{name}-", dir=base))
    folder.chmod(mode)
    keeper.tell("+dir", folder)
    return folder


def discard(folder):
    shutil.rmtree(folder, ignore_errors=True)
    keeper.tell("-dir", folder)


def free_port():
    """A free loopback port below the range that outgoing connections take."""
    while True:
        port = random.randint(12000, 31000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_for(condition, timeout, what, step=0.05):
    """Waits until condition() is true and returns it; says what did not happen."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(step)


class Process:
    """A child in its own process group, with its output in a file."""

    def __init__(self, argv, log, env=None, cwd=None, stdout=None, **kw):
        self.argv = [str(a) for a in argv]
        self.log = Path(log)
        out = open(self.log, "ab")
        sink = open(stdout, "ab") if stdout else out
        try:
            self.popen = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=out, cwd=cwd,
                env=env, start_new_session=True, **kw)
        finally:
            out.close()
            if stdout:
                sink.close()
        self.pid = self.popen.pid
        keeper.tell("+pid", self.pid, birth(self.pid) or "0")

    def running(self):
        return self.popen.poll() is None

    def kill(self, signum):
        return self.running() and send(self.pid, signum)

    def wait(self, timeout=30):
        """The exit status; raises TimeoutError when it does not end in time."""
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.argv[0]} (pid {self.pid}) did not end in {timeout} s")
        keeper.tell("-pid", self.pid)
        return status

    def kill9(self):
        """kill -9 of the process and what it started."""
        if self.running():
            kill_family(self.pid)
        return self.wait()

    def end(self, signum=signal.SIGTERM, timeout=15):
        """Asks it to stop, and kills it when it does not."""
        self.kill(signum)
        try:
            return self.wait(timeout)
        except TimeoutError:
            return self.kill9()

    def tail(self, lines=25):
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_until_eof(sys.stdin)
