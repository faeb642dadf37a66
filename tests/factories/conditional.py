"""Conditional releases through the real acts: a specification that allows them, a lot with one result pending, three
signatures. Clara asks, Quinn approves, Oksana signs for the sponsor."""

from importlib.resources import files
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellbank.records.conditional import ConditionalRelease
from tests.factories.lots import FrozenLot, stored_lot
from tests.factories.quality import DAY, enter, pass_all_tests, results_read_at
from tests.factories.world import World

WHY = "The subject gets worse and no released lot is left"
PENDING = "MYCOPLASMA"
TABLE = f'\n[conditional_release]\ntests = ["{PENDING}"]\n'


def allow(world: World, version: str = "3") -> None:
    """Put a version of the specification into force that lets mycoplasma be pending. In a database of its own."""
    shipped = (files("cellbank") / "protocols" / "p-mmsc.toml").read_text(encoding="utf-8")
    content = shipped.replace('version = "2"', f'version = "{version}"', 1) + TABLE
    code = world.do("quinn", "import_definition", type="specification", content=content)["code"]
    world.do("oksana", "make_effective", definition=code)


def pending_lot(world: World, vials: int = 8, **given: Any) -> FrozenLot:
    """A lot in quarantine of which everything is known and good but mycoplasma; `given` as pass_all_tests takes it."""
    lot = stored_lot(world, vials=vials)
    pass_all_tests(world, lot.code, leave_out=(PENDING,), **given)
    return lot


def requested(world: World, lot: str, subject: str) -> str:
    """A conditional release that Clara has asked for; returns its code."""
    given = {"lot": lot, "subject": subject, "justification": WHY}
    return str(world.do("clara", "request_conditional_release", **given)["code"])


def in_force(world: World, lot: str, subject: str) -> str:
    """The same, approved by Quinn and signed for the sponsor by Oksana."""
    code = requested(world, lot, subject)
    world.do("quinn", "approve_conditional_release", release=code)
    world.do("oksana", "sign_for_sponsor", release=code)
    return code


def positive(world: World, lot: str) -> str:
    """The pending result, and it is against the lot; returns its code."""
    return enter(world, lot, PENDING, "growth")


def negative(world: World, lot: str) -> None:
    """The pending result, good, reviewed, and the batch record read again."""
    result = enter(world, lot, PENDING)
    at = results_read_at(world, lot) + 2 * DAY
    world.do("quinn", "review_results", now=at, results=[result], confirmed=True)
    world.do("quinn", "review_batch_record", now=at, lot=lot)


def release_row(world: World, code: str) -> ConditionalRelease:
    """The record of a conditional release."""
    with Session(world.installation.reads) as session:
        return session.scalars(select(ConditionalRelease).where(ConditionalRelease.code == code)).one()
