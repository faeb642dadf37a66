"""Lists of subjects and of their doses."""

from cellbank.domain.lifecycle.states import DoseState
from cellbank.records.clinic import Dose, Subject
from cellbank.records.production import Lot
from cellbank.services.lookup.lists.listing import Column, Listing, Look, number_of, of_site, with_each

LISTS = {
    "subjects": Listing(
        "Subjects",
        "person-vcard",
        Subject,
        {
            "trial_number": Column("Trial number", Subject.trial_number),
            "arm": Column("Arm", Subject.arm),
            "sex": Column("Sex", Subject.sex, Look.WORD),
            "doses": Column(
                "Doses given",
                number_of(
                    Dose, Dose.subject_id == Subject.id, Dose.state.in_((DoseState.INFUSED, DoseState.RECONCILED))
                ),
            ),
        },
        (Subject.trial_number,),
        (Subject.trial_number, Subject.id),
        "enrol_subject",
    ),
    "doses": Listing(
        "Doses",
        "eyedropper",
        Dose,
        {
            "subject": Column("Subject", Subject.trial_number),
            "infusion_number": Column("Infusion", Dose.infusion_number),
            "day": Column("Day of the plan", Dose.day),
            "planned_on": Column("Planned", Dose.planned_on),
            "lot": Column("Lot", Lot.code),
            "required_cells": Column("Cells needed", Dose.required_cells, Look.CELLS),
            "given_cells": Column("Cells given", Dose.given_cells, Look.CELLS),
            "given_percent": Column("Of the dose, %", Dose.given_percent),
        },
        (Subject.trial_number, Lot.code, Subject.code),
        (Dose.planned_on.desc(), Dose.id.desc()),
        "order_dose",
        source=with_each(Dose, (Subject, Lot)),
        here=of_site(Subject),
    ),
}
