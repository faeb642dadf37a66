"""The words in which the rows of this table are written: an attack, and the statements that most of them consist of.

Codes of the scene (`playing.py`) are bound by their names: `:ordered` is the code of a dose that was ordered.
"""

from typing import NamedTuple

ME = "(SELECT id FROM person WHERE name = :who)"
HER, HIM = "(SELECT id FROM person WHERE name = 'clara')", "(SELECT id FROM person WHERE name = 'cyril')"
NOW = "CAST(:now AS timestamptz)"
THE_ACT = "acting()"
PROBE = "(SELECT id FROM probe WHERE code = :probe)"
THE_GRANTS = "what the application's role may do"


class Attack(NamedTuple):
    """In whose name, under which act, with which statements; and the rule of the database that turns it away.

    `given` is what stood there before, written by the owner past every trigger. `without` names the rules that would
    answer first, and are off meanwhile: so the rule of this row is proved alone. `isolation`: of the transaction.
    """

    what: str
    who: str
    act: str
    statement: str
    rule: str
    given: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    isolation: str = "READ COMMITTED"


def id_of(table: str, code: str) -> str:
    """The record of the scene with this code."""
    return f"(SELECT id FROM {table} WHERE code = :{code})"


def change(table: str, code: str, to: str) -> str:
    """A record of the scene, changed."""
    return f"UPDATE {table} SET {to} WHERE code = :{code}"


def of_dose(stage: str, to: str) -> str:
    """A dose at this stage, changed."""
    return change("dose", stage, to)


def new(table: str, values: dict[str, str], **but: str) -> str:
    """A row with these expressions as its columns."""
    columns = values | but
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"


def another(table: str, like: str, **but: str) -> str:
    """A row like one that stands there, but for what is given."""
    changed = ", ".join(f"'{name}', {value}" for name, value in but.items())
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(r, jsonb_build_object("
        f"'id', nextval(pg_get_serial_sequence('{table}', 'id')), {changed}))).* FROM {table} r WHERE code = :{like}"
    )


def signature(**but: str) -> str:
    """A signature of a check as the application would write it, but for what is given."""
    columns = {
        "act_id": THE_ACT, "person_id": ME,
        "full_name": "(SELECT full_name FROM person WHERE name = :who)", "meaning": "'verified'",
        "record_kind": "'dose'", "record_id": id_of("dose", "prepared"),
        "digest": "signed_digest('dose', (SELECT id FROM dose WHERE code = :prepared), "
                  "string_to_array(signed_in('check_dose', 'dose') ->> 'verified', ' '))",
        "signed_at": ":now",
    }  # fmt: skip
    return new("signature", columns, **but)


def signed_by(act: str, meaning: str, kind: str, code: str) -> str:
    """A signature of this act on a record of the scene as it stands, with this meaning."""
    covered = f"string_to_array(signed_in('{act}', '{kind}') ->> '{meaning}', ' ')"
    return signature(
        meaning=f"'{meaning}'",
        record_kind=f"'{kind}'",
        record_id=id_of(kind, code),
        digest=f"signed_digest('{kind}', {id_of(kind, code)}, {covered})",
    )


def dose_of(weight: str, cells: str, **but: str) -> str:
    """A dose ordered for the subject of `:ordered`, by such a weight and with so many cells, but for what is given."""
    columns = (
        dict.fromkeys(("site_id", "subject_id", "lot_id", "day", "planned_on"), "")
        | {
            "weight_id": "w.id",
            "code": "'INVENTED0000001'",
            "infusion_number": "9",
            "ordered_at": ":now",
            "ordered_by_id": ME,
            "required_cells": cells,
            "vials_needed": "3",
            "vials_spare": "0",
            "calculation": "'{}'",
            "state": "'ORDERED'",
        }
        | but
    )
    values = ", ".join(value or f"d.{name}" for name, value in columns.items())
    return (
        f"INSERT INTO dose ({', '.join(columns)}) SELECT {values} "
        f"FROM dose d JOIN weight w ON {weight} WHERE d.code = :ordered"
    )


# Of the same two kinds many rows are made: a form of a dose, an excursion of a box.
def form_of(dose: str, by: str = HER) -> str:
    """A paper form of a dose that somebody entered."""
    form = {"dose_id": id_of("dose", dose), "content": "'{}'", "irregular": "'[]'", "state": "'ENTERED'"}
    return new("dose_paper", form, entered_by_id=by, entered_at=":now")


def excursion_at(unit: str, **but: str) -> str:
    """A critical excursion of a probe at this unit that began a year ago and goes on."""
    values = dict.fromkeys(
        (
            "warn_above_c",
            "critical_above_c",
            "reject_above_c",
            "peak_c",
            "warn_seconds",
            "critical_seconds",
            "reject_seconds",
            "warn_degree_seconds",
            "critical_degree_seconds",
            "reject_degree_seconds",
        ),
        "0",
    )
    values |= {
        "code": "'EX1'",
        "category": "'critical'",
        "state": "'OPEN'",
        "probe_id": PROBE,
        "site_id": "1",
        "storage_unit_id": unit,
        "found_at": ":now",
        "started_at": f"{NOW} - interval '1 year'",
    }
    return new("excursion", values, **but)
