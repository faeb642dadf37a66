"""The calculation of a dose, step by step, as a signature covers it."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, text

from cellbank.domain.dose import one_decimal
from cellbank.domain.quantities import millions
from cellbank.outside.document_pdf import Block, Cell, Facts, Heading, Run, Table
from cellbank.services.signing.in_words import rows_of
from cellbank.services.signing.reading import Foreseen, Reading
from cellbank.services.wording.column_words import CELLS, told
from cellbank.services.wording.values import Clock, ranges, value_text

STEPS = ("Step", "Calculation", "Result")
# What a clinician weighs who accepts a dose that is short, besides what was counted.
DRAWN = ("draw_ml", "delivered_cells", "delivered_percent", "expires_at")


def calculation_blocks(connection: Connection, row: Mapping[str, Any], time: Clock) -> list[Block]:
    """The steps of the calculation; where it has none, its figures."""
    calculation = row["calculation"] or {}
    steps = tuple((step["label"], step["formula"], str(step["value"])) for step in calculation.get("steps", ()))
    if steps:
        return [Heading("Calculation"), Table(STEPS, steps, (0.35, 0.4, 0.25))]
    plain = ((name, value) for name, value in calculation.items() if not isinstance(value, list | dict))
    rest = tuple((told("dose", name).label, figure(name, value)) for name, value in plain)
    return [Heading("Calculation"), Facts(rest)]


def order_blocks(reading: Reading, foreseen: Foreseen) -> list[Block]:
    """The order as it would be signed: which infusion, when, of which vials, and every step of its calculation."""
    vials = tuple(Run(code, "code") for code in foreseen["vials"])
    pairs: tuple[tuple[str, Cell], ...] = (
        ("Infusion", str(foreseen["infusion_number"])),
        (told("dose", "planned_on").label, foreseen["planned_on"]),
        ("Vials reserved, spare ones among them", vials or "–"),
    )
    calculation = calculation_blocks(reading.connection, foreseen, reading.time)
    return [Heading("The order, as it would be signed now"), Facts(pairs), *calculation]


def figure(name: str, value: Any) -> str:
    """A figure that a calculation keeps, with its unit: cells in millions, a broken number with one decimal."""
    unit = told("dose", name).unit
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == CELLS:
        return millions(int(Fraction(value)))
    said = str(one_decimal(Fraction(value))) if "/" in str(value) else str(value)
    return f"{said} {unit}".strip()


_FOR_WHOM = text(
    """SELECT s.trial_number,
              (SELECT array_agg(v.number ORDER BY v.number) FROM vial v
                WHERE v.dose_id = d.id AND v.state IN ('THAWED', 'POOLED')) AS vials
         FROM dose d JOIN subject s ON s.id = d.subject_id WHERE d.id = ANY(:ids) ORDER BY d.id"""
)


def for_whom(reading: Reading) -> list[Block]:
    """The patient by the number of the trial, and the vials that are in the dose. The second identifier is asked of
    the patient."""
    found = reading.connection.execute(_FOR_WHOM, {"ids": reading.named.get("dose", [])})
    return [
        Facts(
            (
                ("Patient", Run(one.trial_number, "strong")),
                *((("Vials in the dose", ranges(one.vials)),) if one.vials else ()),
            )
        )
        for one in found
    ]


def what_was_drawn(reading: Reading) -> list[Block]:
    """What can be drawn of what was counted."""
    rows = rows_of(reading.connection, "dose", reading.named.get("dose", ()))
    return [
        block
        for row in rows
        for block in (
            Heading("What can be drawn"),
            Facts(
                tuple(
                    (told("dose", column).label, value_text(row[column], told("dose", column).unit, reading.time))
                    for column in DRAWN
                    if row[column] is not None
                )
            ),
        )
    ]
