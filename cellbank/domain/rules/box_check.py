"""A box as it was found, compared with the book: what is missing, extra, moved, foreign or unreadable.

Nothing is written until each difference has a reason. Source: domain reference §7.2 (store, pick, ship and receive).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cellbank.domain.identifiers import printed
from cellbank.domain.refusals import Code, Refusal, refuse


class Finding(StrEnum):
    """How a position, or a vial, differs from the book."""

    MISSING = "missing"  # the book has it in this box, and it is not there
    MOVED = "moved"  # it stands at another position of this box
    EXTRA = "extra"  # the book has it elsewhere, or nowhere
    FOREIGN = "foreign"  # nothing here bears this code
    UNREADABLE = "unreadable"  # something stands there whose code cannot be read


@dataclass(frozen=True)
class Difference:
    """One difference. `key` is what its reason is given for: the vial, or the position where nothing could be read."""

    key: str
    finding: Finding
    position: int | None  # where it was found; None: nowhere
    book: str | None  # where the book has it, in words


@dataclass(frozen=True)
class Found:
    """A box as the book has it and as it was found. `seen` maps positions to codes, None where nothing can be read;
    `elsewhere` says where the book has vials that it does not have in this box; `known` are the codes that exist."""

    called: str
    book: Mapping[int, str]
    seen: Mapping[int, str | None]
    known: frozenset[str]
    elsewhere: Mapping[str, str]


def differences(found: Found, name: Mapping[int, str]) -> tuple[Difference, ...]:
    """Every difference, in the order of the positions; the missing ones last. `name` maps positions to names."""
    placed = {vial: position for position, vial in found.book.items()}
    differing = []
    for position, vial in sorted(found.seen.items()):
        if vial is None:
            differing.append(Difference(name[position], Finding.UNREADABLE, position, found.book.get(position)))
        elif vial not in found.known:
            differing.append(Difference(vial, Finding.FOREIGN, position, None))
        elif vial not in placed:
            differing.append(Difference(vial, Finding.EXTRA, position, found.elsewhere.get(vial)))
        elif placed[vial] != position:
            differing.append(Difference(vial, Finding.MOVED, position, name[placed[vial]]))
    seen = {vial for vial in found.seen.values() if vial}
    unreadable = {position for position, vial in found.seen.items() if vial is None}
    gone = ((vial, at) for at, vial in sorted(found.book.items()) if vial not in seen and at not in unreadable)
    return (*differing, *(Difference(vial, Finding.MISSING, None, name[at]) for vial, at in gone))


def reason_refusals(called: str, differing: tuple[Difference, ...], reasons: Mapping[str, str]) -> tuple[Refusal, ...]:
    """Why the book is not corrected yet: differences without a reason, and reasons for what does not differ."""
    refusals = [
        refuse(
            Code.REASON_NEEDED,
            "{box}: {what} is {finding}{book}. Give a reason for it, or look again.",
            box=called,
            what=printed(one.key),
            finding=one.finding.value,
            book=f" (the book: {printed(one.book)})" if one.book else "",
        )
        for one in differing
        if one.key not in reasons
    ]
    keys = {one.key for one in differing}
    strange = [key for key in reasons if key not in keys]
    if strange:
        sentence = "{box}: {what} does not differ from the book. Take its reason out, or look again."
        refusals.append(refuse(Code.CHANGED_MEANWHILE, sentence, box=called, what=", ".join(map(printed, strange[:5]))))
    return tuple(refusals)


def unaccepted_refusals(missing: Sequence[str]) -> tuple[Refusal, ...]:
    """Why vials are not booked as missing: they arrived with a shipment that waits for its acceptance, and would be
    stock when they are found."""
    sentence = "Vial {vial} arrived with a shipment that is not accepted yet, and is not here. Find it, or discard it."
    return tuple(refuse(Code.VIAL_NOT_AVAILABLE, sentence, vial=printed(vial)) for vial in missing)
