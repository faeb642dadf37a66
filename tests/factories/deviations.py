"""Deviations at every stage, through the real acts: Tina opens, Taras investigates, Quinn closes."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.deviations import CorrectiveAction, Deviation, DeviationLink
from tests.factories.production import DAY
from tests.factories.world import World


def open_deviation(world: World, *records: str, classification: str = "major", **given: Any) -> str:
    """A deviation that Tina opened about these records; returns its code."""
    told = {"title": "Incubator too warm", "description": "38.5 °C for two hours", **given}
    opened = world.do("tina", "open_deviation", records=list(records), classification=classification, **told)
    return str(opened["code"])


def investigated_deviation(world: World, *records: str, **given: Any) -> str:
    """The same, investigated by Taras."""
    code = open_deviation(world, *records, **given)
    told = {"investigation": "The log of the probe was read", "root_cause": "The door stood open"}
    world.do("taras", "investigate_deviation", deviation=code, **told)
    return code


def closed_deviation(world: World, *records: str, **given: Any) -> str:
    """The same, closed by Quinn."""
    code = investigated_deviation(world, *records, **given)
    world.do("quinn", "close_deviation", deviation=code, decision="No effect on the cells: they are used")
    return code


def planned_action(world: World, deviation: str, *, responsible: str = "taras", **given: Any) -> str:
    """A corrective action planned for somebody, a week from now; returns its code."""
    usual = {"type": "corrective", "description": "Repair the door", "due_on": (world.now + 7 * DAY).date()}
    made = world.do("quinn", "plan_action", deviation=deviation, responsible=responsible, **{**usual, **given})
    return str(made["code"])


def deviation_row(world: World, code: str) -> Deviation:
    """The record of a deviation."""
    with Session(world.installation.reads) as session:
        return session.scalars(select(Deviation).where(Deviation.code == code)).one()


def action_row(world: World, code: str) -> CorrectiveAction:
    """The record of an action."""
    with Session(world.installation.reads) as session:
        return session.scalars(select(CorrectiveAction).where(CorrectiveAction.code == code)).one()


def links_of(world: World, code: str) -> set[tuple[str, str]]:
    """What a deviation is linked to: kind and code."""
    with Session(world.installation.reads) as session:
        columns = select(DeviationLink.record_kind, DeviationLink.record_code)
        linked = columns.join(Deviation, Deviation.id == DeviationLink.deviation_id).where(Deviation.code == code)
        return {(kind, linked_code) for kind, linked_code in session.execute(linked)}
