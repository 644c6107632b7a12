"""What the demo's partnership consists of. People, streets and jobs are invented."""

from __future__ import annotations

from typing import NamedTuple

SLUG = "demo"
PARTNERSHIP = "Southwestern Pennsylvania shared crews (demo)"


class ServiceKind(NamedTuple):
    """A service type, and what jobs of it look like."""

    code: str
    name: str
    skill: str
    priority: int
    target_hours: int
    titles: tuple[str, ...]
    materials: tuple[tuple[str, str], ...]
    """Material and its unit."""


SERVICES = (
    ServiceKind(
        "pothole",
        "Pothole",
        "asphalt",
        3,
        72,
        ("Pothole in the right lane", "Cluster of potholes", "Edge of the road broken off"),
        (("Cold patch", "kg"), ("Tack coat", "l")),
    ),
    ServiceKind(
        "signal",
        "Traffic signal",
        "electric",
        1,
        8,
        ("Signal dark", "Signal stuck on red", "Pedestrian button dead"),
        (("LED module", "pcs"), ("Cable", "m")),
    ),
    ServiceKind(
        "street-light",
        "Street light",
        "electric",
        4,
        240,
        ("Street light out", "Street light on all day", "Pole leaning"),
        (("LED lamp", "pcs"), ("Photocell", "pcs")),
    ),
    ServiceKind(
        "tree",
        "Fallen tree",
        "tree",
        2,
        24,
        ("Tree across the road", "Large limb hanging", "Stump on the sidewalk"),
        (("Chain oil", "l"),),
    ),
    ServiceKind(
        "drain",
        "Storm drain",
        "drainage",
        3,
        96,
        ("Storm drain blocked", "Grate missing", "Water stands on the road"),
        (("Grate", "pcs"), ("Gravel", "kg")),
    ),
    ServiceKind(
        "sign",
        "Traffic sign",
        "signs",
        3,
        120,
        ("Stop sign down", "Sign faded", "Sign hidden by branches"),
        (("Sign post", "pcs"), ("Concrete mix", "kg")),
    ),
    ServiceKind(
        "guardrail",
        "Guardrail",
        "steel",
        2,
        168,
        ("Guardrail bent", "End piece missing"),
        (("Rail section", "m"), ("Bolts", "pcs")),
    ),
    ServiceKind(
        "winter",
        "Winter service",
        "winter",
        1,
        4,
        ("Icy hill", "Snow drift across the lane", "Bridge deck frozen"),
        (("Salt", "kg"), ("Grit", "kg")),
    ),
)


class CrewKind(NamedTuple):
    """A crew, and the code of the county that employs it."""

    code: str
    name: str
    county: str
    skills: tuple[str, ...]


CREWS = (
    CrewKind("A1", "Asphalt North", "42019", ("asphalt", "drainage")),
    CrewKind("A2", "Asphalt South", "42125", ("asphalt", "drainage")),
    CrewKind("E1", "Electric West", "42003", ("electric",)),
    CrewKind("E2", "Electric East", "42129", ("electric", "signs")),
    CrewKind("T1", "Trees North", "42005", ("tree",)),
    CrewKind("T2", "Trees South", "42051", ("tree", "winter")),
    CrewKind("R1", "Roads West", "42007", ("asphalt", "signs", "steel", "winter")),
    CrewKind("R2", "Roads East", "42063", ("asphalt", "signs", "steel", "winter")),
)

MEMBERS_PER_CREW = 3

FIRST_NAMES = (
    "Ada",
    "Ben",
    "Carla",
    "Dev",
    "Elena",
    "Frank",
    "Grace",
    "Hank",
    "Iris",
    "Jamal",
    "Kim",
    "Luis",
    "Mona",
    "Nate",
    "Olga",
    "Pat",
    "Quinn",
    "Rosa",
    "Sam",
    "Tess",
    "Uma",
    "Vic",
    "Wanda",
    "Yusuf",
)
LAST_NAMES = (
    "Arden",
    "Bell",
    "Castro",
    "Doyle",
    "Eng",
    "Fisher",
    "Grant",
    "Hoang",
    "Ivers",
    "Jones",
    "Kowalski",
    "Lopez",
    "Miller",
)

STREETS = (
    "Main St",
    "Mill Rd",
    "River Ave",
    "Church St",
    "Old Furnace Rd",
    "Ridge Rd",
    "Depot St",
    "Locust Ln",
    "Chestnut St",
    "Coal Hollow Rd",
    "Ferry St",
    "School St",
    "Laurel Run Rd",
    "Third Ave",
    "Union St",
)


class StaffKind(NamedTuple):
    """A person in an office. ``county``: the code of the one county that the role holds for; None: all of them."""

    email: str
    name: str
    role: str
    county: str | None = None


STAFF = (
    StaffKind("dispatcher@demo.example", "Dana Dispatch", "dispatcher"),
    StaffKind("butler@demo.example", "Bo Butler", "dispatcher", "42019"),
    StaffKind("gis@demo.example", "Gina Gis", "gis"),
    StaffKind("admin@demo.example", "Ari Admin", "admin"),
    StaffKind("finance@demo.example", "Fay Finance", "finance"),
)
