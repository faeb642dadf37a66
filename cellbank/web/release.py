"""The release of a lot as the pages show it: the board, its buttons, and where the release itself is offered."""

from dataclasses import dataclass

from flask import url_for

from cellbank.domain.lifecycle.roles import Role
from cellbank.domain.lifecycle.states import LotState
from cellbank.domain.lifecycle.table import roles_for
from cellbank.domain.rules.release_ways import BoardLine, Evidence, Way
from cellbank.services.acts import REGISTRY
from cellbank.services.lookup.boards import lot_board
from cellbank.services.lookup.scanning import Card
from cellbank.services.quality.release_board import ReleaseBoard
from cellbank.web.session import now
from cellbank.web.shell import act_url, the_actor, the_installation
from cellbank.web.verdict import About, Verdict, judged

DECIDED_ON = (LotState.FILLED, LotState.QUARANTINE, LotState.ON_HOLD)


def board_of_lot(code: str) -> ReleaseBoard | None:
    """The release board of a lot, for the person who is signed in."""
    return lot_board(the_installation(), code, now(), the_actor().id)


def board_first(card: Card) -> bool:
    """Whether the board stands above everything else: for whoever decides, as long as there is something to decide."""
    return card.kind == "lot" and is_quality() and card.state in DECIDED_ON


def without_release(card: Card) -> Card:
    """The card without the release: it is signed from the board, where every criterion is in sight."""
    return card.without({"release_lot"})


def releasable(card: Card) -> Card:
    """The card as it is if its lot may be released by this person, or else without the release."""
    if not any(item.name == "release_lot" for item in card.acts):
        return card
    board = board_of_lot(card.code)
    return card if board is not None and board.ready and not board.worked_on_it else without_release(card)


@dataclass(frozen=True)
class WayOut:
    """An act that resolves a red line, as a button; or for whom it is."""

    title: str
    href: str
    mine: bool
    roles: tuple[str, ...]


def ways_of(line: BoardLine) -> list[WayOut]:
    """The buttons of a red line."""
    return [button_of(way) for way in line.ways]


def button_of(way: Way) -> WayOut:
    """An act as a button, with whose work it is."""
    roles = roles_for(way.act)
    return WayOut(
        REGISTRY[way.act].title,
        act_url(way.act, dict(way.given)),
        bool(roles & the_actor().roles),
        tuple(sorted(role.value for role in roles if role is not Role.SYSTEM)),
    )


def ready_verdict(board: ReleaseBoard) -> Verdict:
    """Whether every criterion is green, as the board has judged them."""
    return judged(About.READY, (line.criterion.refusal for line in board.red if line.criterion.refusal))


def next_step(board: ReleaseBoard) -> WayOut | None:
    """What this person can do about a lot now: release it, or the first way out of a red line that is theirs."""
    if board.ready:
        return None if board.worked_on_it else button_of(Way("release_lot", (("lot", board.lot),)))
    return next((way for line in board.red for way in ways_of(line) if way.mine), None)


def proof_link(proof: Evidence) -> str:
    """Where the evidence of a line can be looked at."""
    return url_for("web.done_page", number=proof.act) if proof.act else url_for("web.record", code=proof.code)


def is_quality() -> bool:
    """Whether this person decides about lots."""
    return Role.QUALITY_OFFICER in the_actor().roles
