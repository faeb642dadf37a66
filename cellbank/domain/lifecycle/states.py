"""Every state of every record, each once, with what it means. The CHECKs on the state columns repeat it.

The table moves records between them; code names a state by its member, so that a misspelt one is found by mypy.
"""

from enum import StrEnum
from typing import Self


class State(StrEnum):
    """A state as it stands in the database, and what it means."""

    means: str

    def __new__(cls, text: str, means: str) -> Self:
        """A member: the text that is kept, and what it says to people."""
        member = str.__new__(cls, text)
        member._value_, member.means = text, means
        return member


class SiteState(State):
    """What a site may be."""

    OPEN = "OPEN", "works"


class PersonState(State):
    """What a person may be."""

    PROPOSED = "PROPOSED", "waits for a second person, who confirms the account; may not sign in"
    ACTIVE = "ACTIVE", "may sign in"
    DISABLED = "DISABLED", "may no longer sign in; the name is never given to anybody else"


class TokenState(State):
    """What a api token may be."""

    LIVE = "LIVE", "opens the API"
    REVOKED = "REVOKED", "opens nothing any more"


class AccountChangeState(State):
    """What a account change may be."""

    ASKED = "ASKED", "waits for a second person; nothing has changed yet"
    CONFIRMED = "CONFIRMED", "confirmed by a second person, and done"
    DECLINED = "DECLINED", "not confirmed; nothing has changed"


class TrainingState(State):
    """What a training may be."""

    RECORDED = "RECORDED", "waits for a second person, who confirms it; does not count yet"
    VALID = "VALID", "trained for the role until its date"
    REVOKED = "REVOKED", "no longer counts"


class DefinitionState(State):
    """What a definition may be."""

    IMPORTED = "IMPORTED", "read and checked, not yet in force"
    EFFECTIVE = "EFFECTIVE", "in force: new records are made under it"
    SUPERSEDED = "SUPERSEDED", "replaced by a newer version; old records still point at it"


class DonorState(State):
    """What a donor may be."""

    REGISTERED = "REGISTERED", "known under a pseudonym; eligibility not determined"
    ELIGIBLE = "ELIGIBLE", "determined eligible and signed"
    INELIGIBLE = "INELIGIBLE", "determined ineligible and signed"


class ConsentState(State):
    """What a consent may be."""

    GIVEN = "GIVEN", "in force"
    WITHDRAWN = "WITHDRAWN", "withdrawn by the donor"


class DonationState(State):
    """What a donation may be."""

    AWAITING_DECISION = "AWAITING_DECISION", "transport outside the usual limits; a quality officer decides"
    ACCEPTED = "ACCEPTED", "may be processed"
    REJECTED = "REJECTED", "may not be processed"


class ReagentState(State):
    """What a reagent lot may be."""

    QUARANTINED = "QUARANTINED", "received, not yet accepted"
    ACCEPTED = "ACCEPTED", "may be used"
    REJECTED = "REJECTED", "may not be used"
    RECALLED = "RECALLED", "called back after use; every lot that it touched is on hold"


class CultureState(State):
    """What a culture may be."""

    GROWING = "GROWING", "in the incubator"
    HARVESTED = "HARVESTED", "harvested and counted; cells can be passaged or frozen"
    FINISHED = "FINISHED", "all cells used or discarded"
    DISCARDED = "DISCARDED", "lost while growing"


class LotState(State):
    """What a lot may be."""

    IN_PROCESS = "IN_PROCESS", "vials numbered and labelled, being filled"
    FILLED = "FILLED", "filling closed and reconciled, waiting for the freezer"
    QUARANTINE = "QUARANTINE", "frozen, waiting for results"
    RELEASED = "RELEASED", "passed by quality for its purpose"
    REJECTED = "REJECTED", "may never be used"
    ON_HOLD = "ON_HOLD", "stopped until a quality officer lifts the hold"
    RECALLED = "RECALLED", "called back after release"


class RunState(State):
    """What a freezer run may be."""

    WITHIN = "WITHIN", "the run kept to the band of its program"
    OUTSIDE = "OUTSIDE", "the run left the band; its deviation decides"
    WITHDRAWN = "WITHDRAWN", "the wrong file; kept in sight, counts for nothing"


class VialState(State):
    """What a vial may be."""

    PRINTED = "PRINTED", "label printed, vial not filled yet"
    FILLED = "FILLED", "scanned as filled"
    FROZEN = "FROZEN", "frozen, not yet put away"
    IN_STOCK = "IN_STOCK", "at its place in the cold"
    RESERVED = "RESERVED", "kept for one dose"
    PICKED = "PICKED", "out of its place, still frozen"
    IN_TRANSIT = "IN_TRANSIT", "packed in a shipper, or on its way to another site"
    RECEIVED = "RECEIVED", "arrived at another site; nobody may use it before the shipment is accepted"
    MISSING = "MISSING", "not found where the book had it"
    THAWED = "THAWED", "thawed for one dose"
    POOLED = "POOLED", "its cells are in the dose"
    INFUSED = "INFUSED", "its cells were given"
    CULTURED = "CULTURED", "thawed to start a culture"
    QC_USED = "QC_USED", "used up for testing"
    VOIDED = "VOIDED", "label never used"
    DISCARDED = "DISCARDED", "destroyed"


class UnitState(State):
    """What a storage unit may be."""

    IN_SERVICE = "IN_SERVICE", "may be filled"
    OUT_OF_SERVICE = "OUT_OF_SERVICE", "nothing may be put in"
    FAILED = "FAILED", "warmed or broke down; every lot in it is on hold"


class CountState(State):
    """What a stock count may be."""

    COUNTED_ONCE = "COUNTED_ONCE", "counted by one person; another one counts without seeing that"
    COUNTED_TWICE = "COUNTED_TWICE", "counted by two people; differences wait for their reasons"
    CLOSED = "CLOSED", "every difference has its reason, and the book says what is there"


class ResultState(State):
    """What a test result may be."""

    ENTERED = "ENTERED", "entered, waiting for a second person"
    REVIEWED = "REVIEWED", "confirmed by a second person"
    DISPUTED = "DISPUTED", "not confirmed; to be entered again"
    CORRECTED = "CORRECTED", "replaced by a correction, which keeps this first value in sight"
    INVALIDATED = "INVALIDATED", "proved to be a laboratory error by a signed investigation; a retest decides"


class SampleState(State):
    """What a sample may be."""

    TAKEN = "TAKEN", "taken or inoculated; its result is awaited"
    REPORTED = "REPORTED", "its result is entered"
    CANCELLED = "CANCELLED", "no result will come"


class DeviationState(State):
    """What a deviation may be."""

    OPEN = "OPEN", "found, not yet investigated"
    INVESTIGATED = "INVESTIGATED", "investigated; a quality officer decides"
    CLOSED = "CLOSED", "decided and signed"


class ActionState(State):
    """What a corrective action may be."""

    PLANNED = "PLANNED", "somebody is to do it by a date"
    DONE = "DONE", "done; its effect is to be verified"
    VERIFIED = "VERIFIED", "its effect is verified and signed"


class ConditionalState(State):
    """What a conditional release may be."""

    REQUESTED = "REQUESTED", "a clinician asks for one subject, with results pending; nobody may use it yet"
    APPROVED = "APPROVED", "approved by quality; the sponsor has not signed"
    IN_FORCE = "IN_FORCE", "signed by clinician, quality and sponsor: doses of the lot may go to this subject"
    ENDED = "ENDED", "no longer in force: ended by hand, by the release of the lot, or by whatever stopped it"


class CorrectionState(State):
    """What a correction may be."""

    RECORDED = "RECORDED", "a value was put right and signed for; the first one stays in sight"


class BatchReviewState(State):
    """What a batch review may be."""

    REVIEWED = "REVIEWED", "the batch record was read, as it stood, and signed"


class NoticeState(State):
    """What a recall notice may be."""

    OPEN = "OPEN", "product was stopped: a clinician has still to say of a dose what was done"
    ACKNOWLEDGED = "ACKNOWLEDGED", "of every dose a clinician has said what was done"


class PrintingState(State):
    """What a printing may be."""

    PRINTED = "PRINTED", "sent to the printer"


class IssueState(State):
    """What a document issue may be."""

    ISSUED = "ISSUED", "left the system as a document, with its digest"


class TrailReviewState(State):
    """What a trail review may be."""

    REVIEWED = "REVIEWED", "this stretch of the trail was read and signed"


class ProbeState(State):
    """What a probe may be."""

    IN_USE = "IN_USE", "watches what it stands in"
    RETIRED = "RETIRED", "watches nothing any more"


class ReadingState(State):
    """What a reading import may be."""

    ENTERED = "ENTERED", "read off by one person, waiting for the second"
    STORED = "STORED", "its readings are stored"
    REJECTED = "REJECTED", "not confirmed by the second person"


class ExcursionState(State):
    """What a excursion may be."""

    OPEN = "OPEN", "not decided; a critical one has stopped the lots that stood there"
    ACCEPTED = "ACCEPTED", "decided and signed: the vials may be used"
    REJECTED = "REJECTED", "decided and signed: the vials may not be used"


class ShipmentState(State):
    """What a shipment may be."""

    ORDERED = "ORDERED", "to be packed"
    PACKING = "PACKING", "vials are going into the shipper"
    SEALED = "SEALED", "closed and sealed, waiting to be handed over"
    ON_THE_WAY = "ON_THE_WAY", "handed over, not yet received"
    ARRIVED = "ARRIVED", "received; its vials are being scanned"
    CHECKED = "CHECKED", "every vial scanned or missed; a quality officer decides"
    ACCEPTED = "ACCEPTED", "accepted and signed: its vials are stock of the receiving site"
    REJECTED = "REJECTED", "rejected and signed: its vials may not be used"
    CANCELLED = "CANCELLED", "called off with nothing in it"


class ScanState(State):
    """What a scan may be."""

    REPORTED = "REPORTED", "kept with its raw string"


class HoldState(State):
    """What a hold may be."""

    PLACED = "PLACED", "in force on everything below"
    LIFTED = "LIFTED", "no longer in force"


class SubjectState(State):
    """What a subject may be."""

    SCREENING = "SCREENING", "being assessed"
    ENROLLED = "ENROLLED", "eligible, signed; treated by the arm"
    SCREEN_FAILED = "SCREEN_FAILED", "assessed and not eligible"
    WITHDRAWN = "WITHDRAWN", "left the trial"
    COMPLETED = "COMPLETED", "treatment finished"


class TreatmentState(State):
    """What a treatment decision may be."""

    DECIDED = "DECIDED", "signed: treatment goes on in spite of what was open then"


class WeightState(State):
    """What a weight may be."""

    MEASURED = "MEASURED", "waiting for the second person"
    CONFIRMED = "CONFIRMED", "two people saw it"


class PaperState(State):
    """What a dose paper may be."""

    ENTERED = "ENTERED", "entered by the first person from its paper form; the second one has not confirmed it"
    CONFIRMED = "CONFIRMED", "confirmed by the second person: it stands in the dose"
    REPLACED = "REPLACED", "entered again before it was confirmed"
    TAKEN_BACK = "TAKEN_BACK", "taken back by another person: nothing of it is true of this dose"


class DoseState(State):
    """What a dose may be."""

    UNORDERED = "UNORDERED", "given without an order, as is told; its paper form is to be entered"
    ORDERED = "ORDERED", "calculated, vials reserved"
    PICKED = "PICKED", "vials out of the tank"
    THAWING = "THAWING", "clock running"
    COUNTED = "COUNTED", "pooled and counted"
    PREPARED = "PREPARED", "drawn up and labelled"
    CHECKED_ONCE = "CHECKED_ONCE", "checked at the bedside by one person"
    CHECKED = "CHECKED", "checked by two people: GO"
    INFUSING = "INFUSING", "running"
    INFUSED = "INFUSED", "given"
    RECONCILED = "RECONCILED", "empty vials and residual accounted for"
    CANCELLED = "CANCELLED", "cancelled before thaw; vials back in stock"
    DISCARDED = "DISCARDED", "destroyed after thaw"
