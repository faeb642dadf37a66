"""The lab's words for every column of every record, with its unit: the one table of names.

A column that stands here under no name is called by its own: `cells_seeded` is "Cells seeded", and its ending tells the
unit. So a new column has a name from the first day, and this table holds only what would read badly.
"""

from functools import cache
from typing import NamedTuple

from sqlalchemy import DateTime

from cellbank.records.tables import metadata

TIME, CELLS, DAY = "time", "cells", "day"


class Told(NamedTuple):
    """How a column is called and in what it is measured; `time` and `cells` are written in their own ways."""

    label: str
    unit: str = ""


# What holds a word of the code, and not what somebody wrote.
WORDS_OF_THE_CODE = {
    "state", "verdict", "type", "purpose", "classification", "category", "sex", "tissue", "roles", "role",
    "state_before_hold",
}  # fmt: skip
# The ending of a column tells its unit.
UNITS = {
    "_at": TIME, "_kg": "kg", "_g": "g", "_ml": "mL", "_cm": "cm", "_cm2": "cm²", "_c": "°C", "_percent": "%",
    "_cells": CELLS, "_weeks": "weeks", "_h": "h", "_per_vial": CELLS, "_per_ml": CELLS, "_until": TIME,
}  # fmt: skip

# By column, or by record and column where records use one word for different things.
WORDS: dict[str, Told] = {
    "birth_year": Told("Year of birth"), "delivered_at": Told("Delivery", TIME), "delivery": Told("Mode of delivery"),
    "gestation_weeks": Told("Gestation", "weeks"), "collected_at": Told("Collected", TIME),
    "received_at": Told("Received", TIME), "transport_min_c": Told("Transport, lowest", "°C"),
    "transport_max_c": Told("Transport, highest", "°C"), "mass_g": Told("Mass", "g"), "length_cm": Told("Length", "cm"),
    "questions": Told("Why a quality officer decides"), "eligibility_reason": Told("Reason of the determination"),
    "decision_reason": Told("Reason of the decision"), "certificate": Told("Certificate of the maker"),
    "manufacturer": Told("Maker"), "manufacturer_lot": Told("Maker's lot"), "quantity_left": Told("Left"),
    "quantity_received": Told("Received"), "opened_at": Told("Opened", TIME), "used_at": Told("Used", TIME),
    "days_once_open": Told("Keeps after opening", "days"), "started_at": Told("Started", TIME),
    "area_cm2": Told("Area", "cm²"), "cells_seeded": Told("Living cells seeded", CELLS),
    "harvested_at": Told("Harvested", TIME), "cells_harvested": Told("Cells harvested", CELLS),
    "viability_percent": Told("Viability", "%"), "confluence_percent": Told("Confluence", "%"),
    "cells_left": Told("Cells left", CELLS), "cells_lost": Told("Cells discarded", CELLS),
    "warn_above_c": Told("Warning above", "°C"), "critical_above_c": Told("Critical above", "°C"),
    "reject_above_c": Told("Reject above", "°C"), "warn_minutes": Told("Warning after", "min"),
    "gap_minutes": Told("Silent after", "min"), "acknowledge_minutes": Told("Acknowledge within", "min"),
    "limits_asked": Told("Limits asked for"), "limits_asked_by_id": Told("Limits asked for by"),
    "limits_asked_because": Told("Why other limits"),
    "critical_readings": Told("Readings in a row that are critical"), "peak_c": Told("Peak", "°C"),
    "warn_seconds": Told("Above the warning limit", "s"), "critical_seconds": Told("Above the critical limit", "s"),
    "reject_seconds": Told("Above the limit of rejection", "s"),
    "warn_degree_seconds": Told("Above the warning limit", "°C·s"),
    "critical_degree_seconds": Told("Above the critical limit", "°C·s"),
    "reject_degree_seconds": Told("Above the limit of rejection", "°C·s"),
    "began_at": Told("Minute 0 of the program", TIME), "departures": Told("Departures from the band"),
    "first_departure_at": Told("First departure", TIME), "outside_seconds": Told("Outside the band", "s"),
    "longest_seconds": Told("Longest departure", "s"), "worst_c": Told("Furthest outside", "°C"),
    "degree_seconds": Told("Outside the band", "°C·s"), "withdrawn_by_id": Told("Withdrawn by"),
    "programs_with_a_run": Told("Programs that ask for a freezing run"),
    "freezer_run.row_count": Told("Rows of the file"),
    "watch": Told("State of the watch"), "last_at": Told("Last reading", TIME), "first_at": Told("First reading", TIME),
    "known_before": Told("Known before"), "hand_celsius": Told("Read off by hand", "°C"),
    "cells_used": Told("Cells used", CELLS), "doubling_time_h": Told("Doubling time", "h"),
    "cumulative_doublings": Told("Population doublings in all"), "cells_per_vial": Told("Cells in each vial", CELLS),
    "dmso_g_per_kg": Told("DMSO", "g per kg"), "endotoxin_eu_per_kg": Told("Endotoxin", "EU per kg"),
    "endotoxin_eu_per_million_cells": Told("Endotoxin", "EU per million cells"),
    "volume_ml": Told("Volume", "mL"), "dmso_percent": Told("DMSO", "%"), "planned_vial_count": Told("Vials planned"),
    "sample_cells": Told("Cells in samples", CELLS), "lost_cells": Told("Cells lost", CELLS),
    "fill_started_at": Told("Filling began", TIME), "frozen_at": Told("Freezing began", TIME),
    "expires_on": Told("Expires"), "state_before_hold": Told("State before the hold"),
    "picked_at": Told("Picked", TIME), "thawed_at": Told("Thawed", TIME),
    "placed_at": Told("Put there", TIME), "taken_at": Told("Taken out", TIME),
    "row_count": Told("Rows"), "column_count": Told("Columns"), "place": Told("Place"), "box_id": Told("Box"),
    "out_of_service_reason": Told("Why out of service"), "vial.number": Told("Number on the label"),
    "test_result.number": Told("Value"), "test_result.choice": Told("Value"), "resulted_at": Told("Resulted", TIME),
    "test_result.started_at": Told("Taken or inoculated", TIME), "entered_by_id": Told("Entered by"),
    "imported_by_id": Told("Imported by"),
    "sample.taken_at": Told("Taken or inoculated", TIME), "sample.number": Told("Sample number"),
    "column_name": Told("Value that is put right"), "correction.before": Told("Noted before"),
    "correction.after": Told("Right"), "follows": Told("What follows from it"),
    "corrected_at": Told("Put right", TIME), "corrected_by_id": Told("Put right by"),
    "change_reason": Told("Reason of the change"), "corrects_id": Told("Corrects"),
    "hold.placed_at": Told("Placed", TIME), "lifted_at": Told("Lifted", TIME), "lift_reason": Told("Why it was lifted"),
    "digest": Told("Digest"), "content": Told("Content"), "says": Told("What the database reads in it"),
    "handling": Told("Limits out of the cold"),
    "effective_at": Told("In force since", TIME), "figures": Told("Figures that the database reckons with"),
    "pseudonym_key": Told("Pseudonym, folded"), "name_key": Told("Name, folded"),
    "manufacturer_lot_key": Told("Lot number, folded"),
    "trial": Told("Trial"), "trial_number_key": Told("Trial number, folded"),
    "second_identifier_key": Told("Second identifier, folded"), "subject.place": Told("Place in the trial"),
    "bars_other_trials": Told("Forbids other trials"), "planned_subjects": Told("Subjects planned"),
    "second_identifier": Told("Second identifier"), "born_on": Told("Born"), "consented_on": Told("Consented"),
    "receives_product": Told("Receives cells"), "answers": Told("Answers to the criteria"),
    "assessment": Told("Assessment of the criteria"), "withdrawal_reason": Told("Why withdrawn"),
    "weight_kg": Told("Weight", "kg"), "measured_at": Told("Measured", TIME), "confirmed_at": Told("Confirmed", TIME),
    "infusion_number": Told("Infusion"), "day": Told("Day of the plan"), "planned_on": Told("Planned for"),
    "ordered_at": Told("Ordered", TIME), "required_cells": Told("Living cells needed", CELLS),
    "vials_spare": Told("Spare vials"), "calculation": Told("Calculation"),
    "deviation_reason": Told("Why outside the plan"), "planned_anew_because": Told("Why planned anew"),
    "thaw_started_at": Told("Thaw began", TIME),
    "dose.expires_at": Told("Use before", TIME), "dose.code": Told("Number on the label"),
    "pooled_ml": Told("Pooled", "mL"),
    "total_cells_per_ml": Told("Cells in each mL", CELLS), "count_method": Told("Method of counting"),
    "counted_at": Told("Counted", TIME), "draw_ml": Told("To draw", "mL"),
    "delivered_cells": Told("Living cells drawn", CELLS), "delivered_percent": Told("Of the dose", "%"),
    "is_short": Told("Short dose"), "short_dose_reason": Told("Why the short dose was accepted"),
    "prepared_at": Told("Prepared", TIME), "final_volume_ml": Told("Volume in the syringe", "mL"),
    "band_reason": Told("Why outside the usual band"), "first_checked_by_id": Told("First check by"),
    "first_checked_at": Told("First check", TIME), "second_checked_by_id": Told("Second check by"),
    "second_checked_at": Told("Second check", TIME), "infusion_started_at": Told("Infusion began", TIME),
    "infusion_stopped_at": Told("Infusion ended", TIME), "volume_given_ml": Told("Given", "mL"),
    "given_cells": Told("Living cells given", CELLS), "given_percent": Told("Given, of the dose", "%"),
    "residual_ml": Told("Left over", "mL"), "outcome_reason": Told("Reason of the outcome"),
    "fin": Told("Facility number"), "fin_registered": Told("Facility number is registered"),
    "name": Told("Name"), "person.name": Told("Sign-in name"), "password_hash": Told("Password"),
    "password_set_at": Told("Password set", TIME), "must_change_password": Told("Must change the password"),
    "failure_count": Told("Wrong passwords in a row"), "first_failure_at": Told("First of them", TIME),
    "agreement_version": Told("Statement accepted"), "agreement_at": Told("Accepted", TIME),
    "change": Told("What is asked for"), "account_change.roles": Told("Roles asked for"),
    "account_change.also_at": Told("Other sites asked for"), "email": Told("Address of e-mail"),
    "account_change.email": Told("Address asked for"),
    "asked_at": Told("Asked for", TIME), "asked_by_id": Told("Asked for by"), "decided_by_id": Told("Decided by"),
    "confirmed_by_id": Told("Confirmed by"),
    "totp_secret": Told("Second factor"), "totp_next": Told("Second factor that is set up"),
    "totp_confirmed_at": Told("Second factor confirmed", TIME),
    "read_only": Told("Reads only"), "api_token.site_code": Told("Only at site"), "acts": Told("Only these acts"),
    "totp_step": Told("Last code of the second factor"), "training.valid_until": Told("Valid until"),
    "wanted": Told("Vials ordered"), "charged_at": Told("Charged", TIME),
    "charge_kg": Told("Mass after the charge", "kg"),
    "planned_hours": Told("Planned way", "h"), "seals": Told("Numbers of the seals"), "sealed_at": Told("Sealed", TIME),
    "sent_at": Told("Handed over", TIME), "seals_found": Told("Seals as they were found"),
    "shipment.received_by_id": Told("Received by"), "checked_at": Told("Checked", TIME),
    "decided_at": Told("Decided", TIME), "packed_at": Told("Packed", TIME), "found_at": Told("Found", TIME),
    "packed_vial.ended_at": Told("No longer in the shipment", TIME), "custody.person_id": Told("In hand of"),
    "waybill": Told("Number of the waybill"), "since": Told("From", TIME), "custody.until": Told("Until", TIME),
    "hold_hours": Told("Holds", "h"), "qualified_until": Told("Qualified until"), "also_at": Told("Works also at"),
    "occurred_at": Told("Happened", TIME), "due_on": Told("Due"), "closed_at": Told("Closed", TIME),
    "done_at": Told("Done", TIME), "opened_by_id": Told("Opened by"), "done_by_id": Told("Done by"),
    "first_act": Told("From act"), "last_act": Told("To act"), "record_code": Told("Record"),
    "reviewed_at": Told("Reviewed", TIME), "issued_at": Told("Issued", TIME), "pdf_digest": Told("Digest of the file"),
    "acknowledged_at": Told("Acknowledged", TIME), "answered_at": Told("Answered", TIME),
    "harvest_note": Told("Note at the harvest"), "end_note": Told("Note at the end"),
    "notice_line.done": Told("What was done"), "is_serious": Told("Serious"), "noted_at": Told("Noted", TIME),
    "covers": Told("In spite of"), "critical_since": Told("Critical and open since", TIME),
    "specification_id": Told("Specification"), "protocol_id": Told("Protocol"),
    "parent_id": Told("From culture"), "storage_unit.parent_id": Told("Stands in"),
    "excursion.ended_at": Told("Ended", TIME), "done_note": Told("What was done"), "expires_at": Told("Expires", TIME),
    "source_vial_id": Told("From vial"), "printed_at": Told("Printed", TIME),
}  # fmt: skip

# What acts answer under a name that is no column.
ANSWERS: dict[str, Told] = {
    "printings": Told("Labels printed, number"), "dmso_that_day": Told("DMSO on that day"),
    "is_capped": Told("Limited to the most that is allowed"), "will_open_a_deviation": Told("Will open a deviation"),
    "viable_cells": Told("Living cells", CELLS), "cells_needed": Told("Cells needed", CELLS),
    "cells_taken": Told("Cells taken", CELLS), "growth": Told("Growth"), "lots_stopped": Told("Lots stopped"),
    "lots_returned": Told("Lots free again"), "bedside": Told("At the bedside"),
    "usable_until": Told("Use before", TIME),
}  # fmt: skip


def told(record: str, column: str) -> Told:
    """The name and the unit of a column of a record; what the table knows as an instant is one, whatever its name."""
    found = WORDS.get(f"{record}.{column}") or WORDS.get(column) or ANSWERS.get(column) or _by_its_name(column)
    return found._replace(unit=TIME) if (record, column) in _instants() else found


def _by_its_name(column: str) -> Told:
    name = column.removesuffix("_id")
    ending, unit = next(((end, unit) for end, unit in UNITS.items() if column.endswith(end)), ("", ""))
    said = name.removesuffix(ending) if unit not in (TIME, CELLS) else name
    return Told(said.replace("_", " ").capitalize(), unit)


@cache
def _instants() -> frozenset[tuple[str, str]]:
    """The columns of all tables that hold an instant."""
    columns = [column for table in metadata.tables.values() for column in table.columns]
    return frozenset((column.table.name, column.name) for column in columns if isinstance(column.type, DateTime))
