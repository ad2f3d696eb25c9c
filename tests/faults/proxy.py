#!/usr/bin/env python3
"""A TCP proxy that makes the network's faults happen on demand.

It stands between clients and one server. Any TCP protocol can be cut, delayed, sliced, stalled or refused. With
`protocol="kafka"` it also knows frames, so that a rule can pick one request or one answer: the third EndTxn, the
first Produce answer after that. A fault that a test picks is a fault that happens in each run. (Kafka without TLS.)

    with Proxy(("127.0.0.1", 9092)) as proxy:          # the broker advertises 127.0.0.1:<proxy.port>
        lost = proxy.add(Rule(api="EndTxn", direction="answer", nth=3, action="cut"))
        ...
        assert lost.hit.is_set() and proxy.count("EndTxn") == 4

Actions of a rule:

    pass          nothing but `on_hit`, which runs before the frame goes on
    delay         the frame, and all behind it in its direction, goes on after `seconds`
    hold          the same, but until `release()` (or `seconds`, if given)
    drop          the frame is swallowed, the connection stays
    cut           the frame is swallowed, both sides are closed (`drop_and_cut` is another name for it)
    forward_and_cut   the frame goes on, then both sides are closed: for a request, its answer is lost
    hold_and_cut  requests only: the client's side is closed, the server's stays open; the frame reaches the server
                  on `release()` (or after `seconds`). The client thinks it lost and tries again; the network did not
                  lose it, it was late. `done` is set when the server has answered it (or closed).
"""
import argparse
import collections
import contextlib
import random
import signal
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional

CHUNK = 256 * 1024
LONGEST_WAIT = 10.0  # for a server's answer to a late frame

API_NAMES = {
    0: "Produce", 1: "Fetch", 2: "ListOffsets", 3: "Metadata", 8: "OffsetCommit", 9: "OffsetFetch",
    10: "FindCoordinator", 11: "JoinGroup", 12: "Heartbeat", 13: "LeaveGroup", 14: "SyncGroup", 15: "DescribeGroups",
    16: "ListGroups", 17: "SaslHandshake", 18: "ApiVersions", 19: "CreateTopics", 20: "DeleteTopics",
    21: "DeleteRecords", 22: "InitProducerId", 23: "OffsetForLeaderEpoch", 24: "AddPartitionsToTxn",
    25: "AddOffsetsToTxn", 26: "EndTxn", 27: "WriteTxnMarkers", 28: "TxnOffsetCommit", 32: "DescribeConfigs",
    36: "SaslAuthenticate", 37: "CreatePartitions", 60: "DescribeCluster", 61: "DescribeProducers",
    65: "DescribeTransactions", 66: "ListTransactions",
}
DIRECTIONS = ("request", "answer")
ACTIONS = ("pass", "delay", "hold", "drop", "cut", "drop_and_cut", "forward_and_cut", "hold_and_cut")


class Event(NamedTuple):
    """One frame as it was seen, before anything was done to it."""
    time: float
    connection: int
    direction: str
    api: str
    version: int
    correlation: int
    size: int       # without the four bytes of the length
    detail: dict    # what EndTxn and InitProducerId say, a Produce's topic; an answer's begins with its request's
    action: str     # of the rule that took it, else ""


@dataclass
class Rule:
    """Picks the nth matching frame after the rule was added (nth=0: each one) and says what happens to it."""
    api: str
    direction: str = "request"
    nth: int = 1
    action: str = "pass"
    seconds: Optional[float] = None
    on_hit: Optional[Callable[[Event], None]] = None
    where: Optional[Callable[[Event], bool]] = None
    seen: int = 0
    taken: list = field(default_factory=list)  # the events it was applied to
    hit: threading.Event = field(default_factory=threading.Event, repr=False)
    done: threading.Event = field(default_factory=threading.Event, repr=False)
    _released: threading.Event = field(default_factory=threading.Event, repr=False)

    def __post_init__(self):
        assert self.direction in DIRECTIONS, self.direction
        assert self.action in ACTIONS, self.action
        assert self.api in API_NAMES.values(), self.api
        assert self.action != "hold_and_cut" or self.direction == "request", "an answer can't outlive its client"
        assert self.action != "delay" or self.seconds is not None, "delay needs seconds"

    def release(self):
        """Let the held frame go on."""
        self._released.set()

    def wait_for_release(self):
        self._released.wait(self.seconds)

    def takes(self, event: Event) -> bool:
        """Count a matching frame; true if it is the one. The proxy holds its lock around this."""
        if event.api != self.api or event.direction != self.direction or (self.where and not self.where(event)):
            return False
        self.seen += 1
        return self.nth in (0, self.seen)


class Fields:
    """Reads Kafka's primitive types one after another."""

    def __init__(self, data, flexible: bool):
        self.data, self.at, self.flexible = data, 0, flexible

    def number(self, form: str) -> int:
        value, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def string(self, compact: bool) -> Optional[str]:
        length = self.varint() - 1 if compact else self.number(">h")
        if length < 0:
            return None
        self.at += length
        return bytes(self.data[self.at - length:self.at]).decode()

    def skip_tags(self):
        if self.flexible and self.varint():
            raise ValueError("tagged fields where none were expected")

    def count(self) -> int:
        return self.varint() - 1 if self.flexible else self.number(">i")

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value


FLEXIBLE_FROM = {"EndTxn": 3, "InitProducerId": 2, "Produce": 9}  # requests that are read to their fields
ALWAYS_WHOLE = ("EndTxn", "InitProducerId")  # small ones; a Produce is kept back only where a rule asks for it


def _request_detail(api: str, version: int, body) -> dict:
    """`body` starts after the correlation id."""
    fields = Fields(body, version >= FLEXIBLE_FROM[api])
    client = fields.string(compact=False)
    fields.skip_tags()
    detail = {"client": client, "transactional_id": fields.string(fields.flexible)}
    if api == "EndTxn":
        detail |= {"producer_id": fields.number(">q"), "epoch": fields.number(">h")}
        detail["commit"] = bool(fields.number(">b"))
    elif api == "Produce":
        detail["topic"] = _first_topic(fields, version)
    return detail


def _first_topic(fields: Fields, version: int) -> Optional[str]:
    """librdkafka sends one topic in a Produce; later versions have an id in place of the name."""
    fields.number(">h")  # acks
    fields.number(">i")  # timeout
    topics = fields.count()
    return fields.string(fields.flexible) if topics and version < 13 else None


def _first_error(fields: Fields, version: int) -> Optional[int]:
    """Of the first partition in a Produce's answer."""
    if version >= 13 or not fields.count():
        return None
    fields.string(fields.flexible)
    return (fields.count(), fields.number(">i"), fields.number(">h"))[2]


def _answer_detail(api: str, version: int, body) -> dict:
    fields = Fields(body, version >= FLEXIBLE_FROM[api])
    fields.skip_tags()
    if api == "Produce":
        return {"error": _first_error(fields, version)}
    fields.number(">i")  # throttle time
    detail = {"error": fields.number(">h")}
    if api == "InitProducerId" or version >= 5:
        detail |= {"producer_id": fields.number(">q"), "epoch": fields.number(">h")}
    return detail


class _Gone(Exception):
    """This connection has nothing more to carry."""


class Connection:
    """One client, one connection to the server, and a thread for each direction."""

    def __init__(self, proxy, number: int, client: socket.socket, server: socket.socket):
        self.proxy, self.number, self.client, self.server = proxy, number, client, server
        self.pending = {}                 # correlation id -> (api, version, detail) of requests without an answer
        self.answered = threading.Condition()
        self.orphan = False               # the client's side was closed on purpose, the server's lives
        self.pumps_left = 2
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self):
        for direction in DIRECTIONS:
            threading.Thread(target=self._pump, args=(direction,), daemon=True).start()

    def cut(self):
        """Close both sides, as a lost network path does in the end."""
        for sock in (self.client, self.server):
            _shut(sock)
        with self.answered:
            self.answered.notify_all()

    # -- one direction ------------------------------------------------------------------------------------------

    def _pump(self, direction: str):
        source, target = (self.client, self.server) if direction == "request" else (self.server, self.client)
        carry = _Splitter(self, direction, target).feed if self.proxy.protocol == "kafka" else \
            lambda chunk: self.send(target, chunk)
        try:
            while chunk := source.recv(CHUNK):
                carry(chunk)
            if not self.orphan:
                target.shutdown(socket.SHUT_WR)
        except (_Gone, OSError):
            self.cut()
        except Exception as error:  # a callback's, or a frame that is not Kafka's: the test must hear of it
            self.proxy.failures.append(error)
            self.cut()
        finally:
            if direction == "answer" and self.orphan:
                self.cut()
            self._leave()

    def _leave(self):
        """The last pump closes the sockets: a number closed earlier could be another connection's by now."""
        with self.proxy.lock:
            self.pumps_left -= 1
            last = self.pumps_left == 0
        with self.answered:
            self.answered.notify_all()
        if last:
            self.client.close()
            self.server.close()
            self.proxy.forget(self)

    def send(self, target: socket.socket, data):
        """Send with the proxy's general faults: latency, stall, slices."""
        if target is self.client and self.orphan:
            return
        proxy = self.proxy
        if proxy.latency:
            time.sleep(proxy.latency)
        proxy.flowing.wait()
        size = proxy.slice_bytes or len(data)  # read once: a test may change it meanwhile
        for at in range(0, len(data), size):
            target.sendall(data[at:at + size])

    # -- one frame ----------------------------------------------------------------------------------------------

    def act(self, rule: Rule, event: Event, target: socket.socket, frame: bytes):
        """Do to the frame what the rule says."""
        rule.taken.append(event)
        rule.hit.set()
        if rule.action == "hold_and_cut":
            self._orphan()
        try:
            if rule.on_hit:
                rule.on_hit(event)
            getattr(self, "_" + rule.action)(rule, event, target, frame)
        finally:
            rule.done.set()

    def _pass(self, _rule, _event, target, frame):
        self.send(target, frame)

    def _delay(self, rule, _event, target, frame):
        time.sleep(rule.seconds)
        self.send(target, frame)

    def _hold(self, rule, _event, target, frame):
        rule.wait_for_release()
        self.send(target, frame)

    def _drop(self, *_):
        pass

    def _cut(self, *_):
        raise _Gone

    _drop_and_cut = _cut

    def _forward_and_cut(self, _rule, event, target, frame):
        if target is self.server:  # the client first, or a quick answer would still reach it
            self._orphan()
        self.send(target, frame)
        if target is self.server:  # it may throw away what it has read from a connection that closes too early
            self._wait_for_answer(event.correlation)
        raise _Gone

    def _hold_and_cut(self, rule, event, target, frame):
        rule.wait_for_release()
        self.send(target, frame)
        self._wait_for_answer(event.correlation)
        raise _Gone

    def _orphan(self):
        self.orphan = True
        _shut(self.client)

    def _wait_for_answer(self, correlation: int):
        with self.answered:
            self.answered.wait_for(lambda: correlation not in self.pending or self.pumps_left < 2, LONGEST_WAIT)

    def answer_came(self, correlation: int):
        with self.answered:
            self.pending.pop(correlation, None)
            self.answered.notify_all()


class _Splitter:
    """Cuts one direction's bytes into Kafka frames, judges each once, and sends what no rule took in large pieces."""

    def __init__(self, connection: Connection, direction: str, target: socket.socket):
        self.connection, self.direction, self.target = connection, direction, target
        self.header = 12 if direction == "request" else 8
        self.rest = bytearray()   # a frame too short to judge yet
        self.passing = 0          # bytes still to come of a frame that was judged

    def feed(self, chunk: bytes):
        if self.passing >= len(chunk):
            self.passing -= len(chunk)
            self.connection.send(self.target, chunk)
            return
        data = bytes(self.rest) + chunk if self.rest else chunk
        sent, at = 0, self.passing
        self.passing = 0
        while at + self.header <= len(data):
            size, = struct.unpack_from(">i", data, at)
            end = at + 4 + size
            if end > len(data) and self._needs_whole(data, at):
                break
            rule, event = self._judge(data, at, end)
            if rule:
                self._flush(data, sent, at)
                self.connection.act(rule, event, self.target, data[at:end])
                sent = end
            at = end
        if at > len(data):
            self.passing = at - len(data)
            at = len(data)
        self._flush(data, sent, at)
        self.rest = bytearray(data[at:])

    def _flush(self, data: bytes, start: int, end: int):
        if end > start:
            self.connection.send(self.target, data[start:end])

    def _peek(self, data: bytes, at: int):
        """(api, version, correlation id, detail) of the frame at `at`; an answer's come from its request."""
        if self.direction == "request":
            key, version, correlation = struct.unpack_from(">hhi", data, at + 4)
            return API_NAMES.get(key, str(key)), version, correlation, {}
        correlation, = struct.unpack_from(">i", data, at + 4)
        api, version, detail = self.connection.pending.get(correlation, ("?", -1, {}))
        return api, version, correlation, detail

    def _needs_whole(self, data: bytes, at: int) -> bool:
        api = self._peek(data, at)[0]
        return api in ALWAYS_WHOLE or self.connection.proxy.has_rule(api, self.direction)

    def _judge(self, data: bytes, at: int, end: int):
        """Trace the frame, and find the rule that takes it. One already half sent can't be taken."""
        api, version, correlation, detail = self._peek(data, at)
        whole = end <= len(data)
        if whole:
            detail = detail | self._detail(api, version, memoryview(data)[at + self.header:end])
        if self.direction == "request":
            self.connection.pending[correlation] = (api, version, detail)
        event = Event(time.monotonic(), self.connection.number, self.direction, api, version, correlation,
                      end - at - 4, detail, "")
        rule = self.connection.proxy.judge(event, whole)
        if self.direction == "answer":
            self.connection.answer_came(correlation)
        return rule, event

    def _detail(self, api: str, version: int, body) -> dict:
        read = _request_detail if self.direction == "request" else _answer_detail
        return read(api, version, body) if api in FLEXIBLE_FROM else {}


class Proxy:
    """Listens on a loopback port and carries bytes to `target`, which may be set later."""

    def __init__(self, target=None, port: int = 0, protocol: Optional[str] = "kafka", host: str = "127.0.0.1"):
        self.target, self.protocol = target, protocol
        self.latency = 0.0        # seconds added to each piece in each direction
        self.slice_bytes = 0      # send in pieces of at most so many bytes
        self.refusing = False     # new connections are closed at once
        self.flowing = threading.Event()
        self.flowing.set()
        self.lock = threading.RLock()
        self.rules, self.connections = [], {}
        self.trace = collections.deque(maxlen=2_000_000)
        self.failures = []        # exceptions of callbacks and of the frame reader
        self.accepted = self.cuts = 0
        self.stopping = threading.Event()
        self.listener = socket.create_server((host, port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if self.failures and kind is None:
            raise self.failures[0]

    def stop(self):
        """Close everything; held frames are lost."""
        self.stopping.set()
        _shut(self.listener)
        self.listener.close()
        self.cut()
        self.flowing.set()
        for rule in self.rules:
            rule.release()

    # -- faults -------------------------------------------------------------------------------------------------

    def add(self, rule: Rule) -> Rule:
        with self.lock:
            self.rules.append(rule)
        return rule

    def clear(self):
        """Forget all rules; held frames go on."""
        with self.lock:
            rules, self.rules = self.rules, []
        for rule in rules:
            rule.release()

    def cut(self, connection: Optional[Connection] = None):
        """Cut one connection, or all."""
        with self.lock:
            chosen = [connection] if connection else list(self.connections.values())
        for each in chosen:
            each.cut()

    def calm(self):
        """No rules and no faults any more."""
        self.clear()
        self.latency, self.slice_bytes, self.refusing = 0.0, 0, False
        self.resume()

    def stall(self):
        """Half-open: both sides stay connected and hear nothing."""
        self.flowing.clear()

    def resume(self):
        self.flowing.set()

    @contextlib.contextmanager
    def cutting(self, low: float, high: float, seed: int = 0, share: float = 0.5):
        """While inside, every `low` to `high` seconds cut each connection with probability `share`, one at least."""
        over = threading.Event()
        thread = threading.Thread(target=self._cut_at_random, args=(low, high, random.Random(seed), share, over))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _cut_at_random(self, low, high, dice, share, over):
        while not over.wait(dice.uniform(low, high)):
            with self.lock:
                live = list(self.connections.values())
            chosen = [each for each in live if dice.random() < share] or live[:1]
            for each in chosen:
                each.cut()
                self.cuts += 1

    # -- what was seen ------------------------------------------------------------------------------------------

    def events(self, api: Optional[str] = None, direction: Optional[str] = None, since: float = 0.0):
        return [e for e in list(self.trace)
                if e.time >= since and api in (None, e.api) and direction in (None, e.direction)]

    def answer_to(self, request: Event) -> Optional[Event]:
        """The server's answer, also where no client was left to hear it."""
        place = (request.connection, request.correlation)
        return next((e for e in self.events(request.api, "answer", request.time)
                     if (e.connection, e.correlation) == place), None)

    def unanswered(self, connection: int, api: str):
        """Correlation ids of what the server still has to answer on a connection."""
        with self.lock:
            live = self.connections.get(connection)
        return [c for c, (name, *_) in live.pending.copy().items() if name == api] if live else []

    def count(self, api: str, direction: str = "request", since: float = 0.0) -> int:
        return len(self.events(api, direction, since))

    # -- called by connections ----------------------------------------------------------------------------------

    def has_rule(self, api: str, direction: str) -> bool:
        return any(r.api == api and r.direction == direction for r in self.rules)

    def judge(self, event: Event, whole: bool) -> Optional[Rule]:
        """Each matching rule counts the frame; of several that pick it the first added takes it."""
        with self.lock:
            taken = [rule for rule in self.rules if whole and rule.takes(event)]
            self.trace.append(event._replace(action=taken[0].action) if taken else event)
        return taken[0] if taken else None

    def forget(self, connection: Connection):
        with self.lock:
            self.connections.pop(connection.number, None)

    def _accept(self):
        while not self.stopping.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self._connect(client)

    def _connect(self, client: socket.socket):
        try:
            if self.refusing or not self.target:
                raise OSError("refusing")
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        with self.lock:
            self.accepted += 1
            connection = self.connections[self.accepted] = Connection(self, self.accepted, client, server)
        connection.start()


def _shut(sock: socket.socket):
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


# -- as a program -----------------------------------------------------------------------------------------------

def parse_rule(text: str) -> Rule:
    """`EndTxn:answer:3:cut` or `EndTxn:request:3:hold_and_cut:2.5`."""
    api, direction, nth, action, *seconds = text.split(":")
    return Rule(api=api, direction=direction, nth=int(nth), action=action,
                seconds=float(seconds[0]) if seconds else None)


def _address(text: str):
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=int, default=0, metavar="PORT")
    parser.add_argument("--target", type=_address, required=True, metavar="HOST:PORT")
    parser.add_argument("--raw", action="store_true", help="not Kafka: no frames, no rules")
    parser.add_argument("--rule", type=parse_rule, action="append", default=[],
                        metavar="API:DIRECTION:NTH:ACTION[:SECONDS]")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--slice", type=int, default=0, metavar="BYTES")
    parser.add_argument("--cut-every", type=float, nargs=2, metavar=("LOW", "HIGH"), help="seconds between random cuts")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    args = _arguments()
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(Proxy(args.target, args.listen, None if args.raw else "kafka"))
        proxy.latency, proxy.slice_bytes = args.latency, args.slice
        for rule in args.rule:
            proxy.add(rule)
        if args.cut_every:
            stack.enter_context(proxy.cutting(*args.cut_every, seed=args.seed))
        print(f"listening on {proxy.address}", flush=True)
        while not over.wait(0.2):
            while proxy.trace:
                print(*proxy.trace.popleft(), flush=True)


if __name__ == "__main__":
    main()
