"""Which things may bear a new label: one that is gone must not come back under its old name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.lifecycle.states import (
    CultureState,
    DoseState,
    PersonState,
    ShipmentState,
    SubjectState,
    VialState,
)
from cellbank.domain.refusals import Code, Refusal, refuse

LABELLED: dict[str, frozenset[str]] = {
    "donation": frozenset(STATES["donation"]),  # a rejected one is labelled as rejected
    "culture": frozenset({CultureState.GROWING, CultureState.HARVESTED}),
    "lot": frozenset(STATES["lot"]),
    "vial": frozenset(
        {
            VialState.PRINTED,
            VialState.FILLED,
            VialState.FROZEN,
            VialState.IN_STOCK,
            VialState.RESERVED,
            VialState.PICKED,
        }
    ),
    "storage_unit": frozenset(STATES["storage_unit"]),
    "dose": frozenset({DoseState.PREPARED, DoseState.CHECKED_ONCE, DoseState.CHECKED, DoseState.INFUSING}),
    "subject": frozenset({SubjectState.SCREENING, SubjectState.ENROLLED}),
    "person": frozenset({PersonState.ACTIVE}),
    "shipment": frozenset({ShipmentState.SEALED, ShipmentState.ON_THE_WAY}),
}
"""The states in which a record of each kind is labelled."""


@dataclass(frozen=True)
class LabelFacts:
    """What is to be labelled. `vials`: those chosen of a lot, with their states; `strangers`: those of another lot."""

    record: str
    called: str
    state: str
    vials: Mapping[str, str] = field(default_factory=dict)
    strangers: Mapping[str, str] = field(default_factory=dict)


def label_refusals(facts: LabelFacts) -> tuple[Refusal, ...]:
    """Why no label may be printed: the thing is gone or not ready, or the vials are not those of the lot."""
    found = []
    if facts.state not in LABELLED[facts.record]:
        found.append(_no_label(facts.called, facts.record, facts.state))
    if facts.record != "lot" and facts.vials:
        sentence = "Vials are chosen of a lot; {thing} is not one. Scan the lot, or leave the vials out."
        found.append(refuse(Code.WRONG_KIND, sentence, thing=facts.called))
    for vial, lot in facts.strangers.items():
        sentence = "Vial {vial} is of lot {lot}, not of {thing}. Take it out of the list."
        found.append(refuse(Code.VIAL_MISMATCH, sentence, vial=vial, lot=lot, thing=facts.called))
    for vial, state in facts.vials.items():
        if state not in LABELLED["vial"]:
            found.append(_no_label(f"vial {vial}", "vial", state))
    return tuple(found)


def empty_lot_refusals(called: str, label_count: int) -> tuple[Refusal, ...]:
    """A lot whose vials are all gone has nothing to put a label on."""
    sentence = "{thing} has no vial left that could bear a label. Scan the thing that needs one."
    thing = called[:1].upper() + called[1:]
    return () if label_count else (refuse(Code.WRONG_STATE, sentence, thing=thing),)


def _no_label(called: str, record: str, state: str) -> Refusal:
    return refuse(
        Code.WRONG_STATE,
        "{thing} is {state}: a label is printed only while it is {possible}.",
        thing=called[:1].upper() + called[1:],
        state=state,
        possible=tuple(name for name in STATES[record] if name in LABELLED[record]),
    )


def first_print_refusals(called: str, printed_before: bool) -> tuple[Refusal, ...]:
    """A label is printed for the first time only once: two equal labels would not be told apart."""
    sentence = "{thing} has been labelled. Use “Print a label again”, which asks for a reason and marks the copy."
    thing = called[:1].upper() + called[1:]
    return (refuse(Code.ALREADY_EXISTS, sentence, thing=thing),) if printed_before else ()


def reprint_refusals(called: str, printed_before: bool) -> tuple[Refusal, ...]:
    """What has no label yet is not printed again: the copy would be marked as one of nothing."""
    sentence = "No label of {thing} has been printed yet. Use “Print labels”."
    return () if printed_before else (refuse(Code.NOT_FOUND, sentence, thing=called),)
