"""Asking a router: what it answers is used, and whatever goes wrong leaves the straight line."""

from __future__ import annotations

import socket

import pytest

from fieldsync.config import ROUTER_CALLS_MAX, ROUTER_POINTS_MAX, Settings
from fieldsync.crews.facts import Point
from fieldsync.dispatch.router import POINTS_MAX, Router
from fieldsync.dispatch.travel import Matrix, StraightLine, distance_m
from tests.api.suggestions.router import SECONDS_A_METRE, FakeRoads

PLACES = [Point(-80 + n / 100, 40.5) for n in range(4)]


def router(url: str, **settings: int) -> Router:
    return Router(Settings(travel_url=url, **({"travel_timeout_ms": 5_000} | settings)))


def test_the_routers_minutes_are_used(roads: FakeRoads) -> None:
    ways = router(roads.url + "/").ways([*PLACES, PLACES[0]])
    assert (ways.by, ways.because, ways.unrouted) == ("router", None, 0)
    for a in PLACES:
        for b in PLACES:
            expected = distance_m(a, b) * SECONDS_A_METRE / 60
            assert ways.travel.minutes(a, b) == pytest.approx(expected, abs=0.01)
    (asked,) = roads.asked
    assert asked == (
        "/table/v1/driving/-80.000000,40.500000;-79.990000,40.500000;-79.980000,40.500000;-79.970000,40.500000"
        "?annotations=duration&sources=0;1;2;3&destinations=0;1;2;3"
    )


def test_a_place_that_was_not_asked_about_goes_by_the_straight_line(roads: FakeRoads) -> None:
    ways = router(roads.url).ways(PLACES[:2])
    assert ways.travel.minutes(PLACES[0], PLACES[3]) == StraightLine(40, 1.3).minutes(PLACES[0], PLACES[3])


def test_nothing_is_asked_about_one_place_or_none(roads: FakeRoads) -> None:
    asks = router(roads.url)
    assert [asks.ways(places).by for places in ([], PLACES[:1])] == ["router", "router"]
    assert roads.asked == []


@pytest.mark.parametrize("count", [2, ROUTER_POINTS_MAX, ROUTER_POINTS_MAX + 1, POINTS_MAX])
def test_many_places_are_asked_for_in_blocks(roads: FakeRoads, count: int) -> None:
    places = [Point(-80 + n / 1000, 40.5) for n in range(count)]
    ways = router(roads.url).ways(places)
    assert isinstance(ways.travel, Matrix)
    assert len(ways.travel._minutes) == count * count
    assert len(roads.sizes) <= ROUTER_CALLS_MAX
    assert max(size[0] for size in roads.sizes) <= ROUTER_POINTS_MAX
    assert sum(sources * targets for _, sources, targets in roads.sizes) == count * count
    a, b = places[0], places[-1]
    assert ways.travel.minutes(a, b) == pytest.approx(distance_m(a, b) * SECONDS_A_METRE / 60, abs=0.01)


def test_too_many_places_are_not_asked_for(roads: FakeRoads) -> None:
    ways = router(roads.url).ways([Point(-80 + n / 1000, 40.5) for n in range(POINTS_MAX + 1)])
    assert (ways.by, ways.because) == ("straight_line", "too_many_places")
    assert roads.asked == []


def test_where_there_is_no_way_the_straight_line_is_taken_and_said(roads: FakeRoads) -> None:
    roads.mood = "island"
    ways = router(roads.url).ways(PLACES)
    assert (ways.by, ways.unrouted) == ("router", 12)
    assert ways.travel.minutes(PLACES[0], PLACES[1]) == StraightLine(40, 1.3).minutes(PLACES[0], PLACES[1])


@pytest.mark.parametrize(
    "mood",
    ["fails", "sends away", "no json", "no durations", "too big", "endless", "negative", "a row too few",
     "a column too few"],
)  # fmt: skip
def test_what_cannot_be_understood_leaves_the_straight_line(roads: FakeRoads, mood: str) -> None:
    roads.mood = mood
    asks = router(roads.url)
    ways = asks.ways(PLACES)
    assert (ways.by, ways.because) == ("straight_line", "unavailable")
    assert ways.travel is asks.straight
    assert len(roads.asked) == 1


@pytest.mark.parametrize("mood", ["slow", "drips"])
def test_nobody_waits_for_a_slow_one(roads: FakeRoads, mood: str) -> None:
    roads.mood = mood
    asks = router(roads.url, travel_timeout_ms=200)
    assert asks.ways(PLACES).because == "unavailable"
    # And the next ones do not wait at all, for a while.
    assert asks.ways(PLACES).because == "unavailable"
    assert len(roads.asked) == 1
    asks._rests_until = 0.0
    roads.mood = "well"
    asks._patience_s = 5.0
    assert asks.ways(PLACES).by == "router"


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        ways = router(url).ways(PLACES)
    assert (ways.by, ways.because) == ("straight_line", "unavailable")


def test_without_a_router_the_straight_line_is_taken() -> None:
    ways = Router(Settings(travel_kmh=60, travel_detour_percent=100)).ways(PLACES)
    assert (ways.by, ways.because) == ("straight_line", "not_configured")
    assert ways.travel.minutes(PLACES[0], PLACES[1]) == pytest.approx(distance_m(*PLACES[:2]) / 1000)


def test_a_straight_line_is_as_long_as_it_is_on_the_earth() -> None:
    """A degree of a meridian on the mean sphere, and a quarter of the equator."""
    assert distance_m(Point(0, 0), Point(0, 1)) == pytest.approx(111_195.08, abs=0.01)
    assert distance_m(Point(0, 0), Point(90, 0)) == pytest.approx(10_007_557.2, abs=0.1)
    assert distance_m(Point(179.5, 0), Point(-179.5, 0)) == pytest.approx(111_195.08, abs=0.01)
