"""The proxy itself, and what it shows of Kafka transactions without any code of ours.

What was seen here, the same with librdkafka 2.0.2, 2.14.2 and 2.16.0, on brokers 4.3.1 (transaction.version 2) and
3.9.1 (no transaction.version; the protocol before KIP-890):

* librdkafka sends EndTxn version 1 to both brokers. The epoch does not move from one transaction to the next, and a
  broker with transaction.version 2 grants such a client no more than the old protocol.
* An EndTxn whose answer is lost is sent again with the same epoch; the broker answers both with no error, and
  commit_transaction() returns success. The application can't see that there were two.
* The first of the two, if it was late and not lost, is carried out by the broker in whatever transaction of the same
  epoch is open when it comes, with no error: a late commit makes half a transaction visible, which is then in doubt
  or sent again (duplicates); a late abort removes rows from a transaction that then commits with success (loss).
* A late Produce of an aborted transaction is taken into the next one when it comes before that one's first record for
  the partition: both have the same sequence number, so the real record is dropped as a repetition, and the commit
  succeeds. transaction.partition.verification does not help, for the partition is in the transaction by then.
* After a new producer's init_transactions() what comes late is answered INVALID_PRODUCER_EPOCH (47) and does nothing.
  So: more than one EndTxn in a transaction, or an abort, and the producer is made anew before the next transaction.
"""
import contextlib
import logging
import socket
import struct
import threading
import time
import uuid

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from proxy import Fields, Proxy, Rule
from support.proc import wait_for

INVALID_PRODUCER_EPOCH = 47
QUIET = logging.Logger("quiet", logging.CRITICAL)
SECONDS = 30
TRANSACTION_VERSION = {"4.3.1": 2, "3.9.1": None}


# --- a transactional client, small enough to read at a glance ---------------------------------------------------

@pytest.fixture
def topic(broker):
    name = f"t{uuid.uuid4().hex[:8]}"
    broker.create_topic(name, 2)
    return name


def client(kind, broker, **options):
    return kind({"bootstrap.servers": broker.brokers, "log_level": 0, **options}, logger=QUIET)


def producer(broker, name, **options):
    made = client(Producer, broker, **{"transactional.id": name, **options})
    made.init_transactions(SECONDS)
    return made


def write(p, topic, value, partition=0):
    """Produced and answered, in the open transaction."""
    p.produce(topic, value, partition=partition)
    assert p.flush(SECONDS) == 0


def transaction(p, topic, value, end="commit_transaction"):
    p.begin_transaction()
    write(p, topic, value)
    getattr(p, end)(SECONDS)


def abort(p):
    """librdkafka purges only what is not in flight: when that connection is cut after the purge, the message waits
    to be sent in a transaction that sends no more, and abort_transaction() times out. Called again it succeeds."""
    for _ in range(SECONDS):
        try:
            return p.abort_transaction(1)
        except KafkaException as why:
            if not why.args[0].retriable():
                raise
    raise TimeoutError("the transaction can't be aborted")


def visible(broker, topic):
    """What a read_committed reader gets, partition after partition."""
    reader = client(Consumer, broker, **{"group.id": topic, "isolation.level": "read_committed",
                                         "enable.partition.eof": True})
    found = []
    with contextlib.closing(reader):
        for partition in (0, 1):
            reader.assign([TopicPartition(topic, partition, 0)])
            while (message := reader.poll(SECONDS)) is not None and not message.error():
                found.append(message.value().decode())
            assert message is not None, "the reader hangs before an open transaction"
    return found


def end_requests(proxy, name):
    return [e for e in proxy.events("EndTxn", "request") if e.detail["transactional_id"] == name]


# --- (a) the answer of an EndTxn is lost ------------------------------------------------------------------------

@pytest.mark.parametrize("direction, action", [("answer", "drop_and_cut"), ("request", "forward_and_cut")])
def test_commit_succeeds_though_its_answer_was_lost(proxy, broker, topic, direction, action):
    p = producer(broker, topic)
    transaction(p, topic, "one")
    lost = proxy.add(Rule(api="EndTxn", direction=direction, action=action))
    transaction(p, topic, "two")
    transaction(p, topic, "three")
    assert lost.hit.is_set()
    ends = end_requests(proxy, topic)
    assert len(ends) == 4, "one each, and a second for the transaction whose answer was lost"
    assert len({(e.detail["producer_id"], e.detail["epoch"]) for e in ends}) == 1
    assert {e.version for e in ends} == {1}, "librdkafka speaks KIP-890 now: the taint rule can go"
    assert visible(broker, topic) == ["one", "two", "three"]


def test_a_commit_slower_than_the_socket_timeout_is_sent_twice(proxy, broker, topic):
    p = producer(broker, topic, **{"socket.timeout.ms": 1000, "transaction.timeout.ms": 30000})
    proxy.add(Rule(api="EndTxn", direction="answer", action="delay", seconds=2.5))
    transaction(p, topic, "slow")
    assert len(end_requests(proxy, topic)) == 2
    assert visible(broker, topic) == ["slow"]


# --- (b) an EndTxn arrives in the next transaction --------------------------------------------------------------

class Late:
    """A transaction whose EndTxn was late, and the next one, half written when it arrives."""

    def __init__(self, proxy, broker, topic, end, renew):
        self.proxy, self.topic = proxy, topic
        self.p = producer(broker, topic)
        transaction(self.p, topic, "before")
        self.held = proxy.add(Rule(api="EndTxn", action="hold_and_cut"))
        transaction(self.p, topic, "ended", end)
        self.requests = len(end_requests(proxy, topic)) - 1
        if renew:
            self.p = producer(broker, topic)
        self.p.begin_transaction()
        write(self.p, topic, "half")
        self.held.release()
        assert self.held.done.wait(SECONDS)

    def error(self):
        """The broker's answer to the late request."""
        return self.proxy.answer_to(self.held.taken[0]).detail["error"]


def test_the_hazard_a_late_commit_makes_half_a_transaction_visible(proxy, broker, topic):
    late = Late(proxy, broker, topic, "commit_transaction", renew=False)
    assert (late.requests, late.error()) == (2, 0)
    with pytest.raises(KafkaException):  # INVALID_TXN_STATE, fatal: the application will send "half" again
        late.p.abort_transaction(SECONDS)
    assert visible(broker, topic) == ["before", "ended", "half"]


def test_the_hazard_a_late_abort_loses_rows_of_a_commit_that_succeeds(proxy, broker, topic):
    late = Late(proxy, broker, topic, "abort_transaction", renew=False)
    assert (late.requests, late.error()) == (2, 0)
    write(late.p, topic, "position", partition=1)
    late.p.commit_transaction(SECONDS)
    assert visible(broker, topic) == ["before", "position"]


@pytest.mark.parametrize("end, kept", [("commit_transaction", ["before", "ended"]), ("abort_transaction", ["before"])])
@pytest.mark.parametrize("next_end", ["commit_transaction", "abort_transaction"])
def test_the_cure_a_new_epoch_before_the_next_transaction(proxy, broker, topic, end, kept, next_end):
    late = Late(proxy, broker, topic, end, renew=True)
    assert (late.requests, late.error()) == (2, INVALID_PRODUCER_EPOCH)
    write(late.p, topic, "position", partition=1)
    getattr(late.p, next_end)(SECONDS)
    whole = ["half", "position"] if next_end == "commit_transaction" else []
    assert visible(broker, topic) == kept + whole


# --- a Produce arrives after its transaction was aborted (fault 14) ---------------------------------------------

def late_produce(proxy, broker, topic, renew):
    """What is visible when the Produce of an aborted transaction comes just before the next one's; and its answer."""
    p = producer(broker, topic)
    transaction(p, topic, "before")
    late = proxy.add(Rule(api="Produce", action="hold_and_cut"))
    p.begin_transaction()
    p.produce(topic, "aborted", partition=0)
    assert late.hit.wait(SECONDS)
    abort(p)
    if renew:
        p = producer(broker, topic)
    proxy.add(Rule(api="Produce", on_hit=lambda _: (late.release(), late.done.wait(SECONDS))))
    errors = []
    proxy.add(Rule(api="Produce", direction="answer", on_hit=lambda event: errors.append(event.detail["error"])))
    transaction(p, topic, "next")
    return visible(broker, topic), errors[0]


def test_the_hazard_a_late_produce_takes_the_place_of_the_next(proxy, broker, topic):
    """It has the sequence number that the next record has too: that one is taken for its repetition."""
    assert late_produce(proxy, broker, topic, renew=False) == (["before", "aborted"], 0)


def test_the_cure_a_new_epoch_after_each_abort(proxy, broker, topic):
    assert late_produce(proxy, broker, topic, renew=True) == (["before", "next"], INVALID_PRODUCER_EPOCH)


# --- what the broker says of itself -----------------------------------------------------------------------------

def finalized_features(port):
    """Name and level of the features in force: the tagged field 2 of the answer to ApiVersions version 4."""
    request = struct.pack(">hhih", 18, 4, 1, -1) + b"\0" + b"\2x" + b"\2x" + b"\0"
    with socket.create_connection(("127.0.0.1", port), SECONDS) as s, s.makefile("rb") as answer:
        s.sendall(struct.pack(">i", len(request)) + request)
        fields = Fields(answer.read(*struct.unpack(">i", answer.read(4))), flexible=True)
    fields.number(">i"), fields.number(">h")  # correlation id, error
    for _ in range(fields.count()):
        [fields.number(">h") for _ in range(3)], fields.skip_tags()
    fields.number(">i")  # throttle time
    for _ in range(fields.varint()):
        tag, size = fields.varint(), fields.varint()
        if tag == 2:
            return dict(feature(fields) for _ in range(fields.count()))
        fields.at += size
    return {}


def feature(fields):
    name, level, _ = fields.string(compact=True), fields.number(">h"), fields.number(">h")
    fields.skip_tags()
    return name, level


def test_which_transaction_version_was_tried(broker):
    assert finalized_features(broker.direct_port).get("transaction.version") == TRANSACTION_VERSION[broker.version]


# --- the proxy's general faults, on plain bytes -----------------------------------------------------------------

class Echo:
    """Sends back what it gets, with the sizes of the pieces that came."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.pieces = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(sock,), daemon=True).start()

    def _answer(self, sock):
        with contextlib.suppress(OSError), sock:
            while data := sock.recv(65536):
                self.pieces.append(len(data))
                sock.sendall(data)


@pytest.fixture
def plain():
    echo = Echo()
    with Proxy(echo.listener.getsockname(), protocol=None) as proxy:
        proxy.echo = echo
        yield proxy
    echo.listener.close()


@pytest.fixture
def sock(plain):
    with socket.create_connection(("127.0.0.1", plain.port), 5) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield s


def ask(sock, data):
    sock.sendall(data)
    found = b""
    while len(found) < len(data) and (piece := sock.recv(65536)):
        found += piece
    return found


def test_bytes_pass_unchanged(sock):
    data = bytes(range(256)) * 20000
    threading.Thread(target=sock.sendall, args=(data,), daemon=True).start()
    found = b""
    while len(found) < len(data):
        found += sock.recv(65536)
    assert found == data


def test_slices_are_small(plain, sock):
    data = bytes(range(256)) * 50
    plain.slice_bytes = 1
    assert ask(sock, data) == data
    assert len(plain.echo.pieces) > 1


def test_no_byte_is_lost_when_the_slices_change(plain, sock):
    data = bytes(range(256)) * 20
    stop = threading.Event()

    def change():
        while not stop.is_set():
            plain.slice_bytes = 0 if plain.slice_bytes else 7
    threading.Thread(target=change, daemon=True).start()
    sock.settimeout(10)
    assert all(ask(sock, data) == data for _ in range(20))
    stop.set()


def test_latency_delays(plain, sock):
    plain.latency = 0.1
    began = time.monotonic()
    assert ask(sock, b"x") == b"x"
    assert time.monotonic() - began >= 0.2


def test_half_open_hears_nothing_until_resumed(plain, sock):
    assert ask(sock, b"x") == b"x"
    plain.stall()
    sock.sendall(b"y")
    sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        sock.recv(1)
    plain.resume()
    assert sock.recv(1) == b"y"


def test_cut_and_refused(plain, sock):
    assert ask(sock, b"x") == b"x"
    plain.refusing = True
    plain.cut()
    assert ask(sock, b"") == b"" and closed(sock)
    with socket.create_connection(("127.0.0.1", plain.port), 5) as other:
        assert closed(other)


def closed(sock):
    with contextlib.suppress(ConnectionResetError):
        return sock.recv(1) == b""
    return True


def test_cutting_at_random_cuts(plain, sock):
    assert ask(sock, b"x") == b"x"
    with plain.cutting(0.01, 0.02):
        assert closed(sock)
    assert plain.cuts


# --- frames, split at every byte --------------------------------------------------------------------------------

def frame(body):
    return struct.pack(">i", len(body)) + body


def end_txn(correlation, commit):
    return frame(struct.pack(">hhih", 26, 1, correlation, 1) + b"c" + struct.pack(">h", 1) + b"t"
                 + struct.pack(">qhb", 7, 3, commit))


STREAM = [end_txn(1, True), frame(struct.pack(">hhi", 3, 0, 2) + b"x" * 50), end_txn(3, False)]


@contextlib.contextmanager
def through_proxy(*rules):
    """An echo server, a proxy with rules before it, a connection through it."""
    echo = Echo()
    with Proxy(echo.listener.getsockname()) as proxy:
        for rule in rules:
            proxy.add(rule)
        with socket.create_connection(("127.0.0.1", proxy.port), 5) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield proxy, echo, sock
    echo.listener.close()


def arrives(echo, size):
    wait_for(lambda: sum(echo.pieces) >= size, 5, f"{size} bytes arrive")
    assert sum(echo.pieces) == size


def test_frames_are_found_however_they_are_cut():
    """In pieces of any size: the same trace, the same frame dropped, the others unchanged."""
    for size in range(1, sum(map(len, STREAM)) + 1):
        in_pieces(size)


def in_pieces(size):
    rule = Rule(api="EndTxn", nth=2, action="drop")
    stream = b"".join(STREAM)
    with through_proxy(rule) as (proxy, echo, sock):
        for at in range(0, len(stream), size):
            sock.sendall(stream[at:at + size])
        assert rule.done.wait(5)
        arrives(echo, len(stream) - len(STREAM[2]))
        seen = proxy.events(direction="request")
        assert [(e.api, e.correlation) for e in seen] == [("EndTxn", 1), ("Metadata", 2), ("EndTxn", 3)]
        assert [e.detail.get("commit") for e in seen] == [True, None, False]
        assert [e.action for e in seen] == ["", "", "drop"]


def test_a_held_frame_holds_what_is_behind_it():
    rule = Rule(api="Metadata", action="hold")
    with through_proxy(rule) as (_, echo, sock):
        sock.sendall(b"".join(STREAM))
        assert rule.hit.wait(5)
        arrives(echo, len(STREAM[0]))
        rule.release()
        arrives(echo, sum(map(len, STREAM)))


def test_a_held_frame_outlives_its_client():
    rule = Rule(api="EndTxn", nth=2, action="hold_and_cut")
    with through_proxy(rule) as (_, echo, sock):
        sock.sendall(b"".join(STREAM))
        wait_for(lambda: closed(sock), 5, "the client is cut off")
        arrives(echo, sum(map(len, STREAM[:2])))
        rule.release()
        arrives(echo, sum(map(len, STREAM)))


def test_a_callback_that_fails_is_heard_of():
    def broken(_):
        raise ValueError("a callback's fault")

    with pytest.raises(ValueError, match="a callback's fault"):
        with through_proxy(Rule(api="EndTxn", on_hit=broken)) as (_, _, sock):
            sock.sendall(STREAM[0])
            assert closed(sock)
