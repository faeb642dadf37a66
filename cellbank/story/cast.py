"""Who plays in the story of NCT04461925: invented people and names, with numbers as such a trial has them."""

from dataclasses import dataclass
from decimal import Decimal

PASSWORD = "cellbank-demo"
BORN_AS_OF = 2026

PEOPLE = (
    ("olena", "Olena Koval", "technician"),
    ("andriy", "Andriy Bondar", "technician"),
    ("iryna", "Iryna Shevchenko", "quality_officer"),
    ("maksym", "Maksym Tkachenko", "quality_officer"),
    ("nataliia", "Nataliia Melnyk", "clinician"),
    ("petro", "Petro Kravets", "clinician"),
    ("admin", "Sofiia Admin", "administrator"),
    ("auditor", "Bohdan Auditor", "auditor"),
)
# The second site of the trial's protocol; it keeps a small stock of its own.
CLINIC = {
    "code": "KCH4",
    "name": "Kyiv City Clinical Hospital No 4",
    "fin": "A9998",
    "fin_registered": False,
    "timezone": "Europe/Kyiv",
}
PEOPLE_THERE = (
    ("halyna", "Halyna Lysenko", "technician"),
    ("roman", "Roman Savchuk", "quality_officer"),
)
NEWCOMER = ("yurii", "Yurii Moroz", "technician")  # the account waits for a second person
TRAINING_ENDS_SOON = "andriy"


@dataclass(frozen=True)
class DonorPart:
    """A donor; days count back from today."""

    pseudonym: str
    birth_year: int
    delivered_days_ago: int
    eligible: bool = True


DONORS = (
    DonorPart("PL-001", 1994, 150),
    DonorPart("PL-002", 1991, 140),
    DonorPart("PL-003", 1997, 92),
    DonorPart("PL-004", 1989, 120, eligible=False),
)


@dataclass(frozen=True)
class Passage:
    """One passage as counted: days after the one before, viable cells seeded, total cells harvested, viability."""

    days: int
    seeded: int
    harvested: int
    viability: str
    area_cm2: int


@dataclass(frozen=True)
class CellLine:
    """A culture line from tissue to a product lot. P2 also fills a master bank."""

    donor: str
    tissue: str
    explant_days: int
    p0_cells: int
    p0_viability: str
    passages: tuple[Passage, ...]
    vials: int


# Counts as published for chorion and Wharton's jelly: some 5e7 at P0, two to three doublings a passage.
LINES = (
    CellLine(
        "PL-001",
        "placenta",
        14,
        52_400_000,
        "94.1",
        (
            Passage(5, 40_000_000, 296_000_000, "95.2", 12_500),
            Passage(5, 240_000_000, 1_380_000_000, "94.8", 75_000),
            Passage(4, 600_000_000, 2_790_000_000, "93.9", 200_000),
            Passage(4, 1_000_000_000, 4_220_000_000, "94.4", 320_000),
        ),
        150,
    ),
    CellLine(
        "PL-002",
        "placenta",
        15,
        47_900_000,
        "92.7",
        (
            Passage(5, 38_000_000, 271_000_000, "94.0", 12_500),
            Passage(5, 230_000_000, 1_290_000_000, "95.6", 75_000),
            Passage(4, 580_000_000, 2_640_000_000, "93.1", 200_000),
            Passage(5, 950_000_000, 3_420_000_000, "94.9", 320_000),
        ),
        120,
    ),
    CellLine(
        "PL-003",
        "cord",
        13,
        44_100_000,
        "95.8",
        (
            Passage(5, 36_000_000, 262_000_000, "95.1", 12_500),
            Passage(4, 220_000_000, 1_210_000_000, "94.3", 75_000),
            Passage(5, 560_000_000, 2_710_000_000, "94.6", 200_000),
            Passage(4, 940_000_000, 3_380_000_000, "93.8", 320_000),
        ),
        118,
    ),
)


@dataclass(frozen=True)
class SubjectPart:
    """A subject of the treatment arm and how far the treatment has come.

    `born` is as of BORN_AS_OF: whenever the story is played, everybody is as old as they were then.
    `stages` has one word for each infusion: given, short, late, bedside, thawed, picked, ordered; then comes `ends`.
    """

    number: str
    sex: str
    born: str
    weight_kg: Decimal
    first_days_ago: int
    stages: tuple[str, ...]
    ends: str = ""


def _subject(number: int, sex: str, born: str, kg: str, ago: int, stages: str, ends: str = "") -> SubjectPart:
    return SubjectPart(f"EXP-{number:02d}", sex, born, Decimal(kg), ago, tuple(stages.split()), ends)


TREATED = (
    _subject(1, "female", "1961-04-17", "71.3", 60, "given given given", "completed"),
    _subject(2, "male", "1955-11-02", "88.6", 55, "given given given", "completed"),
    _subject(3, "male", "1968-07-23", "102.4", 48, "given short given", "completed"),
    _subject(4, "female", "1972-01-30", "64.0", 40, "given given late", "completed"),
    _subject(5, "female", "1959-09-14", "48.0", 33, "given given given", "completed"),
    _subject(6, "male", "1964-03-08", "79.5", 26, "given given given"),
    _subject(7, "male", "1951-12-19", "118.0", 19, "given", "withdrawn"),
    _subject(8, "female", "1978-05-05", "57.8", 12, "given given given"),
    _subject(9, "male", "1969-10-27", "93.2", 6, "given given ordered"),
    _subject(10, "female", "1963-02-11", "68.4", 6, "given given picked"),
    _subject(11, "male", "1957-08-01", "84.9", 3, "given bedside"),
    _subject(12, "female", "1981-06-22", "73.4", 3, "given thawed"),
    _subject(13, "male", "1974-11-15", "96.7", 0, "ordered"),
    _subject(14, "female", "1966-04-03", "61.1", 0, "", "weighed"),
    _subject(15, "male", "1953-01-12", "77.0", 0, "", "screening"),
)
CONTROLS = tuple(
    SubjectPart(f"CTL-{number:02d}", sex, born, Decimal(0), 64 - 4 * number, ())
    for number, (sex, born) in enumerate(
        (
            ("male", "1960-03-03"),
            ("female", "1971-08-19"),
            ("male", "1958-11-25"),
            ("female", "1966-02-14"),
            ("male", "1977-07-07"),
            ("female", "1954-05-29"),
            ("male", "1962-12-01"),
            ("female", "1983-09-09"),
            ("male", "1951-06-16"),
            ("female", "1969-01-21"),
            ("male", "1973-04-10"),
            ("female", "1958-10-13"),
            ("male", "1965-05-18"),
            ("female", "1979-03-27"),
            ("male", "1956-07-31"),
        ),
        start=1,
    )
)
