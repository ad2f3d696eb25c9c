"""TLS to MySQL and MariaDB: each ssl-mode against a server that offers it and one that does not."""
import contextlib
import socket
import subprocess
import threading

import pytest

from support.mysql import MariaDB
from support.proc import discard, scratch, wait_for
from support.rowferry import Rowferry, cli, configuration

OUT = [{"name": "out", "type": "stdout"}]
STATUS = {None: 0, "E_TLS": 2, "E_AUTH": 2, "E_UNREACHABLE": 3}


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates():
    """An authority, another one, and a server's certificate that names localhost alone."""
    folder = scratch("tls")
    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 30, "-subj", f"/CN={name}",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", folder / "server.key", "-out", folder / "server.csr")
    openssl("x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
            "-copy_extensions", "copyall", "-days", 30, "-out", folder / "server.pem")
    for file in folder.iterdir():
        file.chmod(0o644)                       # the server is another user
    yield folder
    discard(folder)


@pytest.fixture(scope="module")
def servers(request, certificates, server_with):
    """By name: MariaDB with TLS, MariaDB without, MySQL with a certificate of its own making."""
    def get(name):
        if name == "tls":
            return server_with(MariaDB, ssl_cert=certificates / "server.pem", ssl_key=certificates / "server.key")
        return request.getfixturevalue({"plain": "mariadb", "mysql": "mysql"}[name])
    return get


@pytest.fixture
def check(servers, certificates, new_db, tmp_path):
    """Runs `rowferry check`, as a user that TLS is required of where there is any; returns its end."""
    def run(name, options, host="127.0.0.1", port=None, env=None):
        server = servers(name)
        db = new_db(server)
        server.sql("create table t (id int primary key)", db)
        user = server.account(select_on=db)
        if name != "plain":
            server.sql(f"alter user '{user.name}'@'%' require ssl")
        ca = server.data / "ca.pem" if name == "mysql" else certificates / "ca.pem"
        options = options.format(ca=ca, other=certificates / "other.pem", key=certificates / "other.key",
                                 cert=certificates / "server.pem", socket=server.folder / "socket")
        url = f"mysql://{user.name}:{user.password}@{host}:{port or server.port}/?ssl-mode={options}"
        with Rowferry(configuration("p", server, db, OUT, tmp_path / "state", url=url)) as rf:
            return cli("check", rf.file, env=env)
    return run


def assert_says(done, code):
    said = done.stdout + done.stderr
    assert done.returncode == STATUS[code] and (code is None or code in said), said


@pytest.mark.parametrize("server, options, code", [
    ("plain", "disabled", None),
    ("plain", "preferred", None),
    ("plain", "preferred&ssl-ca={other}", None),
    ("plain", "required", "E_TLS"),
    ("plain", "required&socket={socket}", "E_TLS"),
    ("plain", "verify_ca&ssl-ca={ca}", "E_TLS"),
    ("plain", "verify_identity", "E_TLS"),
    ("plain", "verify_identity&ssl-ca={ca}", "E_TLS"),
    ("tls", "disabled", "E_AUTH"),
    ("tls", "disabled&ssl-ca={ca}", "E_AUTH"),
    ("tls", "preferred", None),
    ("tls", "preferred&ssl-ca={other}", None),
    ("tls", "required", None),
    ("tls", "required&socket={socket}", None),
    ("tls", "required&ssl-ca={other}", "E_TLS"),
    ("tls", "verify_ca", "E_TLS"),
    ("tls", "verify_ca&ssl-ca={ca}", None),
    ("tls", "verify_ca&ssl-ca={other}", "E_TLS"),
    ("tls", "verify_identity", "E_TLS"),
    ("tls", "verify_identity&ssl-ca={ca}", "E_TLS"),
    ("tls", "required&ssl-ca=/none/ca.pem", "E_TLS"),
    ("tls", "required&ssl-ca={key}", "E_TLS"),
    ("tls", "required&ssl-cert={cert}&ssl-key=/none/key", "E_TLS"),
    ("tls", "required&ssl-cert={cert}&ssl-key={key}", "E_TLS"),
    ("tls", "required&ssl-cipher=none", "E_TLS"),
    ("mysql", "disabled", "E_AUTH"),
    ("mysql", "preferred", None),
    ("mysql", "required", None),
    ("mysql", "verify_ca&ssl-ca={ca}", None),
    ("mysql", "verify_ca&ssl-ca={other}", "E_TLS"),
    ("mysql", "verify_identity&ssl-ca={ca}", "E_TLS"),
])
def test_it_is_encrypted_as_asked_or_refused(check, server, options, code):
    assert_says(check(server, options), code)


@pytest.mark.parametrize("server, options", [("plain", "disabled"), ("tls", "verify_identity&ssl-ca={ca}")])
def test_localhost_is_a_host_with_a_port(check, server, options):
    assert_says(check(server, options, host="localhost"), None)


@pytest.fixture(scope="module")
def newer_library(tmp_path_factory):
    """An environment in which the client library says that it is of 3.4."""
    folder = tmp_path_factory.mktemp("newer")
    (folder / "newer.c").write_text("unsigned long mysql_get_client_version(void) { return 30400; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "newer.c", "-o", "newer.so"], cwd=folder, check=True)
    return {"LD_PRELOAD": str(folder / "newer.so")}


@pytest.mark.parametrize("options", ["verify_ca&ssl-ca={ca}", "required&ssl-ca={ca}"])
def test_a_library_that_does_not_look_at_the_authority_alone_looks_at_the_name_too(check, newer_library, options):
    """Connector/C 3.4 would look at nothing."""
    assert_says(check("tls", options, host="localhost", env=newer_library), None)
    done = check("tls", options, host="127.0.0.1", env=newer_library)
    assert_says(done, "E_TLS")
    assert "is taken for verify_identity" in done.stderr
    assert_says(check("tls", options, host="127.0.0.1"), None)


@contextlib.contextmanager
def doorman(server):
    """A port that hands on the server's greeting, takes what the client says to it, and hangs up."""
    heard = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                client, _ = door.accept()
                with client, socket.create_connection(("127.0.0.1", server.port)) as behind:
                    client.sendall(behind.recv(4096))
                    heard.append(client.recv(4096))
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1], heard
        door.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("options", ["required", "verify_ca&ssl-ca={ca}", "verify_identity&ssl-ca={ca}"])
def test_nothing_is_said_to_a_server_without_tls(check, servers, options):
    with doorman(servers("plain")) as (port, heard):
        assert_says(check("plain", options, port=port), "E_TLS")
        wait_for(lambda: heard, 5, "the client came")
    assert set(heard) == {b""}


@pytest.mark.parametrize("options", ["preferred", "required", "verify_ca&ssl-ca={ca}"])
def test_a_handshake_that_is_cut_short_is_tried_again(check, servers, options):
    with doorman(servers("tls")) as (port, _):
        assert_says(check("tls", options, port=port), "E_UNREACHABLE")


def test_two_with_one_number_on_mariadb_wait_for_each_other(mariadb, new_db, pipelines):
    """Of two dumps one is ended with 1236 or refused with 4052, which says "already connected"."""
    db = new_db(mariadb)
    mariadb.sql("create table t (id int primary key)", db)
    first, second = (pipelines(mariadb, db, OUT, server_id=77).start() for _ in range(2))
    wait_for(lambda: any("E_SERVER_ID" in line and "already connected" in line
                         for line in (first.logged() + second.logged()).splitlines()), 30, "they clash")
    assert first.running() and second.running()
    assert second.terminate() == 0
    first.wait_streaming(mariadb, db)
