"""Lists of what is stopped, what went wrong, what is done about it, and by which files the bank works."""

from sqlalchemy import func

from cellbank.domain.lifecycle.states import ActionState, DeviationState
from cellbank.records.deviations import CorrectiveAction, Deviation
from cellbank.records.people import Definition, Person
from cellbank.records.production import Donor, Lot, ReagentLot
from cellbank.records.quality import Hold
from cellbank.records.storage import StorageUnit
from cellbank.services.lookup.lists.listing import Column, Listing, Look, of_every_site, of_site, with_each

_HELD = (Lot, Donor, ReagentLot, StorageUnit)
_HELD_CODE = func.coalesce(*(one.code for one in _HELD))


LISTS = {
    "holds": Listing(
        "Holds",
        "pause-circle",
        Hold,
        {
            "on": Column("On", _HELD_CODE),
            "reason": Column("Reason", Hold.reason, Look.TEXT),
            "placed_at": Column("Placed", Hold.placed_at),
        },
        (_HELD_CODE, Hold.reason),
        (Hold.placed_at.desc(), Hold.id.desc()),
        source=with_each(Hold, _HELD),
        here=of_site(func.coalesce(*(one.site_id for one in _HELD))),
    ),
    "deviations": Listing(
        "Deviations",
        "exclamation-diamond",
        Deviation,
        {
            "title": Column("In one line", Deviation.title, Look.TEXT),
            "classification": Column("Classification", Deviation.classification, Look.WORD),
            "occurred_at": Column("Happened", Deviation.occurred_at),
            "due_on": Column("To be closed by", Deviation.due_on),
        },
        (Deviation.title, Deviation.classification),
        (Deviation.state == DeviationState.CLOSED, Deviation.due_on, Deviation.id),
        "open_deviation",
    ),
    "actions": Listing(
        "Actions",
        "tools",
        CorrectiveAction,
        {
            "description": Column("What is to be done", CorrectiveAction.description),
            "deviation": Column("Deviation", Deviation.code),
            "responsible": Column("By whom", Person.full_name),
            "due_on": Column("Until", CorrectiveAction.due_on),
        },
        (Deviation.code, CorrectiveAction.description, Person.full_name),
        (CorrectiveAction.state != ActionState.PLANNED, CorrectiveAction.due_on, CorrectiveAction.id),
        "plan_action",
        source=CorrectiveAction.__table__.outerjoin(
            Deviation.__table__, CorrectiveAction.deviation_id == Deviation.id
        ).outerjoin(Person.__table__, CorrectiveAction.responsible_id == Person.id),
        here=of_site(Deviation),
    ),
    "definitions": Listing(
        "Definitions",
        "file-earmark-text",
        Definition,
        {
            "title": Column("Title", Definition.title),
            "type": Column("Type", Definition.type, Look.WORD),
            "version": Column("Version", Definition.version),
            "effective_at": Column("In force since", Definition.effective_at),
        },
        (Definition.title,),
        (Definition.type, Definition.id.desc()),
        "import_definition",
        here=of_every_site,
    ),
}
