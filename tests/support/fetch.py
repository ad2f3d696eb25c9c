#!/usr/bin/env python3
"""Downloads what the live tests need, once, into the cache folder.

    fetch.py kafka-4.3.1 kafka-3.9.1 registry venv sid debezium-binlog-3.5.0.Final

The cache is .cache/ at the repository's root, or $ROWFERRY_CACHE. Each item is
made in a folder of its own beside its place and renamed when it is whole, so an
interrupted download leaves nothing that looks finished; a lock for each item
lets several test runs share one cache, checkouts of different ages too: a tree
whose content changes gets another folder, and a venv only gains packages. Only
the standard library is used here, since this is what fetches the rest.
"""
import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("ROWFERRY_CACHE") or ROOT / ".cache").resolve()

REGISTRY_VERSION = "2.6.13.Final"
KAFKA_VERSIONS = ("4.3.1", "3.9.1")
CONNECT_VERSION, DEBEZIUM_VERSION = "4.1.1", "3.5.0.Final"
DEBEZIUM, DEBEZIUM_BINLOG = f"debezium-{DEBEZIUM_VERSION}", f"debezium-binlog-{DEBEZIUM_VERSION}"
PYTHON_PACKAGES = (
    "pytest==8.4.2",
    "confluent-kafka==2.14.2",
    "fastavro==1.12.1",
    "psycopg[binary]==3.2.13",
    "pymysql==1.2.4",
)
SID_PACKAGES = "postgresql-18,mysql-server-core,libmysqlclient-dev"
FOLDERS = {"sid": "sid-2"}              # where an item stands whose content has changed


class Unavailable(Exception):
    """Something that a test needs can't be had on this machine."""


def say(text):
    print(f"fetch: {text}", file=sys.stderr, flush=True)


def run(argv, **kw):
    """Runs a command quietly; its last lines are shown only when it fails."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, errors="replace", **kw)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise Unavailable(f"{' '.join(map(str, argv[:4]))} … failed ({done.returncode}):\n{tail}")
    return done.stdout


def need(program, package):
    if not shutil.which(program):
        raise Unavailable(f"{program} is missing: install the package {package} "
                          "(deploy/install-deps.sh test)")


def as_root():
    """The prefix that makes a command run as root, or None when there is none."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(
            ["sudo", "-n", "true"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode == 0:
        return ["sudo", "-n"]
    return None


# --- one function for each item: make it in the folder given -----------------

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rowferry</groupId><artifactId>fetch</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>{}</dependencies>
</project>
"""


ALONE = ("<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId>"
         "</exclusion></exclusions>")


def dependency(group, artifact, version, kind=None, classifier=None, alone=False):
    extra = (f"<type>{kind}</type>" if kind else "") + (
        f"<classifier>{classifier}</classifier>" if classifier else "") + (ALONE if alone else "")
    return (f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
            f"<version>{version}</version>{extra}</dependency>")


def maven(folder, dependencies, out):
    """Copies Maven artefacts, and what they depend on, into `out`."""
    need("mvn", "maven")
    pom = folder / "pom.xml"
    pom.write_text(POM.format("".join(dependencies)))
    retry(lambda: run(["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies",
                       f"-DoutputDirectory={out}"], cwd=folder))
    pom.unlink()


def retry(action, times=3):
    """Registries fail now and then for a moment."""
    for left in range(times - 1, -1, -1):
        try:
            return action()
        except Unavailable:
            if not left:
                raise
            time.sleep(3)


def make_kafka(folder, version):
    maven(folder, [dependency("org.apache.kafka", "kafka_2.13", version),
                   dependency("org.slf4j", "slf4j-reload4j", "1.7.36")],
          folder / "libs")


def make_registry(folder):
    maven(folder, [dependency("io.apicurio", "apicurio-registry-app", REGISTRY_VERSION,
                              "tar.gz", "all", alone=True)], folder / "dl")
    for archive in (folder / "dl").iterdir():
        with tarfile.open(archive) as tar:
            # Debian 12's Python 3.11.2 has no filters yet; the archive is a pinned artefact.
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(folder, **safe)
    shutil.rmtree(folder / "dl")
    if not list(folder.rglob("*-runner.jar")):
        raise Unavailable("the registry's archive holds no runner jar")


def make_debezium(folder, *connectors):
    """Kafka Connect with some of Debezium's connectors and an Avro converter."""
    maven(folder, [*[dependency("io.debezium", f"debezium-connector-{c}", DEBEZIUM_VERSION) for c in connectors],
                   dependency("io.debezium", "debezium-embedded", DEBEZIUM_VERSION),
                   dependency("org.apache.kafka", "connect-runtime", CONNECT_VERSION),
                   dependency("org.apache.kafka", "connect-json", CONNECT_VERSION),
                   dependency("io.apicurio", "apicurio-registry-utils-converter", REGISTRY_VERSION),
                   dependency("org.slf4j", "slf4j-reload4j", "1.7.36")], folder / "libs")


def make_venv(folder):
    """In its place, since it holds its own path. One that is there gets what it lacks."""
    if not (folder / "bin/pip").exists():
        python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
        discard(folder)
        run([python, "-m", "venv", str(folder)])
    retry(lambda: run([str(folder / "bin/python"), "-m", "pip", "install", "-q",
                       "--disable-pip-version-check", *PYTHON_PACKAGES]))


def make_sid(folder):
    """A Debian sid tree, for the newest PostgreSQL and MySQL: entered with chroot."""
    root = as_root()
    if root is None:
        raise Unavailable("the sid tree needs root, or sudo without a password")
    if not (shutil.which("debootstrap") or os.path.exists("/usr/sbin/debootstrap")):
        need("debootstrap", "debootstrap")
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    run([*root, "chown", "0:0", str(folder)])           # its packages refuse a / that isn't root's
    run([*root, "chmod", "755", str(folder)])
    try:
        run([*root, "env", f"PATH={path}", "DEBIAN_FRONTEND=noninteractive", "debootstrap",
             "--variant=minbase", f"--include={SID_PACKAGES}", "sid", str(folder)])
    except Unavailable:
        run([*root, "rm", "-rf", "--one-file-system", str(folder)])
        raise
    run([*root, "rm", "-rf", str(folder / "var/cache/apt/archives"),
         str(folder / "var/lib/postgresql/18")])
    if os.geteuid():                    # initdb wants to know the name of the user that it runs as
        run([*root, "sh", "-c", f"echo tester:x:{os.geteuid()}:{os.getegid()}::/:/bin/sh >> '{folder}/etc/passwd'"])
    for program in ("usr/lib/postgresql/18/bin/postgres", "usr/sbin/mysqld"):
        if not (folder / program).exists():
            raise Unavailable(f"the sid tree has no {program}")


ITEMS = {f"kafka-{v}": (lambda d, v=v: make_kafka(d, v)) for v in KAFKA_VERSIONS}
ITEMS.update({"registry": make_registry, "venv": make_venv, "sid": make_sid,
              DEBEZIUM: lambda d: make_debezium(d, "postgres"),
              DEBEZIUM_BINLOG: lambda d: make_debezium(d, "mysql", "mariadb")})


def discard(folder):
    if folder.exists():
        prefix = as_root() or []
        subprocess.run([*prefix, "rm", "-rf", "--one-file-system", str(folder)], check=False)


def get(item):
    """The folder of an item, downloaded if it is not in the cache yet."""
    if item not in ITEMS:
        raise SystemExit(f"fetch: no such item: {item} (there are: {', '.join(ITEMS)})")
    place = CACHE / FOLDERS.get(item, item)
    if whole(item, place):
        return place
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    with open(CACHE / f"{item}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if whole(item, place):
            return place
        say(f"downloading {item}")
        began = time.monotonic()
        build(item, place)
        say(f"{item} is there after {time.monotonic() - began:.0f} s")
    return place


def build(item, place):
    """Makes an item beside its place, then renames it: whole, or not there at all."""
    if item == "venv":
        make_venv(place)
        (place / ".whole").write_text(content(item))
        return
    for old in CACHE.glob(f".{item}-*"):
        discard(old)
    folder = Path(tempfile.mkdtemp(prefix=f".{item}-", dir=CACHE))
    try:
        ITEMS[item](folder)
    except BaseException:
        discard(folder)
        raise
    mark(folder / ".whole")
    discard(place)
    os.rename(folder, place)


def content(item):
    """What the mark of a whole item says."""
    return "".join(f"{p}\n" for p in PYTHON_PACKAGES) if item == "venv" else ""


def whole(item, place):
    try:
        return (place / ".whole").read_text() == content(item)
    except OSError:
        return False


def mark(path):
    if os.access(path.parent, os.W_OK):
        path.touch()
    else:
        run([*(as_root() or []), "touch", str(path)])


def main(argv):
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    failed = 0
    for item in argv:
        try:
            print(get(item))
        except Unavailable as why:
            say(f"{item}: {why}")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
