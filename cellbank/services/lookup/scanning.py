"""The one door for a barcode: what is this, in which state, where is it, and what may this person do with it next."""

import dataclasses
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

from cellbank.domain.actor import Actor
from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import RECORDS, Form, Kind, command_code
from cellbank.domain.lifecycle.roles import FLOOR, Role
from cellbank.domain.lifecycle.states import DoseState, LotState
from cellbank.domain.lifecycle.table import CROSSING, TRANSITIONS, acts_from, is_signed, roles_for, rows_for
from cellbank.domain.refusals import Refusal
from cellbank.domain.rules.infusion import ended_refusals
from cellbank.domain.scans import read_scan
from cellbank.services.acts import REGISTRY, RegisteredAct
from cellbank.services.clinic.at_bedside import outdated_refusals
from cellbank.services.finding.missing import NotHere, OtherSite, Unreadable
from cellbank.services.installation import Installation, server_time
from cellbank.services.lookup.card_parts import Facts
from cellbank.services.lookup.cards import read_face
from cellbank.services.lookup.likely import MOVES_ON, PRINTS, RESTS, is_about, place_of
from cellbank.services.lookup.on_paper import OfDose, act_of_form, of_dose
from cellbank.services.parsing import schema_of


@dataclass(frozen=True)
class NextAct:
    """An act that may be tried next; `field` is the input that the scanned code fills. `now`: it is offered at once;
    the others are for whoever looks for them."""

    name: str
    title: str
    field: str
    is_list: bool
    signed: bool
    now: bool = True

    @cached_property
    def as_json(self) -> dict[str, Any]:
        """The form of the public face; the same next acts are shown again and again (`next_acts`)."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Awaited:
    """An act that a record waits for, and whose it is."""

    act: NextAct
    roles: tuple[Role, ...]
    here: bool  # they may do it where the reader is signed in: not at the screen of somebody who only looks on

    @property
    def title(self) -> str:
        """What it is called."""
        return self.act.title


@dataclass(frozen=True)
class Card:
    """The answer to a scan."""

    kind: str
    code: str
    title: str
    state: str
    state_means: str
    where: str | None
    facts: Facts
    acts: tuple[NextAct, ...]
    waits_for: tuple[Awaited, ...] = ()  # what others do with it now
    goes_on_elsewhere: bool = False  # what is next stands on another part of its page
    stops: tuple[Refusal, ...] = ()  # why what is under this label must not be used, wherever it was scanned
    stands: str = ""  # what is shown in place of its state, where something beside it decides

    def without(self, names: Container[str]) -> "Card":
        """The card without the acts that stand on another part of its page."""
        kept = tuple(act for act in self.acts if act.name not in names)
        moved = any(act.now for act in self.acts if act not in kept)
        return dataclasses.replace(self, acts=kept, goes_on_elsewhere=self.goes_on_elsewhere or moved)

    def as_json(self) -> dict[str, Any]:
        """The form of the public face."""
        return {
            **{name: getattr(self, name) for name in ("kind", "code", "title", "state", "state_means", "where")},
            "facts": [{"label": label, "value": value} for label, value in self.facts],
            "acts": [next_act.as_json for next_act in self.acts],
            "stops": [refusal.as_json() for refusal in self.stops],
        }


@dataclass(frozen=True)
class Command:
    """A command barcode or a downtime form was scanned: the act that it leads to, and what the paper fills in (of a
    blank form nothing). A command says nothing (None): it is about what was scanned before it."""

    act: RegisteredAct
    filled: Mapping[str, str] | None = None


#: a mark that decides over the state: the word that stands in its place, and what that means
DECIDES = {"locked out": ("LOCKED", "signs in only at a screen that knows them, until the lock ends")}


def look_up(installation: Installation, actor: Actor, raw: str) -> Card | Command:
    """What was scanned. Raises Unreadable, or NotHere, also for what is of another site (OtherSite): all of them are
    worth keeping (`report_unreadable_scan`)."""
    scan = read_scan(raw)
    if isinstance(scan, Garbled):
        raise Unreadable(scan)
    if scan.kind is Kind.COMMAND:
        return _command(scan.code)
    if scan.kind is Kind.FORM:
        return _form(installation, actor, scan.extras["form"], scan.extras.get("of"))
    face = read_face(installation.seen_by(actor), scan.kind, scan.code)
    if face is None:
        raise NotHere(RECORDS[scan.kind].replace("_", " "), scan.code)
    if face.elsewhere:
        raise OtherSite(face.record.replace("_", " "), scan.code, face.elsewhere)
    hand = InHand(scan.kind, face.record, face.state, actor.roles, face.type, face.marks, face.is_ours)
    acts, others = next_acts(hand), awaited(hand)
    stops = ended_refusals(scan.code, face.state) if scan.kind is Kind.DOSE else ()
    stops = stops or outdated_refusals(installation.seen_by(actor), scan, server_time())
    stands, means = next((said for mark, said in DECIDES.items() if mark in face.marks), ("", face.means))
    named = (face.record, scan.code, face.title, face.state, means, face.where, face.facts)
    return Card(*named, acts, others, stops=stops, stands=stands)


def _command(code: str) -> Command:
    for name, registered in REGISTRY.items():
        if command_code(name) == code:
            return Command(registered)
    raise NotHere("command", code)


def _form(installation: Installation, actor: Actor, form: Form, of: str | None) -> Card | Command:
    """Where a filled-in downtime form is entered. What is past that shows the record: all is entered already."""
    if form is Form.SUBJECT:
        assert of is not None
        return look_up(installation, actor, of)
    card = look_up(installation, actor, of) if of else None
    assert not isinstance(card, Command)
    dose = of_dose(installation, card.code, card.state) if card else OfDose()
    name = act_of_form(form, dose, actor.id)
    if name is None:
        assert card is not None  # a blank form always leads somewhere
        return card
    return Command(REGISTRY[name], {"dose": card.code} if card else {})


@dataclass(frozen=True)
class InHand:
    """A record as somebody with these roles has it in hand. `type` tells a shipper from the units that stay where they
    are; `marks` what is so with it (marks.py); `is_ours` is False of a record of another site."""

    kind: Kind
    record: str
    state: str
    roles: frozenset[Role]
    type: str | None = None
    marks: frozenset[str] = frozenset()
    is_ours: bool = True


@lru_cache(maxsize=4096)
def next_acts(hand: InHand) -> tuple[NextAct, ...]:
    """The acts that a person may try on what they have in hand, the likeliest first.

    They are the acts that the table gives for the record, and those that make something else from it, such as a
    culture from a donation. Of a record of another site only what crosses sites, and what is written about it.
    """
    record, state = hand.record, hand.state
    moving = acts_from(record, state, hand.roles)
    touching = {row.act for row in TRANSITIONS if row.record == record}
    making = [name for name in REGISTRY if name not in touching and roles_for(name) & hand.roles]
    names = [name for name in dict.fromkeys([*moving, *making]) if name in REGISTRY and is_about(name, hand.type)]
    names = [name for name in names if hand.is_ours or _crosses(name, record)]
    # A vial is accounted for only after its cells were given.
    names = [name for name in names if name != "reconcile_infusion" or state == DoseState.INFUSED]
    names = [name for name in names if record != "lot" or name not in DECISIONS or _decides(name, state)]
    places = {name: place_of(name, record, state, hand.marks) for name in names}
    found = (_next(name, hand.kind, now=places[name] < PRINTS) for name in sorted(names, key=places.__getitem__))
    return tuple(item for item in found if item is not None)


@lru_cache(maxsize=4096)
def awaited(hand: InHand) -> tuple[Awaited, ...]:
    """What somebody else does with a record now, where whoever has it in hand can do nothing that brings it on: the
    likeliest."""
    record, state = hand.record, hand.state
    if (record, state) in RESTS:
        return ()
    everybody = next_acts(dataclasses.replace(hand, roles=frozenset(Role)))
    due = [act for act in everybody if place_of(act.name, record, state, hand.marks) <= MOVES_ON]
    if any(roles_for(act.name) & hand.roles for act in due):
        return ()
    here = hand.kind is Kind.PERSON or not FLOOR.isdisjoint(hand.roles)
    return tuple(Awaited(act, tuple(sorted(roles_for(act.name))), here) for act in due[:1])


ABOUT_ANY = frozenset({"deviation", "document_issue"})


def _crosses(name: str, record: str) -> bool:
    """Whether an act is offered about a record of another site: it crosses sites, stops a lot, or writes about it."""
    return (record, name) in CROSSING or name == "hold_lot" or {row.record for row in rows_for(name)} <= ABOUT_ANY


# What was made from a lot is stopped with it; that does not make the decision possible wherever such a lot stands.
DECISIONS = {"reject_lot": LotState.REJECTED, "recall_lot": LotState.RECALLED}


def _decides(name: str, state: str) -> bool:
    return any(row.source == state and row.target == DECISIONS[name] for row in rows_for(name, "lot"))


def _next(name: str, kind: Kind, *, now: bool) -> NextAct | None:
    registered = REGISTRY[name]
    place = field_for(registered, kind)
    return place and NextAct(name, registered.title, place[0], place[1], is_signed(name), now)


def field_for(registered: RegisteredAct, kind: Kind) -> tuple[str, bool] | None:
    """The input of an act that takes a code of this kind, and whether it takes many."""
    return _taken(registered).get(kind.value)


@cache
def _taken(registered: RegisteredAct) -> dict[str, tuple[str, bool]]:
    """The first such input by kind."""
    found: dict[str, tuple[str, bool]] = {}
    for name, schema in schema_of(registered.input)["properties"].items():
        for option in (schema, *schema.get("anyOf", ())):
            for many, kinds in ((False, option.get("scan", ())), (True, option.get("items", {}).get("scan", ()))):
                for kind in kinds:
                    found.setdefault(kind, (name, many))
    return found
