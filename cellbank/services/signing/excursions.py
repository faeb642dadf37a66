"""What a quality officer decides about who signs for an excursion: where it was measured, which lots stood there."""

from sqlalchemy import text

from cellbank.outside.document_pdf import Block, Facts, Heading, Run, Table, Text
from cellbank.services.signing.in_words import as_word
from cellbank.services.signing.reading import Reading
from cellbank.services.temperature.temperature_board import lots_there

LOTS = ("Lot", "State", "Vials that stood there", "Still there")
_PLACE = text(
    """SELECT p.name AS probe, p.code, u.name AS unit, u.code AS unit_code FROM excursion e
         JOIN probe p ON p.id = e.probe_id JOIN storage_unit u ON u.id = e.storage_unit_id WHERE e.code = :code"""
)


def what_stood_there(reading: Reading) -> list[Block]:
    """The probe, the unit, and every lot that had vials there meanwhile."""
    code = reading.code_of("excursion")
    place = reading.connection.execute(_PLACE, {"code": code}).one_or_none()
    if code is None or place is None:
        return []
    rows = tuple(
        (Run(one.code, "code"), as_word(one.state), str(one.vials), str(one.now_there))
        for one in lots_there(reading.connection, code)
    )
    probe, unit = (Run(place.probe), Run(place.code, "code")), (Run(place.unit), Run(place.unit_code, "code"))
    return [
        Facts((("Probe", probe), ("Unit", unit))),
        Heading("Lots that stood there"),
        Table(LOTS, rows, (0.3, 0.25, 0.25, 0.2)) if rows else Text("No vial stood there."),
    ]
