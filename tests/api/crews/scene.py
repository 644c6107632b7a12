"""What the tests of crews have in common: members, equipment, and the sorts of what hangs on a crew or a member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.api.town import Caller, Town


@dataclass(frozen=True)
class Sort:
    """One sort of what hangs on a crew or a member."""

    path: str
    new: dict[str, Any]
    answer: dict[str, Any]
    """What is answered beyond what was sent."""
    patch: dict[str, Any]
    planned: bool
    """Dispatchers change it, too."""
    on_crew: bool = True


SORTS = {
    "shifts": Sort(
        "shifts", {"weekday": 1, "starts": "08:00", "minutes": 480, "since": "2026-01-01"}, {"until": None},
        {"starts": "07:30", "until": "2026-12-31"}, planned=False,
    ),
    "exceptions": Sort(
        "shift-exceptions", {"day": "2026-07-03", "reason": "Holiday"}, {"starts": None, "minutes": None},
        {"starts": "06:00", "minutes": 120, "reason": "Parade"}, planned=True,
    ),
    "absences of a crew": Sort(
        "absences", {"starts_at": "2026-05-04T12:00:00Z", "ends_at": "2026-05-06T12:00:00Z", "reason": "Training"},
        {"member_id": None}, {"ends_at": "2026-05-07T12:00:00Z"}, planned=True,
    ),
    "absences of a member": Sort(
        "absences", {"starts_at": "2026-05-04T12:00:00Z", "ends_at": "2026-05-06T12:00:00Z", "reason": "Leave"},
        {"crew_id": None}, {"starts_at": "2026-05-05T12:00:00Z"}, planned=True, on_crew=False,
    ),
    "qualifications": Sort(
        "qualifications", {"sort": "certificate", "code": "cdl-b", "valid_from": "2026-01-01"},
        {"number": None, "valid_until": None}, {"number": "B-77", "valid_until": "2027-12-31"}, planned=False,
        on_crew=False,
    ),
    "equipment": Sort("equipment", {"since": "2026-01-01"}, {"until": None}, {"until": "2026-03-31"}, planned=False),
}  # fmt: skip


@dataclass
class Scene:
    """A town's crew with one member, whom the town employs, and a truck of the town's."""

    town: Town

    def __post_init__(self) -> None:
        self.admin = self.town.staff("admin")
        self.mary = self.member("Mary", self.town.alder)
        self.membership = self.join(self.mary, "2026-01-01")
        self.truck = self.machine("T1", self.town.alder)

    def member(self, name: str, employer: UUID | None = None) -> str:
        wanted = {"name": name, "jurisdiction_id": employer and str(employer)}
        return self._made(self.admin.post("/v1/members", wanted))

    def join(self, member_id: str, since: str, crew_id: UUID | None = None, **more: Any) -> str:
        path = f"/v1/crews/{crew_id or self.town.alder_crew}/memberships"
        return self._made(self.admin.post(path, {"member_id": member_id, "since": since} | more))

    def machine(self, code: str, owner: UUID, sort: str = "vehicle") -> str:
        wanted = {"jurisdiction_id": str(owner), "sort": sort, "code": code, "name": f"Truck {code}"}
        return self._made(self.admin.post("/v1/equipment", wanted))

    def path(self, sort: Sort) -> str:
        owner = f"crews/{self.town.alder_crew}" if sort.on_crew else f"members/{self.mary}"
        return f"/v1/{owner}/{sort.path}"

    def new(self, sort: Sort) -> dict[str, Any]:
        return sort.new | ({"equipment_id": self.truck} if sort.path == "equipment" else {})

    def change_of(self, crew_id: UUID | None = None) -> int:
        """The number that the crew has."""
        crew_id = crew_id or self.town.alder_crew
        sql = "SELECT change FROM crew WHERE partnership_id = :p AND id = :crew_id"
        (row,) = self.town.rows(sql, crew_id=crew_id)
        return int(row["change"])

    def head(self) -> int:
        (row,) = self.town.rows("SELECT change FROM head WHERE partnership_id = :p")
        return int(row["change"])

    @staticmethod
    def _made(answer: Any) -> str:
        assert answer.status_code == 201, answer.json
        return str(answer.json["id"])


def refused(answer: Any) -> tuple[int, str, str | None]:
    """Status, code and field of a refusal."""
    return answer.status_code, answer.json["code"], answer.json.get("field")


def people(town: Town) -> dict[str, Caller]:
    """Staff of the crew's town, by role."""
    return {role: town.staff((role, town.alder)) for role in ("admin", "dispatcher", "gis", "finance")}
