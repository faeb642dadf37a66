"""Vials to put away, boxes for them, and what stands in a box: for the journeys at the tank."""

from collections.abc import Iterator

from tests.browser.stage import Stage

IN_BOX = """SELECT p.position, v.code FROM placement p JOIN vial v ON v.id = p.vial_id JOIN storage_unit u
    ON u.id = p.box_id WHERE u.code = :box AND p.taken_at IS NULL ORDER BY p.position"""
UNIT = "SELECT code FROM storage_unit WHERE name = :name"


def frozen_vials(stage: Stage, count: int) -> Iterator[str]:
    """Vials that wait to be put away, each of few cells, from the culture that grows in the story; once in a bank. Each
    is handed out once: the journeys of one bank do not meet over a vial, in whatever order they are played."""
    each, spent = 5_000_000, 10_000_000
    culture = stage.rows("SELECT code FROM culture WHERE state = 'GROWING'")[0]["code"]
    stage.do(
        "olena", "record_harvest", culture=culture, total_cells=count * each + 50_000_000, viability_percent="94.5"
    )
    medium = stage.rows("SELECT code FROM reagent_lot WHERE manufacturer_lot = 'CRY-1140'")[0]["code"]
    opened = stage.do(
        "olena",
        "open_lot",
        cultures=[culture],
        cells=[count * each + spent],
        purpose="working_bank",
        vial_count=count,
        cells_per_vial=each,
        volume_ml="1.0",
        dmso_percent="10",
        reagents=[medium],
    )
    lot, first = opened["code"], opened["first_vial"]
    vials = [f"{first[:13]}{int(first[13:]) + number:06d}" for number in range(count)]
    stage.do("olena", "record_filling", lot=lot, vials=vials)
    stage.do("olena", "close_filling", lot=lot, sample_cells=spent // 2, lost_cells=spent // 2)
    at_once = {"improbable_because": "A test does not wait"}
    stage.do("olena", "record_freezing", lot=lot, program="CRF-1", **at_once)
    return iter(vials)


def take(frozen: Iterator[str], count: int) -> list[str]:
    """So many of them. Raises StopIteration when no more wait."""
    return [next(frozen) for _ in range(count)]


def new_box(stage: Stage, rows: int, columns: int, rack: str = "Rack 2") -> str:
    """The code of an empty box."""
    into = stage.one(UNIT, name=rack)
    given = {"type": "box", "name": f"Box {rows} by {columns}", "parent": into, "rows": rows, "columns": columns}
    return str(stage.do("olena", "add_storage_unit", **given)["code"])


def standing(stage: Stage, box: str) -> list[tuple[int, str]]:
    """Position and vial, in the order of the positions."""
    return [(row["position"], row["code"]) for row in stage.rows(IN_BOX, box=box)]
