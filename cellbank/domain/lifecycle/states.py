"""Every state of every record, in words. The CHECKs on the state columns repeat it; the table moves between them."""

STATES: dict[str, dict[str, str]] = {
    "site": {"OPEN": "works"},
    "person": {
        "PROPOSED": "waits for a second person, who confirms the account; may not sign in",
        "ACTIVE": "may sign in",
        "DISABLED": "may no longer sign in; the name is never given to anybody else",
    },
    "api_token": {"LIVE": "opens the API", "REVOKED": "opens nothing any more"},
    "account_change": {
        "ASKED": "waits for a second person; nothing has changed yet",
        "CONFIRMED": "confirmed by a second person, and done",
        "DECLINED": "not confirmed; nothing has changed",
    },
    "training": {
        "RECORDED": "waits for a second person, who confirms it; does not count yet",
        "VALID": "trained for the role until its date",
        "REVOKED": "no longer counts",
    },
    "definition": {
        "IMPORTED": "read and checked, not yet in force",
        "EFFECTIVE": "in force: new records are made under it",
        "SUPERSEDED": "replaced by a newer version; old records still point at it",
    },
    "donor": {
        "REGISTERED": "known under a pseudonym; eligibility not determined",
        "ELIGIBLE": "determined eligible and signed",
        "INELIGIBLE": "determined ineligible and signed",
    },
    "consent": {"GIVEN": "in force", "WITHDRAWN": "withdrawn by the donor"},
    "donation": {
        "AWAITING_DECISION": "transport outside the usual limits; a quality officer decides",
        "ACCEPTED": "may be processed",
        "REJECTED": "may not be processed",
    },
    "reagent_lot": {
        "QUARANTINED": "received, not yet accepted",
        "ACCEPTED": "may be used",
        "REJECTED": "may not be used",
        "RECALLED": "called back after use; every lot that it touched is on hold",
    },
    "culture": {
        "GROWING": "in the incubator",
        "HARVESTED": "harvested and counted; cells can be passaged or frozen",
        "FINISHED": "all cells used or discarded",
        "DISCARDED": "lost while growing",
    },
    "lot": {
        "IN_PROCESS": "vials numbered and labelled, being filled",
        "FILLED": "filling closed and reconciled, waiting for the freezer",
        "QUARANTINE": "frozen, waiting for results",
        "RELEASED": "passed by quality for its purpose",
        "REJECTED": "may never be used",
        "ON_HOLD": "stopped until a quality officer lifts the hold",
        "RECALLED": "called back after release",
    },
    "freezer_run": {
        "WITHIN": "the run kept to the band of its program",
        "OUTSIDE": "the run left the band; its deviation decides",
        "WITHDRAWN": "the wrong file; kept in sight, counts for nothing",
    },
    "vial": {
        "PRINTED": "label printed, vial not filled yet",
        "FILLED": "scanned as filled",
        "FROZEN": "frozen, not yet put away",
        "IN_STOCK": "at its place in the cold",
        "RESERVED": "kept for one dose",
        "PICKED": "out of its place, still frozen",
        "IN_TRANSIT": "packed in a shipper, or on its way to another site",
        "RECEIVED": "arrived at another site; nobody may use it before the shipment is accepted",
        "MISSING": "not found where the book had it",
        "THAWED": "thawed for one dose",
        "POOLED": "its cells are in the dose",
        "INFUSED": "its cells were given",
        "CULTURED": "thawed to start a culture",
        "QC_USED": "used up for testing",
        "VOIDED": "label never used",
        "DISCARDED": "destroyed",
    },
    "storage_unit": {
        "IN_SERVICE": "may be filled",
        "OUT_OF_SERVICE": "nothing may be put in",
        "FAILED": "warmed or broke down; every lot in it is on hold",
    },
    "stock_count": {
        "COUNTED_ONCE": "counted by one person; another one counts without seeing that",
        "COUNTED_TWICE": "counted by two people; differences wait for their reasons",
        "CLOSED": "every difference has its reason, and the book says what is there",
    },
    "test_result": {
        "ENTERED": "entered, waiting for a second person",
        "REVIEWED": "confirmed by a second person",
        "DISPUTED": "not confirmed; to be entered again",
        "CORRECTED": "replaced by a correction, which keeps this first value in sight",
        "INVALIDATED": "proved to be a laboratory error by a signed investigation; a retest decides",
    },
    "sample": {
        "TAKEN": "taken or inoculated; its result is awaited",
        "REPORTED": "its result is entered",
        "CANCELLED": "no result will come",
    },
    "deviation": {
        "OPEN": "found, not yet investigated",
        "INVESTIGATED": "investigated; a quality officer decides",
        "CLOSED": "decided and signed",
    },
    "corrective_action": {
        "PLANNED": "somebody is to do it by a date",
        "DONE": "done; its effect is to be verified",
        "VERIFIED": "its effect is verified and signed",
    },
    "conditional_release": {
        "REQUESTED": "a clinician asks for one subject, with results pending; nobody may use it yet",
        "APPROVED": "approved by quality; the sponsor has not signed",
        "IN_FORCE": "signed by clinician, quality and sponsor: doses of the lot may go to this subject",
        "ENDED": "no longer in force: ended by hand, by the release of the lot, or by whatever stopped it",
    },
    "correction": {"RECORDED": "a value was put right and signed for; the first one stays in sight"},
    "batch_review": {"REVIEWED": "the batch record was read, as it stood, and signed"},
    "recall_notice": {
        "OPEN": "product was stopped: a clinician has still to say of a dose what was done",
        "ACKNOWLEDGED": "of every dose a clinician has said what was done",
    },
    "printing": {"PRINTED": "sent to the printer"},
    "document_issue": {"ISSUED": "left the system as a document, with its digest"},
    "trail_review": {"REVIEWED": "this stretch of the trail was read and signed"},
    "probe": {"IN_USE": "watches what it stands in", "RETIRED": "watches nothing any more"},
    "reading_import": {
        "ENTERED": "read off by one person, waiting for the second",
        "STORED": "its readings are stored",
        "REJECTED": "not confirmed by the second person",
    },
    "excursion": {
        "OPEN": "not decided; a critical one has stopped the lots that stood there",
        "ACCEPTED": "decided and signed: the vials may be used",
        "REJECTED": "decided and signed: the vials may not be used",
    },
    "shipment": {
        "ORDERED": "to be packed",
        "PACKING": "vials are going into the shipper",
        "SEALED": "closed and sealed, waiting to be handed over",
        "ON_THE_WAY": "handed over, not yet received",
        "ARRIVED": "received; its vials are being scanned",
        "CHECKED": "every vial scanned or missed; a quality officer decides",
        "ACCEPTED": "accepted and signed: its vials are stock of the receiving site",
        "REJECTED": "rejected and signed: its vials may not be used",
        "CANCELLED": "called off with nothing in it",
    },
    "scan": {"REPORTED": "kept with its raw string"},
    "hold": {"PLACED": "in force on everything below", "LIFTED": "no longer in force"},
    "subject": {
        "SCREENING": "being assessed",
        "ENROLLED": "eligible, signed; treated by the arm",
        "SCREEN_FAILED": "assessed and not eligible",
        "WITHDRAWN": "left the trial",
        "COMPLETED": "treatment finished",
    },
    "treatment_decision": {"DECIDED": "signed: treatment goes on in spite of what was open then"},
    "weight": {"MEASURED": "waiting for the second person", "CONFIRMED": "two people saw it"},
    "dose_paper": {
        "ENTERED": "entered by the first person from its paper form; the second one has not confirmed it",
        "CONFIRMED": "confirmed by the second person: it stands in the dose",
        "REPLACED": "entered again before it was confirmed",
        "TAKEN_BACK": "taken back by another person: nothing of it is true of this dose",
    },
    "dose": {
        "UNORDERED": "given without an order, as is told; its paper form is to be entered",
        "ORDERED": "calculated, vials reserved",
        "PICKED": "vials out of the tank",
        "THAWING": "clock running",
        "COUNTED": "pooled and counted",
        "PREPARED": "drawn up and labelled",
        "CHECKED_ONCE": "checked at the bedside by one person",
        "CHECKED": "checked by two people: GO",
        "INFUSING": "running",
        "INFUSED": "given",
        "RECONCILED": "empty vials and residual accounted for",
        "CANCELLED": "cancelled before thaw; vials back in stock",
        "DISCARDED": "destroyed after thaw",
    },
}

# What a lot that is released is good for depends on what it was made for.
RELEASED_FOR = {
    "master_bank": "may be thawed into cultures; never for patients",
    "working_bank": "may be thawed into cultures; never for patients",
    "product": "may be used for patients",
}


def state_means(record: str, state: str, purpose: str | None = None) -> str:
    """What a state means, of a lot with this purpose."""
    if record == "lot" and state == "RELEASED" and purpose in RELEASED_FOR:
        return RELEASED_FOR[purpose]
    return STATES[record][state]
