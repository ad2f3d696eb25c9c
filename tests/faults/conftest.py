"""Brokers that clients reach only through the proxy."""
import os

import pytest

from proxy import Proxy
from support.fetch import Unavailable
from support.servers import Kafka

# 4.3.1 has transaction version 2 (KIP-890), 3.9.1 the older protocol; librdkafka speaks the older one to both.
VERSIONS = ("4.3.1", "3.9.1")


class ProxiedKafka:
    """A broker that advertises the proxy's port on the listener that clients under test use."""

    def __init__(self, version):
        self.proxy = Proxy()
        self.kafka = Kafka(version, advertised=self.proxy.address)

    def start(self):
        self.kafka.start()
        self.proxy.target = ("127.0.0.1", self.kafka.port)
        return self

    def close(self):
        self.proxy.stop()
        self.kafka.close()


@pytest.fixture(scope="session", params=VERSIONS, ids=[f"kafka-{v}" for v in VERSIONS])
def proxied(request):
    try:
        server = ProxiedKafka(request.param).start()
    except Unavailable as why:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(why))
    yield server
    server.close()


@pytest.fixture
def proxy(proxied):
    """The broker's proxy, with no faults left over from the test before."""
    yield proxied.proxy
    proxied.proxy.calm()
    failures, proxied.proxy.failures = proxied.proxy.failures, []
    assert not failures, failures


@pytest.fixture
def broker(proxied):
    return proxied.kafka
