"""Publications let open work orders change hands, exactly; withdrawals take back exactly that."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask

from fieldsync.boundaries import reassign as module
from fieldsync.boundaries.reassign import reassign, withdraw
from fieldsync.boundaries.rehearse import rehearse
from tests.agreements import agree
from tests.database.lines import Killed, Lines, make_lines

HALF = {"W": (-81.0, -80.0), "E": (-80.0, -79.0)}
WIDER = {"W": (-81.0, -79.5), "E": (-79.5, -79.0)}
NORTH = 40.5


@pytest.fixture
def lines(sync_app: Flask) -> Lines:
    made = make_lines(sync_app, ("W", "E"))
    made.publish(made.areas(HALF), datetime(2020, 1, 1, tzinfo=UTC))
    return made


def jobs(lines: Lines, *lons: float) -> list[UUID]:
    tablet = lines.world.tablet()
    return [tablet.new_job(location={"lon": lon, "lat": NORTH}) for lon in lons]


def test_a_publication_moves_what_the_lines_move_and_nothing_else(lines: Lines) -> None:
    west, between, east = jobs(lines, -80.5, -79.7, -79.2)
    before = lines.world.rows("SELECT id, version, change FROM work_order WHERE partnership_id = :p")
    version_id = lines.publish(lines.areas(WIDER))
    assert lines.standing()[between][0] == "E"  # until its turn comes
    result = lines.carry_out(reassign, lines.run(version_id))
    assert (result["examined"], result["moved"], result["flagged"]) == (3, 1, 0)
    assert {id_: code for id_, (code, *_) in lines.standing().items()} == {west: "W", between: "W", east: "E"}
    after = lines.world.rows("SELECT id, version, change FROM work_order WHERE partnership_id = :p")
    changed = {row["id"] for row in after} - {row["id"] for row in before if dict(row) in [dict(r) for r in after]}
    assert changed == {between}


def test_tablets_learn_of_it_by_the_ordinary_feed_and_edit_on_without_a_conflict(lines: Lines) -> None:
    (between,) = jobs(lines, -79.7)
    lines.world.assign(between, 0)
    tablet = lines.world.tablet()
    (held,) = [change for change in tablet.pull() if change["id"] == str(between)]
    lines.carry_out(reassign, lines.run(lines.publish(lines.areas(WIDER))))
    (verdict,) = tablet.push(
        tablet.edit("work_order", between, "update", {"status": "in_progress"}, base=held["version"])
    )
    assert (verdict["verdict"], verdict["conflicts"]) == ("applied", [])
    (now,) = [change for change in tablet.pull() if change["id"] == str(between)]
    assert now["record"]["jurisdiction_id"] == str(lines.towns["W"])
    assert now["record"]["status"] == "in_progress"


def test_it_is_in_the_journal_with_the_publication_as_its_author(lines: Lines) -> None:
    (between,) = jobs(lines, -79.7)
    version_id = lines.publish(lines.areas(WIDER))
    lines.carry_out(reassign, lines.run(version_id))
    row = lines.world.rows(
        "SELECT author_id, side, action, fields, before, verdict FROM journal"
        " WHERE partnership_id = :p AND record_id = :id ORDER BY entry DESC LIMIT 1", id=between,
    )[0]  # fmt: skip
    assert (row["author_id"], row["side"], row["action"], row["verdict"]) == (
        version_id, "boundaries", "place", "applied",
    )  # fmt: skip
    assert row["before"] == {"jurisdiction_id": str(lines.towns["E"])}
    assert row["fields"] == {"jurisdiction_id": str(lines.towns["W"])}


def test_closed_work_keeps_its_jurisdiction(lines: Lines) -> None:
    (between,) = jobs(lines, -79.7)
    lines.world.office("work_order", between, "update", 1, {"status": "completed"})
    result = lines.carry_out(reassign, lines.run(lines.publish(lines.areas(WIDER))))
    assert result["moved"] == 0
    assert lines.standing()[between][0] == "E"


def test_crews_are_released_where_it_was_asked_for(lines: Lines) -> None:
    """Its tablets read `gone`; a withdrawal gives the work back."""
    world = lines.world
    world.run("UPDATE crew SET jurisdiction_id = :e WHERE partnership_id = :p AND id = :c", e=lines.towns["E"],
              c=world.crew_ids[0])  # fmt: skip
    (between,) = jobs(lines, -79.7)
    tablet = world.tablet()
    tablet.pull()
    version_id = lines.publish(lines.areas(WIDER))
    assert lines.carry_out(reassign, lines.run(version_id, parameters={"release_crews": True}))["released"] == 1
    assert [change.get("gone") for change in tablet.pull() if change["id"] == str(between)] == ["moved"]
    lines.withdraw(version_id)
    assert lines.carry_out(withdraw, lines.run(version_id))["reversed"] == 1
    (back,) = [change for change in tablet.pull() if change["id"] == str(between)]
    assert back["record"]["jurisdiction_id"] == str(lines.towns["E"])


def test_a_crew_that_an_agreement_lets_work_there_keeps_its_work(lines: Lines) -> None:
    """The rehearsal says so beforehand; an agreement about another kind of work, or one that has ended, does not."""
    world = lines.world
    world.run("UPDATE crew SET jurisdiction_id = :e WHERE partnership_id = :p AND id = :c", e=lines.towns["E"],
              c=world.crew_ids[0])  # fmt: skip
    jobs(lines, -79.7)
    draft = lines.draft(lines.areas(WIDER))

    def fits() -> bool:
        with world.session() as session:
            (listed,) = rehearse(session, world.partnership_id, draft).listed
        return listed.crew_fits

    sides = (world.partnership_id, lines.towns["E"], lines.towns["W"])
    assert not fits()
    with world.session() as session:
        agree(session, *sides, skills=["diving"])
        agree(session, *sides, ends_on=date(2021, 1, 1))
    assert not fits()
    with world.session() as session:
        agree(session, *sides)
    assert fits()
    version_id = lines.publish(lines.areas(WIDER))
    result = lines.carry_out(reassign, lines.run(version_id, parameters={"release_crews": True}))
    assert (result["moved"], result["released"]) == (1, 0)


def test_a_rehearsal_tells_what_the_publication_does_and_writes_nothing(lines: Lines) -> None:
    west, between, east = jobs(lines, -80.5, -79.7, -79.2)
    draft = lines.draft(lines.areas(WIDER))
    with lines.world.session() as session:
        found = rehearse(session, lines.world.partnership_id, draft)
    assert (found.open, found.moved, found.next) == (3, 1, None)
    assert dict(found.pairs) == {(lines.towns["E"], lines.towns["W"]): 1}
    # Its crew is employed by a third town, and nobody has agreed on anything.
    assert [(one.id, one.crew_fits) for one in found.listed] == [(between, False)]
    assert {code for code, *_ in (lines.standing()[west], lines.standing()[east])} == {"W", "E"}


def test_a_withdrawal_reverses_what_nobody_has_changed_since(lines: Lines) -> None:
    kept, dragged, done, other = jobs(lines, -79.7, -79.8, -79.9, -79.2)
    before = lines.standing()
    version_id = lines.publish(lines.areas(WIDER))
    lines.carry_out(reassign, lines.run(version_id))
    lines.world.office("work_order", dragged, "update", 2, {"location": {"lon": -80.7, "lat": NORTH}})
    lines.world.office("work_order", done, "update", 2, {"status": "completed"})
    lines.world.office("work_order", kept, "update", 2, {"title": "Changed, but not where it belongs"})
    lines.withdraw(version_id)
    result = lines.carry_out(withdraw, lines.run(version_id))
    assert result == {"made": 3, "reversed": 1, "left": 2, "flagged": 0}
    after = lines.standing()
    assert after[kept] == before[kept]
    assert after[other] == before[other]
    assert after[dragged][0] == "W"  # where its new point lies
    assert after[done][0] == "W"  # for whom it was done
    assert lines.carry_out(withdraw, lines.run(version_id)) == result  # once more changes nothing


def test_what_the_withdrawn_version_placed_itself_waits_for_a_person(lines: Lines) -> None:
    version_id = lines.publish(lines.areas(WIDER))
    lines.carry_out(reassign, lines.run(version_id))
    new, same = jobs(lines, -79.7, -80.5)
    lines.withdraw(version_id)
    assert lines.carry_out(withdraw, lines.run(version_id))["flagged"] == 1
    assert lines.standing()[new] == ("W", "inside", "withdrawn")
    assert lines.standing()[same] == ("W", "inside", None)


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_killed_in_the_middle_and_taken_up_again_it_ends_the_same(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(module, "EXAMINED_PER_READ", 3)
    monkeypatch.setattr(module, "MOVES_PER_COMMIT", 2)
    ids = jobs(lines, *[-79.9 + number / 50 for number in range(16)])
    version_id = lines.publish(lines.areas(WIDER))
    killed = lines.run(version_id, die=lambda told: told == at)
    with pytest.raises(Killed):
        lines.carry_out(reassign, killed)
    result = lines.carry_out(reassign, lines.run(version_id, progress=killed.progress))
    assert result["moved"] == 16
    assert {lines.standing()[id_][0] for id_ in ids} == {"W"}
    versions = lines.world.rows("SELECT DISTINCT version FROM work_order WHERE partnership_id = :p")
    assert [row["version"] for row in versions] == [2]  # each moved once
    lines.withdraw(version_id)
    killed = lines.run(version_id, die=lambda told: told == at)
    with pytest.raises(Killed):
        lines.carry_out(withdraw, killed)
    assert lines.carry_out(withdraw, lines.run(version_id, progress=killed.progress))["reversed"] == 16
    assert {lines.standing()[id_][0] for id_ in ids} == {"E"}


def test_a_publication_overtaken_by_the_next_still_ends_as_though_they_came_in_turn(lines: Lines) -> None:
    """The first one's run comes late: what was placed since by the second is the second's."""
    (between,) = jobs(lines, -79.7)
    first = lines.publish(lines.areas(WIDER))
    second = lines.publish(lines.areas(HALF))
    (new,) = jobs(lines, -79.6)
    assert lines.standing()[new][0] == "E"
    lines.carry_out(reassign, lines.run(first))
    assert lines.standing()[new][0] == "E"
    assert lines.standing()[between][0] == "W"
    lines.carry_out(reassign, lines.run(second))
    assert lines.standing()[between][0] == "E"
    lines.withdraw(second)
    lines.carry_out(withdraw, lines.run(second))
    assert lines.standing()[between][0] == "W"  # as the first one had it


def test_a_reassignment_ends_when_its_version_is_withdrawn(lines: Lines) -> None:
    (between,) = jobs(lines, -79.7)
    version_id = lines.publish(lines.areas(WIDER))
    lines.withdraw(version_id)
    assert lines.carry_out(reassign, lines.run(version_id))["withdrawn"] is True
    assert lines.standing()[between][0] == "E"


def test_a_date_to_come_changes_nothing_until_then(lines: Lines) -> None:
    version_id = lines.publish(lines.areas(WIDER), datetime.now(UTC) + timedelta(hours=1))
    (between,) = jobs(lines, -79.7)
    assert lines.standing()[between][0] == "E"
    lines.withdraw(version_id)
    assert lines.carry_out(withdraw, lines.run(version_id))["made"] == 0
    (another,) = jobs(lines, -79.7)
    assert lines.standing()[another][0] == "E"


def test_an_overlay_takes_its_services_from_the_town_below(lines: Lines) -> None:
    world = lines.world
    other = world.value(
        "INSERT INTO service_type (partnership_id, id, code, name, change)"
        " VALUES (:p, gen_random_uuid(), 'mowing', 'Mowing', 1) RETURNING id"
    )
    hole, grass = (
        jobs(lines, -79.7),
        world.tablet().new_job(location={"lon": -79.7, "lat": NORTH}, service_type_id=str(other)),
    )
    road = lines.overlay("County road", 1, service_types=["pothole"])
    areas = lines.areas({"R1": (-79.75, -79.65)})
    version_id = lines.publish(type(areas)(areas.codes, areas.names, areas.geoms, areas.source, owners=("W",)),
                               layer_id=road)  # fmt: skip
    assert lines.carry_out(reassign, lines.run(version_id))["moved"] == 1
    assert lines.standing()[hole[0]] == ("W", "overlay", None)
    assert lines.standing()[grass] == ("E", "inside", None)
    # What kind of work it is decides whose it is: a correction places it anew.
    world.office("work_order", grass, "update", 1, {"service_type_id": str(world.service_type_id)})
    assert lines.standing()[grass] == ("W", "overlay", None)
    lines.withdraw(version_id)
    lines.carry_out(withdraw, lines.run(version_id))
    assert lines.standing()[hole[0]] == ("E", "inside", None)
    assert lines.standing()[grass] == ("W", "overlay", "withdrawn")


def test_near_a_border_a_job_is_placed_and_flagged(sync_app: Flask) -> None:
    lines = make_lines(sync_app, ("W", "E"), border_m=50)
    lines.publish(lines.areas(HALF), datetime(2020, 1, 1, tzinfo=UTC))
    deep, near, beyond, outside = jobs(lines, -80.5, -80.0005, -80.001, -70.0)  # 42 m and 85 m from the line
    standing = lines.standing()
    assert standing[deep] == ("W", "inside", None)
    assert standing[near] == ("W", "inside", "near_border")
    assert standing[beyond] == ("W", "inside", None)
    assert standing[outside] == (None, "outside", "outside")


def test_the_first_version_takes_in_what_waited_and_its_withdrawal_gives_it_back(sync_app: Flask) -> None:
    lines = make_lines(sync_app, ("W", "E"))
    west, nowhere = jobs(lines, -80.5, -70.0)
    assert set(lines.standing().values()) == {(None, "outside", "outside")}
    version_id = lines.publish(lines.areas(HALF))
    assert lines.carry_out(reassign, lines.run(version_id))["moved"] == 1
    assert lines.standing() == {west: ("W", "inside", None), nowhere: (None, "outside", "outside")}
    lines.withdraw(version_id)
    assert lines.carry_out(withdraw, lines.run(version_id))["reversed"] == 1
    assert set(lines.standing().values()) == {(None, "outside", "outside")}
