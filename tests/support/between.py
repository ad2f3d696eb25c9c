"""Stands between rowferry and a server of TCP: passes bytes on, cuts a connection at a COMMIT, or holds everything still."""
import contextlib
import socket
import threading


class Between:
    """`cuts`: for each True or False in it one connection is cut at its next COMMIT, which reaches the server or does not.
    `still`: nothing is passed on any more, and nothing is closed: a half-open connection."""

    def __init__(self, port):
        self.port, self.cuts, self.lost, self.still = port, [], 0, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listening = self.listener.getsockname()[1]
        self.ends = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, server, db):
        """The server's own, by way of here."""
        return server.url(db).replace(f":{server.port}/", f":{self.listening}/")

    def close(self):
        for end in [self.listener, *self.ends]:
            with contextlib.suppress(OSError):
                end.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.port))
                for end in (client, server):      # small pieces go at once, as they came
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.ends += [client, server]
                threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()

    def _pass_on(self, source, to, asks):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 20):
                if self.still.is_set():
                    return                        # both ends stay open
                if asks and b"COMMIT" in data and self.cuts:
                    reaches = self.cuts.pop()
                    self.lost += 1
                    if reaches:
                        source.shutdown(socket.SHUT_RDWR)    # first, or the answer may slip through
                        to.sendall(data)
                    break
                to.sendall(data)
        if self.still.is_set():
            return
        for end in (source, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
