"""A front for the registry: passes requests on, or answers as a test says, or is away."""
import socket
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .proc import free_port


class Front:
    """`behave` decides each request: None passes it on; (status, body) answers it;
    "cut" closes the connection without an answer."""

    def __init__(self, target):
        self.target = target.rstrip("/")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"
        self.behave = lambda method, path: None
        self.requests = []
        self.server, self.connections = None, set()

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.close()

    def open(self):
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def setup(self):
                super().setup()
                front.connections.add(self.connection)

            def finish(self):
                front.connections.discard(self.connection)
                super().finish()

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                front.requests.append((self.command, self.path, body, dict(self.headers)))
                answer = front.behave(self.command, self.path)
                if answer == "cut":
                    self.close_connection = True
                    return
                status, text = answer or front.ask(self.command, self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = serve

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def ask(self, method, path, body):
        base = self.target.split("/apis/")[0]
        request = urllib.request.Request(base + path, body or None, method=method,
                                         headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as why:
            return why.code, why.read()

    def close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
        for connection in list(self.connections):       # those that a client keeps open, too
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
