"""Several people change one crew at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.api.crews.scene import Scene
from tests.api.town import Town

AT_ONCE = 6


@pytest.fixture
def scene(town: Town) -> Scene:
    return Scene(town)


def together(asks: list[Callable[[], Any]]) -> Counter[tuple[int, str | None]]:
    """How often each answer came: its status, and a problem's code."""
    barrier = Barrier(len(asks))

    def ask(one: Callable[[], Any]) -> tuple[int, str | None]:
        barrier.wait()
        answer = one()
        return answer.status_code, answer.json.get("code") if answer.status_code >= 400 else None

    with ThreadPoolExecutor(len(asks)) as pool:
        return Counter(pool.map(ask, asks))


def test_one_of_several_shifts_that_overlap_is_taken(scene: Scene) -> None:
    path = f"/v1/crews/{scene.town.alder_crew}/shifts"
    wanted = [
        {"weekday": 1, "starts": f"08:{minute:02}", "minutes": 60, "since": "2026-01-01"} for minute in range(AT_ONCE)
    ]
    answers = together([lambda body=body: scene.admin.post(path, body) for body in wanted])  # type: ignore[misc]
    assert answers == {(201, None): 1, (409, "shifts_overlap"): AT_ONCE - 1}


def test_hand_overs_leave_one_lead(scene: Scene) -> None:
    crew = f"/v1/crews/{scene.town.alder_crew}"
    times = [scene.join(scene.member(f"M{number}"), "2026-01-01") for number in range(AT_ONCE)]
    asks = [
        lambda time=time: scene.admin.post(f"{crew}/lead", {"membership_id": time, "since": "2026-06-01"})  # type: ignore[misc]
        for time in times
    ]
    answers = together(asks)
    assert answers == {(200, None): AT_ONCE}
    leads = [one for one in scene.admin.get(f"{crew}/memberships?on=2026-06-01").json["items"] if one["is_lead"]]
    assert len(leads) == 1
    assert scene.change_of() == scene.head()


def test_what_becomes_known_of_a_member_who_joins_is_never_behind_her_crews_number(scene: Scene) -> None:
    skill = {"sort": "skill", "code": "saw", "valid_from": "2026-01-01"}
    for number in range(AT_ONCE):
        member_id = scene.member(f"M{number}")
        wanted = {"member_id": member_id, "since": "2026-01-01"}
        answers = together(
            [
                lambda wanted=wanted: scene.admin.post(f"/v1/crews/{scene.town.birch_crew}/memberships", wanted),  # type: ignore[misc]
                lambda id_=member_id: scene.admin.post(f"/v1/members/{id_}/qualifications", skill),  # type: ignore[misc]
            ]
        )
        assert answers == {(201, None): 2}
        # Either she was a member already, and the skill was stamped, or she came with it.
        assert scene.change_of(scene.town.birch_crew) == scene.head()
