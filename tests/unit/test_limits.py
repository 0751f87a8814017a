from __future__ import annotations

import pytest

from ntqa.limits import RateLimit, forwarded_address


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_as_many_as_a_minute_allows_may_come_at_once_then_one_at_a_time(clock: Clock):
    limit = RateLimit(3, clock=clock)
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 20]
    clock.now += 19
    assert limit.wait("a") == pytest.approx(1)
    clock.now += 1.5
    assert [limit.wait("a") == 0 for _ in range(2)] == [True, False]


def test_a_pause_saves_no_more_than_a_minute(clock: Clock):
    limit = RateLimit(2, clock=clock)
    limit.wait("a")
    clock.now += 10_000
    assert [limit.wait("a") == 0 for _ in range(3)] == [True, True, False]


def test_each_client_has_its_own(clock: Clock):
    limit = RateLimit(1, clock=clock)
    assert [limit.wait(client) == 0 for client in ("a", "b", "a")] == [True, True, False]


def test_zero_is_no_limit(clock: Clock):
    limit = RateLimit(0, clock=clock)
    assert {limit.wait("a") for _ in range(1000)} == {0.0}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "", True),
    ],
)
def test_who_counts_as_one_client(clock: Clock, one: str, other: str, same: bool):
    limit = RateLimit(1, clock=clock)
    limit.wait(one)
    assert (limit.wait(other) > 0) is same


def test_no_more_buckets_than_allowed_are_kept_and_none_names_a_client(clock: Clock):
    limit = RateLimit(1, max_clients=2, clock=clock)
    for client in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"):  # .2 was used longest ago
        limit.wait(client)
    assert len(limit._buckets) == 2
    assert limit.wait("192.0.2.1") > 0
    assert limit.wait("192.0.2.2") == 0
    assert "192" not in repr(limit._buckets)
    again = RateLimit(1, clock=clock)
    again.wait("192.0.2.1")
    assert not limit._buckets.keys() & again._buckets.keys()


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.9, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("192.0.2.1, unknown", ""),
        ("", ""),
    ],
)
def test_the_last_hop_is_the_client(header: str, address: str):
    assert forwarded_address(header) == address
