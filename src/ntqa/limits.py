"""How often one client may ask: a token bucket for each, in memory only, under a keyed hash of its address."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_CLIENTS = 10_000  # buckets that are kept; the one that was used longest ago goes first


class RateLimit:
    """`per_minute` requests a minute for each client, which may also come all at once; 0 is no limit. For one thread."""

    def __init__(self, per_minute: float, max_clients: int = MAX_CLIENTS, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity, self._max_clients, self._clock = float(per_minute), max_clients, clock
        self._key = secrets.token_bytes(32)  # of this process: what is kept names nobody
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # tokens, and when they were counted

    def wait(self, client: str) -> float:
        """Take one token: 0 when there was one, otherwise the seconds until there will be."""
        if not self._capacity:
            return 0.0
        name, now = hashlib.blake2b(_network(client).encode(), key=self._key, digest_size=16).digest(), self._clock()
        tokens, counted = self._buckets.pop(name, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - counted) * self._capacity / 60)
        allowed = tokens >= 1
        self._buckets[name] = (tokens - allowed, now)
        if len(self._buckets) > self._max_clients:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) * 60 / self._capacity


def _network(address: str) -> str:
    """The address; of IPv6 the network, because one connection has all addresses of it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def forwarded_address(forwarded_for: str) -> str:
    """The last address of an X-Forwarded-For header, the only one that the proxy itself wrote; "" when it is none."""
    last = forwarded_for.rsplit(",", 1)[-1].strip()
    if last.count(":") == 1 or last.startswith("["):  # with a port
        last = last.rsplit(":", 1)[0] if not last.endswith("]") else last
    last = last.strip("[]")
    try:
        ipaddress.ip_address(last)
    except ValueError:
        return ""
    return last
