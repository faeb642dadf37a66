"""How the cells of a batch grew: the table of its cultures with the balance of every harvest, and the growth curve."""

import datetime
from collections.abc import Mapping
from typing import Any

from cellbank.domain.growth import viable_cells
from cellbank.domain.identifiers import printed
from cellbank.domain.quantities import millions
from cellbank.outside.document_chart import Chart, Curve, Panel
from cellbank.outside.document_pdf import Block, Cell, Heading, Run, Table, Text
from cellbank.services.documents.batch_lineage import Batch
from cellbank.services.wording.values import Clock, shown, word

Row = Mapping[str, Any]
A_DAY = datetime.timedelta(days=1)
CULTURES = ("Culture", "From", "Seeded", "Harvested", "Count", "Doublings")
CULTURES_WIDTHS = (0.14, 0.19, 0.17, 0.17, 0.16, 0.17)
BALANCE = ("Culture", "Harvested", "Passaged", "Into lots", "Left", "Discarded", "Balance")


def growth_blocks(batch: Batch, time: Clock) -> list[Block]:
    """The cultures of a batch: nothing where there is none."""
    if not batch.cultures:
        return []
    rows = tuple(_culture(row, time) for row in batch.cultures)
    balances = tuple(_balance(row, batch) for row in batch.cultures if row["cells_harvested"] is not None)
    curve = growth_chart(batch.cultures)
    return [
        Heading("Cultures and counts"),
        Table(CULTURES, rows, CULTURES_WIDTHS),
        *([Heading("Growth curve"), curve] if curve else []),
        Heading("Balance of the cells of each harvest"),
        *([Table(BALANCE, balances, (0.16,) + (0.14,) * 6)] if balances else [Text("Nothing has been harvested.")]),
    ]


def _culture(row: Row, time: Clock) -> tuple[Cell, ...]:
    origin = row["parent"] or (row["source_vial"] and f"vial {printed(row['source_vial'])}") or printed(row["donation"])
    seeded = f"{millions(row['cells_seeded'])} living" if row["cells_seeded"] is not None else "tissue, not counted"
    area = f"{row['vessel']}, {shown(row['area_cm2'])} cm²" if row["area_cm2"] is not None else row["vessel"]
    name = (
        Run(row["code"], "code"),
        Run(f"P{row['passage']}, {word(row['method'])}"),
        Run(word(row["state"]), "muted"),
    )
    begun = (Run(seeded), Run(area), Run(time(row["started_at"]), "muted"))
    if row["cells_harvested"] is None:
        return name, origin, begun, "not harvested", "–", "–"
    confluence = f"{shown(row['confluence_percent'])} % confluent" if row["confluence_percent"] is not None else ""
    hours = f"{shown(row['doubling_time_h'])} h to double" if row["doubling_time_h"] is not None else ""
    count = (Run(f"{millions(row['cells_harvested'])} cells"), Run(f"{shown(row['viability_percent'])} % viable"))
    in_all = Run(f"{shown(row['cumulative_doublings'])} in all", "strong")
    here = f"{shown(row['population_doublings'])} here" if row["population_doublings"] is not None else "not known here"
    grown = (Run(here), in_all, *_lines(hours))
    return name, origin, begun, (Run(time(row["harvested_at"])), *_lines(confluence)), count, grown


def _lines(*texts: str) -> tuple[Run, ...]:
    return tuple(Run(text, "muted") for text in texts if text)


def _balance(row: Row, batch: Batch) -> tuple[Cell, ...]:
    """Cells harvested = passaged + into lots + left + discarded; a difference is told, never hidden."""
    parts = (batch.taken.get(row["code"], 0), int(row["into_lots"]), row["cells_left"] or 0, row["cells_lost"] or 0)
    difference = row["cells_harvested"] - sum(parts)
    verdict = Run("closed") if difference == 0 else Run(f"{millions(difference)} not accounted for", "alarm")
    return (Run(row["code"], "code"), millions(row["cells_harvested"]), *(millions(part) for part in parts), verdict)


def growth_chart(cultures: tuple[Row, ...]) -> Chart | None:
    """Population doublings and living cells against days since the first culture began; None before any harvest."""
    harvested = [row for row in cultures if row["harvested_at"] is not None]
    if not harvested:
        return None
    begin = min(row["started_at"] for row in cultures)
    by_code = {row["code"]: row for row in harvested}
    parents = {row["parent"] for row in harvested}
    paths = [_path(row, by_code) for row in harvested if row["code"] not in parents]
    doublings = tuple(
        dict.fromkeys(Curve(path[-1]["code"] if len(paths) > 1 else "", _doublings(path, begin)) for path in paths)
    )
    cells = tuple(dict.fromkeys(curve for row in harvested if (curve := _cells(row, begin)).points))
    panels = (
        Panel("Population doublings in all", doublings),
        Panel("Living cells of each culture, seeded and harvested", cells, logarithmic=True),
    )
    return Chart(tuple(panel for panel in panels if panel.curves), "days since the first culture began")


def _path(row: Row, by_code: Mapping[str, Row]) -> list[Row]:
    """A culture and those before it, the first one first."""
    path = [row]
    while (parent := by_code.get(path[0]["parent"])) is not None:
        path.insert(0, parent)
    return path


def _doublings(path: list[Row], begin: datetime.datetime) -> tuple[tuple[float, float], ...]:
    first = path[0]
    before = first["cumulative_doublings"] - max(first["population_doublings"] or 0, 0)
    points = [(_days(first["started_at"], begin), float(before))]
    points += [(_days(row["harvested_at"], begin), float(row["cumulative_doublings"])) for row in path]
    return tuple(points)


def _cells(row: Row, begin: datetime.datetime) -> Curve:
    viable = viable_cells(row["cells_harvested"], row["viability_percent"])
    ends = ((row["started_at"], row["cells_seeded"]), (row["harvested_at"], viable))
    return Curve("", tuple((_days(at, begin), float(cells)) for at, cells in ends if cells))


def _days(at: datetime.datetime, begin: datetime.datetime) -> float:
    return round((at - begin) / A_DAY, 2)
