"""Laws of the merge, for any edits by anybody in any order: nothing is lost, and the same comes of the same."""

from __future__ import annotations

from itertools import permutations
from typing import Any, NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from fieldsync.journal.clash import union
from fieldsync.journal.edits import Author, Decision, Edit, Touch, Verdict
from fieldsync.journal.merge import decide
from fieldsync.journal.text import parts
from fieldsync.workorders.kinds import KINDS, Policy
from tests.rules.stage import AUTHORS, OFFICE, OTHER_CREW, TABLET, Journal, edit, job, open_job, plain

TAGS = st.lists(st.sampled_from("abcd"), max_size=4, unique=True)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["Hole", "Deep hole", "Very deep hole"]),
    "description": st.lists(st.sampled_from(["One. ", "Two.\n", "Three. "]), max_size=3).map(
        lambda p: "".join(p) or None
    ),
    "status": st.sampled_from(["open", "in_progress", "on_hold", "completed", "closed", "cancelled"]),
    "priority": st.integers(1, 4),
    "location": st.sampled_from([{"lon": -80.0, "lat": 40.0}, {"lon": -80.5, "lat": 40.5}]),
    "tags": TAGS,
    "resolution": st.sampled_from(
        [None, "Filled", "Sealed", "Filled. Sealed.", "Dug. Filled.", "Dug. Filled. Sealed."]
    ),
}
"""Few values each, so that edits often meet."""

POLICIES = st.dictionaries(
    st.sampled_from(["title", "description", "priority", "location", "resolution"]).map(lambda n: ("work_order", n)),
    st.sampled_from([Policy.LATEST, Policy.OFFICE, Policy.CREW, Policy.REVIEW]),
    max_size=3,
)
"""Long text is merged unless they say otherwise."""


class Said(NamedTuple):
    """What somebody enters: on how old a version, when, and what."""

    author: Author
    lag: int
    minute: int
    fields: dict[str, Any]

    def on(self, version: int) -> Edit:
        return edit(self.author, "update", max(1, version - self.lag), self.minute, **self.fields)


FIELDS = st.fixed_dictionaries({}, optional=VALUES)
SAID = st.builds(Said, st.sampled_from(AUTHORS), st.integers(0, 4), st.integers(0, 30), FIELDS)
STORY = st.lists(SAID, min_size=1, max_size=12)


def tell(story: list[Said], policies: dict[tuple[str, str], Policy]) -> tuple[Journal, list[Decision]]:
    journal = Journal(job(), policies)
    decisions = []
    for said in story:
        decisions += journal.enter(said.author, said.on(journal.record.version)).decisions
    return journal, decisions


def seen_by(author: Author, touches: list[Touch], base: int, name: str, versions: list[dict[str, Any]]) -> list[Any]:
    """Values of a field that the author has had before her eyes: the base version's, and her own since."""
    own = [t.entered[name] for t in touches if t.author_id == author.id and t.version > base and name in t.entered]
    return [versions[base - 1][name], *own]


def words(text: str | None) -> set[str]:
    return {part.words for part in parts(text or "")}


@given(STORY, POLICIES)
def test_no_value_that_a_person_entered_is_lost(story: list[Said], policies: dict[tuple[str, str], Policy]) -> None:
    """After each edit, what was entered stands, or is named in a conflict; and what it replaced had been seen by its
    author, or is named in a conflict. For a list of tags: nothing that was added is gone unless somebody removed it."""
    journal = Journal(job(), policies)
    for said in story:
        before, touches = dict(journal.record.values), list(journal.history)
        made = said.on(journal.record.version)
        (decision,) = journal.enter(said.author, made).decisions
        if decision.verdict is Verdict.REFUSED:
            assert journal.record.values == before
            continue
        assert made.base_version is not None
        after = journal.record.values
        clashes = {clash.field: clash for clash in decision.clashes}
        for name, mine in made.values.items():
            seen = seen_by(said.author, touches, made.base_version, name, journal.versions)
            if name == "tags":
                had = seen[-1]
                assert set(mine) - set(had) <= set(after[name]), "what the edit added is there"
                assert set(before[name]) - set(after[name]) <= set(had) - set(mine), "only what it removed is gone"
                continue
            if name in KINDS["work_order"].texts and ("work_order", name) not in policies and name not in clashes:
                had, wrote, was, stands = map(words, (seen[-1], mine, before[name], after[name]))
                assert wrote - had <= stands, "what the edit added is there"
                assert was - stands <= had - wrote, "only what it removed is gone"
                continue
            if after[name] != mine:
                assert clashes[name].other == mine
                assert clashes[name].kept == after[name]
            if after[name] != before[name] and before[name] not in seen:
                assert clashes[name].other == before[name]
        assert {name for name in after if after[name] != before[name]} <= made.values.keys(), "nothing else changed"


@given(STORY, POLICIES)
def test_the_same_journal_gives_the_same_records(story: list[Said], policies: dict[tuple[str, str], Policy]) -> None:
    (first, told), (second, again) = tell(story, policies), tell(story, policies)
    assert first.record.values == second.record.values
    assert first.history == second.history
    assert [_outcome(d) for d in told] == [_outcome(d) for d in again]


def _outcome(decision: Decision) -> Any:
    clashes = [plain([c.sort, c.field, c.base, c.kept, c.other, c.kept_is_mine, c.settled]) for c in decision.clashes]
    return decision.verdict, decision.version, decision.before, decision.after, clashes, decision.problem


@given(STORY, POLICIES, st.randoms())
def test_the_order_of_the_fields_in_an_edit_means_nothing(
    story: list[Said], policies: dict[tuple[str, str], Policy], random: Any
) -> None:
    shuffled = []
    for said in story:
        names = list(said.fields)
        random.shuffle(names)
        shuffled.append(said._replace(fields={name: said.fields[name] for name in names}))
    assert tell(story, policies)[0].record.values == tell(shuffled, policies)[0].record.values


@given(STORY, POLICIES, st.lists(SAID, min_size=1, max_size=6), st.sampled_from(AUTHORS))
def test_edits_in_one_batch_come_to_the_same_as_one_by_one(
    story: list[Said], policies: dict[tuple[str, str], Policy], batch: list[Said], author: Author
) -> None:
    """However a tablet's queue is cut into batches, its records and verdicts are the same."""
    at_once, one_by_one = tell(story, policies)[0], tell(story, policies)[0]
    version = at_once.record.version
    edits = [said._replace(author=author).on(version) for said in batch]
    together = at_once.enter(author, *edits).decisions
    singly = [decision for made in edits for decision in one_by_one.enter(author, made).decisions]
    assert [_outcome(d) for d in together] == [_outcome(d) for d in singly]
    assert at_once.record.values == one_by_one.record.values
    assert at_once.record.version == one_by_one.record.version


@given(st.lists(SAID, min_size=1, max_size=10), st.sampled_from(AUTHORS))
def test_ones_own_edits_never_conflict_with_ones_own(story: list[Said], author: Author) -> None:
    """A tablet far from coverage edits a record again and again on the version that it last saw."""
    journal = Journal(job())
    expected = dict(journal.record.values)
    for said in story:
        made = said._replace(author=author).on(journal.record.version)
        (decision,) = journal.enter(author, made).decisions
        assert decision.verdict in (Verdict.APPLIED, Verdict.REFUSED)
        assert decision.clashes == []
        if decision.verdict is Verdict.APPLIED:
            expected |= made.values
    assert journal.record.values == expected, "the last one stands"


@given(STORY, POLICIES)
def test_a_version_is_spent_on_a_change_and_on_nothing_else(
    story: list[Said], policies: dict[tuple[str, str], Policy]
) -> None:
    journal = Journal(job(), policies)
    for said in story:
        was, values = journal.record.version, dict(journal.record.values)
        (decision,) = journal.enter(said.author, said.on(was)).decisions
        changed = journal.record.values != values
        assert journal.record.version == was + changed
        assert decision.version == (None if decision.verdict is Verdict.REFUSED else journal.record.version)
        assert (decision.before or {}) == {n: v for n, v in values.items() if journal.record.values[n] != v}


@given(FIELDS, FIELDS, st.sampled_from(AUTHORS), st.sampled_from(AUTHORS))
def test_edits_of_different_fields_merge_whichever_comes_first(
    one: dict[str, Any], other: dict[str, Any], first: Author, second: Author
) -> None:
    assume(first is not second and not one.keys() & other.keys())
    ends = []
    for order in permutations([(first, one), (second, other)]):
        journal = Journal(job())
        for author, fields in order:
            (decision,) = journal.enter(author, edit(author, "update", 1, **fields)).decisions
            assert decision.clashes == []
        ends.append(journal.record.values)
    assert ends[0] == ends[1]


@given(
    st.sampled_from([Policy.LATEST, Policy.OFFICE, Policy.CREW]),
    st.lists(st.sampled_from(AUTHORS), min_size=2, max_size=4, unique_by=lambda a: a.id),
    st.permutations(range(4)),
)
def test_where_a_policy_decides_the_order_of_receipt_does_not(
    policy: Policy, authors: list[Author], minutes: list[int]
) -> None:
    """All edit the same version at different times: whoever's queue arrives first, the same value stands in the end."""
    said = [(author, minute) for author, minute in zip(authors, minutes, strict=False)]
    ends = set()
    for order in permutations(said):
        journal = Journal(job(), {("work_order", "title"): policy})
        for author, minute in order:
            journal.enter(author, edit(author, "update", 1, minute, title=f"by {author.side} at {minute}"))
        ends.add(journal.record.values["title"])
    assert len(ends) == 1
    preferred = [m for a, m in said if a.side == policy.value] or [m for _, m in said]
    assert ends.pop().endswith(f" {max(preferred)}")


@given(STORY)
def test_what_left_the_crew_is_kept_value_by_value(story: list[Said]) -> None:
    """Custody: nothing of it is done, and everything that differs waits for a person."""
    journal = Journal(job())
    journal.enter(OFFICE, edit(OFFICE, "update", 1, 50, crew_id=OTHER_CREW))
    values = dict(journal.record.values)
    for said in story:
        made = said._replace(author=TABLET).on(2)
        knows = journal.known()
        knows.left.add(journal.record.id)
        (decision,) = decide(TABLET, [made], knows).decisions
        if decision.verdict is Verdict.REFUSED:
            continue
        held = {clash.field: clash.other for clash in decision.clashes}
        assert held == {name: mine for name, mine in made.values.items() if mine != values[name]}
        assert all(clash.sort == "custody" and not clash.settled for clash in decision.clashes)
        assert knows.records["work_order", journal.record.id].values == values


class TestUnion:
    """The algebra of lists without order."""

    @given(TAGS, TAGS, TAGS)
    def test_what_either_added_is_there_and_what_either_removed_is_gone(
        self, base: list[str], one: list[str], other: list[str]
    ) -> None:
        added = (set(one) - set(base)) | (set(other) - set(base))
        removed = (set(base) - set(one)) | (set(base) - set(other))
        assert set(union(base, one, other)) == (set(base) - removed) | added

    @given(TAGS, TAGS, TAGS)
    def test_it_does_not_matter_who_came_first(self, base: list[str], one: list[str], other: list[str]) -> None:
        assert set(union(base, one, other)) == set(union(base, other, one))

    @given(TAGS, TAGS)
    def test_saying_the_same_twice_says_it_once(self, base: list[str], one: list[str]) -> None:
        assert set(union(base, one, one)) == set(one)
        assert union(base, one, base) == one, "nothing was said"

    @given(TAGS, TAGS, TAGS)
    def test_nothing_is_there_twice(self, base: list[str], one: list[str], other: list[str]) -> None:
        stands = union(base, one, other)
        assert len(stands) == len(set(stands))

    @given(TAGS, TAGS, TAGS, TAGS)
    def test_of_three_any_order_comes_to_the_same(
        self, base: list[str], one: list[str], two: list[str], three: list[str]
    ) -> None:
        ends = set()
        for order in permutations(zip(AUTHORS, (one, two, three), strict=False)):
            journal = open_job(tags=base)
            for author, tags in order:
                journal.enter(author, edit(author, "update", 1, tags=tags))
            ends.add(frozenset(journal.record.values["tags"]))
        assert len(ends) == 1


def test_the_stories_cover_every_policy() -> None:
    chosen = {Policy.REVIEW}  # No field's default.
    assert {KINDS["work_order"].policies[name] for name in VALUES} | chosen == set(Policy)
