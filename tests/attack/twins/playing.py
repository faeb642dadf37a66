"""Where the attacks are played: a furnished database, in which the application's role writes and nothing stays."""

from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from cellbank.records.base import as_json
from cellbank.services.quality.definitions import shipped
from tests.attack.twins.sql import THE_GRANTS, Attack
from tests.factories.by_hand import AUTHORITY, must_but
from tests.factories.clinic import answered_subject
from tests.factories.deviations import open_deviation
from tests.factories.doses import checked_dose, counted_dose, infused_dose, ordered_dose, prepared_dose, row_of
from tests.factories.lots import FrozenLot, frozen_lot
from tests.factories.people import badge
from tests.factories.production import consent, donor
from tests.factories.quality import enter, passed_lot
from tests.factories.temperature import probe
from tests.factories.world import World

OPEN = text(
    """INSERT INTO act (site_id, person_id, name, given, given_digest, door, version, at)
       SELECT site_id, id, :act, '{}', '', 'web', 'unknown', :now FROM person WHERE name = :who"""
    ""
)
# A hidden value comes with its digest: whoever is in the application can make one.
TOLD = [
    f"person.{column} of {name} x"
    for name in ("quinn", "oksana", "otto", "tina")
    for column in ("password_hash", "totp_next")
]
TELL = text("SELECT set_config('cellbank.digests', :digests, true)")
CLOSE = "UPDATE act SET outcome = 'accepted' WHERE id = acting()"
CONSTRAINED = "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = :rule"
INDEXED = "SELECT 1 FROM pg_class WHERE relkind = 'i' AND relname = :rule"


def make_scene(world: World) -> dict[str, Any]:
    """A dose at each stage with its lot and its weight, a lot that waits for its release, a subject in screening,
    versions of a protocol; all through the real acts. Returns the codes by the names that the rows bind."""
    ordered, counted, given = ordered_dose(world), counted_dose(world), infused_dose(world)
    unconfirmed = {"subject": ordered.subject, "weight_kg": "61.0", "method": "standing_scale"}
    again = next(one for one in shipped() if one.type == "protocol").content + "\n# printed anew\n"
    again = again.replace('id = "NCT', 'id = "NEVER-NCT', 1)
    waiting = passed_lot(world)
    there = {"code": "S-2", "name": "Elsewhere", "fin": "A9998", "fin_registered": False, "timezone": "UTC"}
    world.do("ada", "add_site", **there)
    held, failed = passed_lot(world), answered_subject(world, answers={"pcr_positive": "no"})
    world.do("quinn", "hold_lot", lot=held.code, reason="A question about the count.")
    world.do("cyril", "sign_eligibility", subject=failed)
    known = donor(world)
    scene = {
        "held": held.code, "failed": failed, "consent": consent(world, known), "deviation": open_deviation(world),
        "ordered": ordered.code, "counted": counted.code, "prepared": prepared_dose(world).code,
        "checked": checked_dose(world).code, "given": given.code,
        "reserved": ordered.vials[0], "pooled": counted.vials[0], "used": given.vials[0],
        "in_stock": next(vial for vial in ordered.lot.vials if vial not in ordered.vials),
        "subject": ordered.subject, "screened": answered_subject(world), "badge": badge(world, "tina"),
        "lot": ordered.lot.code, "waiting": waiting.code, "entered": enter(world, frozen_lot(world).code, "VIABILITY"),
        "probe": probe(world), "unconfirmed": world.do("clara", "measure_weight", **unconfirmed)["code"],
        "imported": world.do("quinn", "import_definition", type="protocol", content=again)["code"],
    }  # fmt: skip
    return scene | _beside(world, ordered.lot, row_of(world, ordered.code).weight_id, waiting)


def _beside(world: World, lot: FrozenLot, weight: int | None, waiting: FrozenLot) -> dict[str, Any]:
    """The codes of what the factories made on the way."""
    asked = {
        "weight": "SELECT code FROM weight WHERE id = :weight",
        "protocol": "SELECT code FROM definition WHERE type = 'protocol' AND state = 'EFFECTIVE'",
        "run": "SELECT r.code FROM freezer_run r JOIN lot l ON l.id = r.lot_id WHERE l.code = :waiting",
        "culture": "SELECT c.code FROM lot l JOIN lot_source s ON s.lot_id = l.id JOIN culture c "
                   "ON c.id = s.culture_id WHERE l.code = :waiting",
        "donation": "SELECT d.code FROM lot l JOIN donation d ON d.id = l.donation_id WHERE l.code = :waiting",
        "donor": "SELECT o.code FROM lot l JOIN donation d ON d.id = l.donation_id JOIN donor o ON o.id = d.donor_id "
                 "WHERE l.code = :waiting",
        "rack": "SELECT r.code FROM storage_unit b JOIN storage_unit r ON r.id = b.parent_id WHERE b.code = :box",
        "tank": "SELECT t.code FROM storage_unit b JOIN storage_unit r ON r.id = b.parent_id "
                "JOIN storage_unit t ON t.id = r.parent_id WHERE b.code = :box",
        "elsewhere": "SELECT id FROM site WHERE code = 'S-2'",
        "reagent": "SELECT code FROM reagent_lot WHERE state = 'ACCEPTED' LIMIT 1",
    }  # fmt: skip
    known = {"box": lot.box, "weight": weight, "waiting": waiting.code}
    with world.installation.reads.connect() as connection:
        found = {name: connection.scalar(text(statement), known) for name, statement in asked.items()}
    assert all(found.values()), found
    return {"box": lot.box, **found}


def answer_to(owner: Connection, attack: Attack, scene: dict[str, Any]) -> str | None:
    """The name with which the database turns an attack away; None where it lets it pass. Nothing of it stays.

    The application's role writes, in an act of its own that it closes, up to what is judged at the commit.
    """
    bound = {**scene, "who": attack.who, "act": attack.act}
    with owner.begin() as transaction:
        owner.execute(text(f"SET TRANSACTION ISOLATION LEVEL {attack.isolation}"))
        owner.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in attack.given:
            owner.execute(text(statement), bound)
        owner.execute(text("SET LOCAL session_replication_role = origin"))
        _turn_off(owner, attack.without + (() if attack.rule in AUTHORITY else AUTHORITY))
        if THE_GRANTS not in attack.without:
            owner.execute(text("SET LOCAL ROLE cellbank_app"))
        try:
            owner.execute(OPEN, bound)
            owner.execute(TELL, {"digests": as_json(dict.fromkeys(TOLD, "of the attacker"))})
            for statement in attack.statement.split(";"):
                assert owner.execute(text(statement), bound).rowcount != 0, f"nothing is attacked: {statement}"
            owner.execute(text(CLOSE))
            owner.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        except IntegrityError as error:
            return str(error.orig.diag.constraint_name)  # type: ignore[union-attr]
        finally:
            transaction.rollback()
    return None


def _turn_off(owner: Connection, rules: tuple[str, ...]) -> None:
    """Let these rules say nothing in this transaction: constraints are dropped, what triggers ask is answered yes."""
    asked = [rule for rule in rules if rule != THE_GRANTS]
    for rule in list(asked):
        table = owner.scalar(text(CONSTRAINED), {"rule": rule})
        if table or owner.scalar(text(INDEXED), {"rule": rule}):
            owner.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {rule}" if table else f"DROP INDEX {rule}")
            asked.remove(rule)
    if asked:
        owner.execute(text(must_but(asked)))
