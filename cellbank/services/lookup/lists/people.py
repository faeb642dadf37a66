"""Lists of who works here, whatever their home site, and of what they are trained for."""

from typing import Any

from sqlalchemy import ColumnElement, any_, case, exists, func, or_, select

from cellbank.domain.lifecycle.states import TrainingState
from cellbank.records.people import Person, Site, Training
from cellbank.services.lookup.lists.listing import Column, Listing, Look, with_each


def _works_at(site: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(Site.id == site, or_(Site.id == Person.site_id, Site.code == any_(Person.also_at)))


_IS_LOCKED = Person.locked_until > func.now()
_TRAINED = select(func.max(Training.valid_until)).where(
    Training.person_id == Person.id, Training.state == TrainingState.VALID, Training.role == any_(Person.roles)
)

LISTS = {
    "people": Listing(
        "People",
        "people",
        Person,
        {
            "full_name": Column("Name", Person.full_name),
            "name": Column("Sign-in name", Person.name),
            "email": Column("E-mail", Person.email),
            "roles": Column("Roles", Person.roles, Look.WORD),
            "trained": Column("Trained until", _TRAINED.scalar_subquery()),
            "agreement": Column("Statement accepted", Person.agreement_at),
            "locked_until": Column("Locked until", case((_IS_LOCKED, Person.locked_until))),
        },
        (Person.full_name, Person.name),
        (Person.full_name, Person.id),
        "add_person",
        here=_works_at,
        shown_state=case((_IS_LOCKED, "LOCKED"), else_=Person.state),
        only=(Person.id > 1,),  # the first is the installation itself
    ),
    "trainings": Listing(
        "Trainings",
        "mortarboard",
        Training,
        {
            "person": Column("Name", Person.full_name),
            "role": Column("Trained as", Training.role, Look.WORD),
            "procedure": Column("Procedure", Training.procedure),
            "trained_on": Column("Trained on", Training.trained_on),
            "valid_until": Column("Valid until", Training.valid_until),
        },
        (Person.full_name, Training.procedure),
        (Training.valid_until, Training.id),
        "record_training",
        source=with_each(Training, (Person,)),
        here=_works_at,
    ),
}
