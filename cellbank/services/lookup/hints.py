"""What a form can offer beside its fields: the codes that the definitions in force know, and the questions they ask."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from cellbank.domain.correction import KINDS, columns_of
from cellbank.domain.identifiers import Kind
from cellbank.domain.lifecycle.roles import FLOOR
from cellbank.domain.protocol import Protocol
from cellbank.domain.scans import Scan, read_scan
from cellbank.domain.specification import DonorTest, ReleaseTest, Specification
from cellbank.services.clinic.enrolment import AGE, PF_RATIO
from cellbank.services.common import read_protocol, read_specification
from cellbank.services.finding.seeing import unseen
from cellbank.services.installation import Installation, at_site
from cellbank.services.lookup.paper_hints import paper_hints
from cellbank.services.quality.comparison import to_compare
from cellbank.services.wording.column_words import told
from cellbank.services.wording.values import clock, value_text

Offer = tuple[str, str]  # the code, and what it means


@dataclass(frozen=True)
class Asked:
    """One question that a form asks by its code: yes or no, or a number with its unit. `answer` is what was given."""

    code: str
    asks: str
    kind: str
    unit: str = ""
    not_applicable: str = ""
    answer: str = ""
    may_be_unknown: bool = True


@dataclass(frozen=True)
class Hints:
    """Offers by field, questions by field, and two versions to compare before one is brought into force. `known` are
    the fields that the record answers, with what is `told` of them; `held` stands in an empty form; `others` take what
    is not offered too."""

    offers: dict[str, tuple[Offer, ...]] = field(default_factory=dict)
    asked: dict[str, tuple[Asked, ...]] = field(default_factory=dict)
    compare: tuple[str, str] | None = None
    known: frozenset[str] = frozenset()
    told: tuple[tuple[str, Any], ...] = ()
    held: dict[str, list[str]] = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()  # of the choices of these fields only those that are offered
    noted: dict[str, str] = field(default_factory=dict)  # what the record says of a choice now


NONE = Hints()
_PEOPLE = text(
    f"""SELECT p.name, p.full_name FROM person p
         WHERE p.state = 'ACTIVE' AND p.roles && :roles AND ({at_site("p.site_id")}
           OR EXISTS (SELECT FROM site s WHERE s.id = :site AND s.code = ANY (p.also_at))) ORDER BY p.full_name"""
)
_EFFECTIVE = text("SELECT content FROM definition WHERE type = :type AND state = 'EFFECTIVE' ORDER BY id")
_IMPORTED = text("SELECT code, title FROM definition WHERE state = 'IMPORTED' ORDER BY id")
_OF_DOSE = text(
    f"""SELECT p.content FROM dose d JOIN subject s ON s.id = d.subject_id JOIN definition p ON p.id = s.protocol_id
        WHERE d.code = :code AND {at_site("s.site_id")}"""
)
_SUBJECT = text(
    f"""SELECT p.content, s.answers, s.sex FROM subject s JOIN definition p ON p.id = s.protocol_id
         WHERE s.code = :code AND {at_site("s.site_id")}"""
)
_OTHER_SITES = text("SELECT code, name FROM site WHERE id IS DISTINCT FROM :site ORDER BY name")
_FREE_SHIPPERS = text(
    f"""SELECT u.code, u.name FROM storage_unit u WHERE u.type = 'shipper' AND u.state = 'IN_SERVICE'
           AND {at_site("u.site_id")} AND NOT EXISTS (SELECT FROM shipment s WHERE s.shipper_id = u.id
             AND s.state NOT IN ('ACCEPTED', 'REJECTED', 'CANCELLED') AND s.code <> :shipment) ORDER BY u.name"""
)
_LOGGERS = text(
    f"""SELECT p.code, p.name, u.name AS unit FROM probe p JOIN storage_unit u ON u.id = p.storage_unit_id
         WHERE u.type = 'shipper' AND p.state = 'IN_USE' AND {at_site("p.site_id")} ORDER BY p.name"""
)
_OF_SHIPMENTS = {
    "order_shipment": {"to": _OTHER_SITES},
    "pack_vials": {"shipper": _FREE_SHIPPERS},
    "seal_shipment": {"shipper": _FREE_SHIPPERS, "logger": _LOGGERS},
}


def hints_for(installation: Installation, act: str, given: dict[str, list[str]]) -> Hints:
    """The hints of an act's form; `given` is what stands in it."""
    if act in ("answer_criteria", "sign_eligibility"):
        return _questions(installation, act, given)
    if act == "make_effective":
        return _to_bring_into_force(installation, (given.get("definition") or [""])[0])
    if act in ("enter_result", "take_sample", "correct_result", "record_freezing"):
        return Hints(_from_specifications(_specifications(installation), act))
    if act == "enrol_subject":
        return Hints({"arm": _once((item.code, item.title) for one in _protocols(installation) for item in one.arms)})
    if act == "pool_and_count":
        return _diluents(installation, given)
    if act == "enter_dose_from_paper":
        return _from_paper(installation, given)
    if act == "correct_fact":
        return _what_may_be_put_right(installation, given)
    if act == "plan_action":
        return Hints({"responsible": _who_works_here(installation)})
    if act in _OF_SHIPMENTS:
        return _for_shipments(installation, act, (given.get("shipment") or [""])[0])
    return NONE


def _for_shipments(installation: Installation, act: str, shipment: str) -> Hints:
    """The other sites, the shippers that are free here or taken by this shipment, and the loggers in shippers."""
    with installation.reads.connect() as connection:
        mine = {"site": installation.site, "shipment": shipment}
        found = {field: connection.execute(offers, mine).all() for field, offers in _OF_SHIPMENTS[act].items()}
    return Hints({field: tuple((row.code, _called(row)) for row in rows) for field, rows in found.items()})


def _called(row: Any) -> str:
    """A site or a shipper by its name, a logger also by the shipper that it is in."""
    return f"{row.name} in {row.unit}" if "unit" in row._fields else str(row.name)


def _who_works_here(installation: Installation) -> tuple[Offer, ...]:
    with installation.reads.connect() as connection:
        found = connection.execute(_PEOPLE, {"roles": [role.value for role in FLOOR], "site": installation.site})
        return tuple((row.name, row.full_name) for row in found)


def _to_bring_into_force(installation: Installation, code: str) -> Hints:
    """The versions that wait; and of the one that is chosen, the version in force to compare it with."""
    with installation.reads.connect() as connection:
        waiting = [(row.code, f"{row.code}: {row.title}") for row in connection.execute(_IMPORTED)]
    return Hints({"definition": _once(waiting)}, compare=to_compare(installation, code) if code else None)


def _specifications(installation: Installation) -> list[Specification]:
    with installation.reads.connect() as connection:
        return [read_specification(content) for content in connection.scalars(_EFFECTIVE, {"type": "specification"})]


def _protocols(installation: Installation) -> list[Protocol]:
    with installation.reads.connect() as connection:
        return [read_protocol(content) for content in connection.scalars(_EFFECTIVE, {"type": "protocol"})]


def _from_specifications(found: list[Specification], act: str) -> dict[str, tuple[Offer, ...]]:
    if act == "record_freezing":
        return {"program": _once((item.code, item.title) for one in found for item in one.freezing.programs)}
    lists: list[Sequence[ReleaseTest | DonorTest]] = [tests for one in found for tests in (one.tests, one.donor.tests)]
    named = [(item.code, item.title) for tests in lists for item in tests]
    words = [word for one in found for item in one.tests for word in item.possible_results]
    words += [item.acceptable for one in found for item in one.donor.tests]
    return {"test": _once(named), "choice": _once((word, "") for word in words)}


def _once(offers: Any) -> tuple[Offer, ...]:
    return tuple(dict(offers).items())


def _diluents(installation: Installation, given: dict[str, list[str]]) -> Hints:
    """The diluents of the dose's own protocol, which may be older than the one in force, and its method of counting."""
    scan = read_scan((given.get("dose") or [""])[0])
    if not isinstance(scan, Scan) or scan.kind is not Kind.DOSE:
        return NONE
    with installation.reads.connect() as connection:
        content = connection.scalar(_OF_DOSE, {"code": scan.code, "site": installation.site})
    if content is None:
        return NONE
    rules = read_protocol(content).thaw
    diluents = _once((item.code, item.title) for item in rules.diluents)
    return Hints({"diluent": diluents, "method": ((rules.viability_method, ""),)})


def _what_may_be_put_right(installation: Installation, given: dict[str, list[str]]) -> Hints:
    """What of this record may be put right in its state, by name; nothing before it is scanned."""
    scan = read_scan((given.get("record") or [""])[0])
    if not isinstance(scan, Scan) or scan.kind.name.lower() not in KINDS:
        return NONE
    kind = scan.kind.name.lower()
    with installation.reads.connect() as connection:
        row = connection.execute(text(f"SELECT * FROM {kind} WHERE code = :code"), {"code": scan.code}).one_or_none()
        if row is None or unseen(connection, installation.site, kind, row.id):
            return NONE
    here = clock(installation.zone)
    noted = [name for name in columns_of(kind, row.state) if getattr(row, name) is not None]
    said = {name: value_text(getattr(row, name), told(kind, name).unit, here) for name in noted}
    offered = tuple((name, told(kind, name).label) for name in noted)
    return Hints({"what": offered}, closed=frozenset({"what"}), noted=said)


def _from_paper(installation: Installation, given: dict[str, list[str]]) -> Hints:
    scan = read_scan((given.get("dose") or [""])[0])
    if isinstance(scan, Scan) and scan.kind is Kind.DOSE:
        return Hints(**paper_hints(installation, scan.code))
    return NONE


def _questions(installation: Installation, act: str, given: dict[str, list[str]]) -> Hints:
    """The questions of the subject's own protocol; what is worked out from dates and blood gas is not asked, nor
    what does not concern this subject."""
    scan = read_scan((given.get("subject") or [""])[0])
    if not isinstance(scan, Scan) or scan.kind is not Kind.SUBJECT:
        return NONE
    with installation.reads.connect() as connection:
        row = connection.execute(_SUBJECT, {"code": scan.code, "site": installation.site}).one_or_none()
    if row is None:
        return NONE
    protocol, answers = read_protocol(row.content), row.answers or {}
    if act == "sign_eligibility":
        return Hints(asked={"decisions": tuple(_decisions(protocol, answers))})
    return Hints(asked={"answers": tuple(_answers(protocol, answers, row.sex))})


def _answers(protocol: Protocol, answers: dict[str, Any], sex: str) -> Iterator[Asked]:
    decisions = {item.decision for item in protocol.ambiguities}
    for question in protocol.questions:
        if question.code in decisions | {AGE, PF_RATIO} or not question.concerns(sex):
            continue
        held = answers.get(question.code)
        said = {True: "yes", False: "no", None: "unknown" if question.code in answers else ""}
        shown = said[held] if held is None or isinstance(held, bool) else str(held)
        yield Asked(
            question.code, question.asks, question.kind, question.unit or "", question.not_applicable or "", shown
        )


def _decisions(protocol: Protocol, answers: dict[str, Any]) -> Iterator[Asked]:
    """Only the decisions that the answers call for: those where the value is exactly the one the protocol forgot."""
    for item in protocol.ambiguities:
        held = answers.get(item.question)
        if held is not None and str(held) == f"{item.value:f}":
            yield Asked(item.decision, f"{item.text} ({item.decided_by})", "yes_no", may_be_unknown=False)
