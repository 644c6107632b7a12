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
    minutes: int
    """What a job usually takes."""
    certificates: tuple[str, ...] = ()
    """What somebody of the crew must hold."""


SERVICES = (
    ServiceKind(
        "pothole",
        "Pothole",
        "asphalt",
        3,
        72,
        ("Pothole in the right lane", "Cluster of potholes", "Edge of the road broken off"),
        (("Cold patch", "kg"), ("Tack coat", "l")),
        minutes=60,
    ),
    ServiceKind(
        "signal",
        "Traffic signal",
        "electric",
        1,
        8,
        ("Signal dark", "Signal stuck on red", "Pedestrian button dead"),
        (("LED module", "pcs"), ("Cable", "m")),
        minutes=90,
        certificates=("electrician",),
    ),
    ServiceKind(
        "street-light",
        "Street light",
        "electric",
        4,
        240,
        ("Street light out", "Street light on all day", "Pole leaning"),
        (("LED lamp", "pcs"), ("Photocell", "pcs")),
        minutes=45,
        certificates=("electrician",),
    ),
    ServiceKind(
        "tree",
        "Fallen tree",
        "tree",
        2,
        24,
        ("Tree across the road", "Large limb hanging", "Stump on the sidewalk"),
        (("Chain oil", "l"),),
        minutes=120,
        certificates=("chainsaw",),
    ),
    ServiceKind(
        "drain",
        "Storm drain",
        "drainage",
        3,
        96,
        ("Storm drain blocked", "Grate missing", "Water stands on the road"),
        (("Grate", "pcs"), ("Gravel", "kg")),
        minutes=75,
    ),
    ServiceKind(
        "sign",
        "Traffic sign",
        "signs",
        3,
        120,
        ("Stop sign down", "Sign faded", "Sign hidden by branches"),
        (("Sign post", "pcs"), ("Concrete mix", "kg")),
        minutes=40,
    ),
    ServiceKind(
        "guardrail",
        "Guardrail",
        "steel",
        2,
        168,
        ("Guardrail bent", "End piece missing"),
        (("Rail section", "m"), ("Bolts", "pcs")),
        minutes=150,
    ),
    ServiceKind(
        "winter",
        "Winter service",
        "winter",
        1,
        4,
        ("Icy hill", "Snow drift across the lane", "Bridge deck frozen"),
        (("Salt", "kg"), ("Grit", "kg")),
        minutes=60,
    ),
)


REQUIRED_ON_COMPLETION = {"fields": ["resolution"]}
"""Of every kind of work: nobody completes a job without saying how."""


class CrewKind(NamedTuple):
    """A crew, and the code of the county that employs it."""

    code: str
    name: str
    county: str
    skills: tuple[str, ...]
    certificates: tuple[str, ...] = ()
    """What its first member holds."""


CREWS = (
    CrewKind("A1", "Asphalt North", "42019", ("asphalt", "drainage")),
    CrewKind("A2", "Asphalt South", "42125", ("asphalt", "drainage")),
    CrewKind("E1", "Electric West", "42003", ("electric",), ("electrician",)),
    CrewKind("E2", "Electric East", "42129", ("electric", "signs"), ("electrician",)),
    CrewKind("T1", "Trees North", "42005", ("tree",), ("chainsaw",)),
    CrewKind("T2", "Trees South", "42051", ("tree", "winter"), ("chainsaw",)),
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

TIME_ZONE = "America/New_York"
CREW_CENTS_PER_HOUR = 14_500
CAP_MINUTES_PER_WEEK = 2_400
"""What one county's crews may work for one other in a week: five days of one crew."""

WEEKDAYS = (1, 2, 3, 4, 5)
SHIFT = ("07:00", 510)
SATURDAY = ("06:00", 300)
"""Of crews that clear snow."""
OVERTIME_MINUTES = 90

OFFICE_HOURS = ("08:00", "17:00")
HOLIDAYS = (("2026-11-26", "Thanksgiving"), ("2026-12-25", "Christmas Day"), ("2027-01-01", "New Year's Day"))
URGENT = 2
"""Work of this priority or a smaller number counts around the clock, other work in office hours."""
