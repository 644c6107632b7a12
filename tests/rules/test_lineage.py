"""Histories that a restore ended: what they share with the present one, and what a version seen in one is worth."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldsync.journal.edits import Author, Decision, Edit, Verdict
from fieldsync.partnerships.lineage import Lineage, Shared, base_entry, begin
from tests.rules.stage import OFFICE, SECOND_OFFICE, SECOND_TABLET, TABLET, Journal, edit, job


@dataclass
class Database:
    """A history: its entries, each written once in the world, and what it knows of others."""

    epoch: str
    entries: list[object] = field(default_factory=list)
    past: Lineage = field(default_factory=dict)

    def copied(self) -> Database:
        return Database(self.epoch, list(self.entries), dict(self.past))


def shared(one: list[object], other: list[object]) -> int:
    """How many entries two histories have in common, before they part."""
    count = 0
    while count < min(len(one), len(other)) and one[count] is other[count]:
        count += 1
    return count


ACTS = st.lists(st.sampled_from(["write", "write", "back up", "restore", "restore blindly"]), max_size=40)


@given(ACTS, st.randoms(use_true_random=False))
def test_a_lineage_says_how_much_two_histories_share(acts: list[str], chance: random.Random) -> None:
    """However often backups of whatever history are restored: never more than they share. And exactly that after two
    restores, where the replaced databases can be read; what a lineage was lowered by once it does not get back."""
    present = Database("0")
    backups = [present.copied()]
    ended: dict[str, Database] = {}
    blind, restores = False, 0
    for number, act in enumerate(acts):
        if act == "write":
            present.entries.append(object())
        elif act == "back up":
            backups.append(present.copied())
        else:
            blind, restores = blind or act == "restore blindly", restores + 1
            backup = chance.choice(backups)
            replaced, ended[present.epoch] = present, present
            present = backup.copied()
            end = Shared(len(present.entries), len(present.entries))
            known = None if act == "restore blindly" else replaced.epoch
            present.past = begin(present.epoch, present.past, end, known, replaced.past if known else None)
            present.epoch = f"{number + 1}"
        assert present.epoch not in present.past
        for epoch, other in ended.items():
            truth = shared(other.entries, present.entries)
            assert base_entry(present.past, epoch) <= truth
            if not blind and restores <= 2:
                assert present.past[epoch].entry == truth


def test_of_a_history_that_nobody_knows_nothing_is_shared() -> None:
    assert base_entry({"one": Shared(7, 3)}, "two") == 0
    assert base_entry({}, "anything") == 0


# --- what a version is worth that was seen in another history --------------------------------------------------------


def restored(*before: tuple[Author, dict[str, Any]], **values: Any) -> Journal:
    """The journal of a job that was restored just now: all that is in it has entry 1, what comes later a higher one."""
    journal = Journal(job(**values))
    for author, fields in before:
        journal.enter(author, edit(author, "update", journal.record.version, **fields))
    for touch in journal.history:
        touch.entry = 1
    return journal


def in_old(made: Edit) -> Edit:
    """The edit, with a base version that was seen in the history that ended."""
    made.base_entry = 1
    return made


def one(journal: Journal, author: Author, made: Edit) -> Decision:
    (decision,) = journal.enter(author, made).decisions
    return decision


@pytest.mark.parametrize("aware", [True, False])
def test_a_version_of_before_the_restore_is_not_taken_for_the_one_with_the_same_number(aware: bool) -> None:
    """The tablet saw version 3, which was lost; the version 3 that is there now is somebody else's."""
    journal = restored((OFFICE, {"title": "Two holes"}), description="By the school")
    one(journal, OFFICE, edit(OFFICE, "update", 2, minute=1, description="By the bridge"))
    assert journal.record.version == 3
    made = edit(TABLET, "update", 3, minute=2, description="By the church", address="12 Main St")
    decision = one(journal, TABLET, in_old(made) if aware else made)
    if not aware:
        assert decision.clashes == [], "this is what the base entry is for: the bridge is gone, and nobody is told"
        return
    assert decision.verdict is Verdict.CONFLICTED
    (clash,) = decision.clashes
    assert (clash.field, clash.base, {clash.kept, clash.other}) == (
        "description", "By the school", {"By the bridge", "By the church"}
    )  # fmt: skip
    assert journal.record.values["address"] == "12 Main St"


def test_what_both_histories_have_was_seen() -> None:
    journal = restored((OFFICE, {"title": "Two holes"}), (OFFICE, {"title": "Three holes"}))
    decision = one(journal, TABLET, in_old(edit(TABLET, "update", 3, minute=2, title="Four holes")))
    assert (decision.verdict, decision.clashes) == (Verdict.APPLIED, [])


def test_a_version_that_the_restore_lost_counts_as_the_last_one_that_is_there() -> None:
    journal = restored((OFFICE, {"title": "Two holes"}))
    decision = one(journal, TABLET, in_old(edit(TABLET, "update", 9, minute=2, title="Nine holes")))
    assert (decision.verdict, decision.version) == (Verdict.APPLIED, 3)


def test_an_old_version_that_both_histories_have_means_what_it_says() -> None:
    journal = restored((OFFICE, {"title": "Two holes"}))
    decision = one(journal, TABLET, in_old(edit(TABLET, "update", 1, minute=2, title="Nine holes")))
    assert [clash.field for clash in decision.clashes] == ["title"]


def test_a_tablet_never_conflicts_with_what_it_offers_again_itself() -> None:
    """Its own edits come back one after the other, each on a version of the history that ended."""
    journal = restored(description="By the school")
    for number, base in enumerate((1, 2, 4)):
        made = in_old(edit(TABLET, "update", base, minute=number, description=f"{number}", status="in_progress"))
        assert one(journal, TABLET, made).clashes == []
    assert journal.record.values["description"] == "2"


def test_of_two_tablets_that_offer_again_neither_is_overwritten_unseen() -> None:
    """In the history that ended, the second had seen what the first entered; nobody can know that any more."""
    journal = restored(description="By the school")
    one(journal, SECOND_TABLET, in_old(edit(SECOND_TABLET, "update", 2, minute=2, description="By the bridge")))
    decision = one(journal, TABLET, in_old(edit(TABLET, "update", 1, minute=1, description="By the church")))
    assert decision.verdict is Verdict.CONFLICTED
    assert {decision.clashes[0].kept, decision.clashes[0].other} == {"By the bridge", "By the church"}


def test_a_union_of_before_the_restore_keeps_what_others_added_after_it() -> None:
    journal = restored(tags=["wet"])
    one(journal, OFFICE, edit(OFFICE, "update", 1, minute=1, tags=["wet", "dark"]))
    one(journal, TABLET, in_old(edit(TABLET, "update", 4, minute=2, tags=["wet", "deep"])))
    assert set(journal.record.values["tags"]) == {"wet", "dark", "deep"}


def test_within_one_batch_what_came_first_is_the_tablet_s_own() -> None:
    journal = restored(description="By the school")
    edits = [
        in_old(edit(TABLET, "update", 7, minute=number, description=text)) for number, text in enumerate(("a", "b"))
    ]
    assert [decision.clashes for decision in journal.enter(TABLET, *edits).decisions] == [[], []]
    assert journal.record.values["description"] == "b"


def test_a_deletion_of_before_the_restore_meets_what_was_done_after_it() -> None:
    journal = restored((OFFICE, {"title": "Two holes"}))
    one(journal, OFFICE, edit(OFFICE, "update", 2, minute=1, title="Three holes"))
    decision = one(journal, SECOND_OFFICE, in_old(edit(SECOND_OFFICE, "delete", 3, minute=2)))
    assert [clash.sort for clash in decision.clashes] == ["deleted"]
    assert not journal.record.deleted
