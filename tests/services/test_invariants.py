"""Random acts by random people in a small world: whatever they try, what must never happen does not.

Most steps are nonsense and are refused; that is the point. After each one the database is asked, in SQL and not
through the services, whether it still holds together.
"""

import collections
import os
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import Engine, create_engine, text

from cellbank.domain.identifiers import dose_symbol
from cellbank.records.work import Proof
from cellbank.services import acts
from cellbank.services.people.passwords import Proved
from tests.factories.clinic import enrolled_subject
from tests.factories.doses import COUNT, MINUTE, SITE, dewar, product_lot, weighed_subject
from tests.factories.lots import FrozenLot, box
from tests.factories.world import World

# CELLBANK_MORE_EXAMPLES=20 plays twenty times as long, and something else each time.
MORE = int(os.environ.get("CELLBANK_MORE_EXAMPLES", "1"))
RUN = settings(
    max_examples=10 * MORE,
    stateful_step_count=40,
    derandomize=MORE == 1,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
VIALS = 9
ANYTHING = (
    "order_dose", "pick_vial", "thaw_vial", "move_vial", "return_vial", "store_vials", "discard_vial",
    "use_vial_for_testing", "start_infusion", "reconcile_infusion", "cancel_dose", "discard_dose", "accept_short_dose",
    "check_dose",
)  # fmt: skip
AT = st.integers(0, 10**6)
PERSON = st.sampled_from(["tina", "taras", "quinn", "oksana", "clara", "cyril", "ada", "otto"])

# Each statement finds what must not be; :lot is the lot of this example, :since the last change before it began.
MUST_FIND_NOTHING = {
    "a vial is in one place at most, and one vial at a place": """
        SELECT vial_id FROM placement WHERE taken_at IS NULL GROUP BY vial_id HAVING count(*) > 1
        UNION ALL SELECT box_id FROM placement WHERE taken_at IS NULL GROUP BY box_id, position HAVING count(*) > 1""",
    "a vial has a place exactly while it is in stock or reserved": """
        SELECT v.id FROM vial v WHERE v.lot_id = :lot AND (v.state IN ('IN_STOCK', 'RESERVED')) <>
          EXISTS (SELECT FROM placement p WHERE p.vial_id = v.id AND p.taken_at IS NULL)""",
    "a vial is infused once, thawed once, and never comes back": """
        SELECT record_id FROM change
         WHERE record_kind = 'vial' AND record_id IN (SELECT id FROM vial WHERE lot_id = :lot)
         GROUP BY record_id HAVING count(*) FILTER (WHERE after ->> 'state' = 'INFUSED') > 1
             OR count(*) FILTER (WHERE after ->> 'state' = 'THAWED') > 1
             OR bool_or(before ->> 'state' IN ('INFUSED', 'DISCARDED', 'QC_USED'))""",
    "nothing is ordered, thawed or infused from a lot that is not released at that moment": """
        SELECT a.id FROM act a JOIN change c ON c.act_id = a.id AND c.record_kind = 'dose'
          JOIN dose d ON d.id = c.record_id AND d.lot_id = :lot
         WHERE a.name IN ('order_dose', 'thaw_vial', 'start_infusion') AND 'RELEASED' <>
           (SELECT l.after ->> 'state' FROM change l WHERE l.record_kind = 'lot' AND l.record_id = d.lot_id
             AND jsonb_exists(l.after, 'state') AND l.act_id < a.id ORDER BY l.id DESC LIMIT 1)""",
    "a vial is kept for a dose of its own lot that is still to be given": """
        SELECT v.id FROM vial v JOIN dose d ON d.id = v.dose_id WHERE v.lot_id = :lot AND (d.lot_id <> v.lot_id
          OR (v.state IN ('RESERVED', 'THAWED', 'POOLED') AND d.state IN ('CANCELLED', 'DISCARDED', 'RECONCILED'))
          OR (v.state = 'INFUSED' AND d.state NOT IN ('INFUSED', 'RECONCILED')))""",
    "whoever is infused receives product, was checked by two others, and is infused once a time": """
        SELECT d.id FROM dose d JOIN subject s ON s.id = d.subject_id
         WHERE d.lot_id = :lot AND d.infusion_started_at IS NOT NULL AND NOT (s.receives_product
           AND d.first_checked_by_id <> d.second_checked_by_id AND d.prepared_by_id <> d.first_checked_by_id
           AND d.prepared_by_id <> d.second_checked_by_id AND d.infusion_started_at <= d.expires_at)
        UNION ALL SELECT min(id) FROM dose WHERE infusion_started_at IS NOT NULL
         GROUP BY subject_id, infusion_number HAVING count(*) > 1""",
    "no count is negative, and no vial appears or is lost": """
        SELECT id FROM culture WHERE cells_left < 0
        UNION ALL SELECT id FROM dose WHERE least(residual_ml, volume_given_ml, draw_ml, delivered_cells) < 0
           OR volume_given_ml + coalesce(residual_ml, 0) > final_volume_ml
        UNION ALL SELECT id FROM lot l WHERE id = :lot
           AND planned_vial_count <> (SELECT count(*) FROM vial WHERE lot_id = l.id)""",
    "every change has an act that was accepted": """
        SELECT c.id FROM change c LEFT JOIN act a ON a.id = c.act_id
         WHERE c.id > :since AND a.outcome IS DISTINCT FROM 'accepted'""",
    "every vial and dose is what the trail says last": """
        SELECT v.id FROM vial v WHERE v.lot_id = :lot AND v.state <> (SELECT c.after ->> 'state' FROM change c
          WHERE c.record_kind = 'vial' AND c.record_id = v.id AND jsonb_exists(c.after, 'state')
          ORDER BY c.id DESC LIMIT 1)
        UNION ALL SELECT d.id FROM dose d WHERE d.lot_id = :lot AND d.state <> (SELECT c.after ->> 'state' FROM change c
          WHERE c.record_kind = 'dose' AND c.record_id = d.id AND jsonb_exists(c.after, 'state')
          ORDER BY c.id DESC LIMIT 1)""",
}  # fmt: skip


class Bedlam(RuleBasedStateMachine):
    """A lot of few vials, two patients and a control, and eight people who try everything."""

    world: ClassVar[World]
    database: ClassVar[Engine]  # of the owner: the checks do not go through the application
    reached: ClassVar[collections.Counter[str]]

    @initialize()
    def furnish(self) -> None:
        world = self.world
        self.lot: FrozenLot = product_lot(world, vials=VIALS)
        self.now = world.now
        self.boxes = [str(self.lot.box), box(world, rows=2, columns=2)]
        self.subjects = [weighed_subject(world, at=self.now), weighed_subject(world, at=self.now)]
        self.subjects.append(enrolled_subject(world, "CTL", at=self.now))
        self.holds: list[str] = []
        self.doses = [
            world.do("clara", "order_dose", now=self.now, subject=subject, lot=self.lot.code)["code"]
            for subject in self.subjects[:2]
        ]
        asked = "SELECT l.id AS lot, (SELECT max(id) FROM change) AS since FROM lot l WHERE l.code = :code"
        self.example = dict(self.ask(asked, code=self.lot.code)[0]._mapping)

    # ---- how a step is done --------------------------------------------------------------------------------------

    def ask(self, statement: str, **given: Any) -> list[Any]:
        with self.database.connect() as connection:
            return list(connection.execute(text(statement), given))

    def attempt(self, who: str, act: str, **given: Any) -> dict[str, Any] | None:
        """Do an act, a minute later; what is refused must have left no change."""
        self.now += MINUTE
        ((before,),) = self.ask("SELECT max(id) FROM change")
        outcome = self.world.try_act(who, act, now=self.now, **given)
        ((after,),) = self.ask("SELECT max(id) FROM change")
        self.nothing_that_must_not_be()
        self.reached[f"{act} {'accepted' if outcome.accepted else 'refused'}"] += 1
        if not outcome.accepted:
            assert after == before, f"{act} was refused and changed a record: {outcome.refusals}"
            return None
        assert self.ask("SELECT 1 FROM change WHERE act_id = :act LIMIT 1", act=outcome.act), f"{act} left no change"
        return outcome.result

    def nothing_that_must_not_be(self) -> None:
        for sentence, statement in MUST_FIND_NOTHING.items():
            bound = {name: value for name, value in self.example.items() if f":{name}" in statement}
            found = self.ask(statement, **bound)
            assert not found, f"broken: {sentence}: {found}"

    def dose(self, at: int) -> Any:
        """One of the doses, with its vials and its patient."""
        code = self.doses[at % len(self.doses)]
        (found,) = self.ask(
            """SELECT d.code, d.state, d.expires_at, d.final_volume_ml, d.volume_given_ml, d.draw_ml, s.code AS subject,
                      s.second_identifier,
                      (SELECT array_agg(v.code ORDER BY v.number) FROM vial v WHERE v.dose_id = d.id
                        AND v.state <> 'DISCARDED') AS vials
                 FROM dose d JOIN subject s ON s.id = d.subject_id WHERE d.code = :code""",
            code=code,
        )
        return found

    # ---- anybody tries anything ----------------------------------------------------------------------------------

    @rule(who=PERSON, act=st.sampled_from(ANYTHING), dose=AT, vial=AT, other=AT)
    def try_anything(self, who: str, act: str, dose: int, vial: int, other: int) -> None:
        found = self.dose(dose)
        code, tube, place = found.code, self.lot.vials[vial % VIALS], self.boxes[other % 2]
        if act == "check_dose":
            return self.check(who, found, self.subjects[other % 3])
        given: dict[str, Any] = {
            "order_dose": {
                "subject": self.subjects[other % 3],
                "lot": self.lot.code,
                "infusion_number": vial % 3 or None,
            },
            "pick_vial": {"dose": code, "vial": tube, "box": place, "dewar": dewar(self.world)},
            "thaw_vial": {"dose": code, "vial": tube},
            "move_vial": {"vial": tube, "box": place},
            "return_vial": {"vial": tube, "box": place},
            "store_vials": {"vials": [tube], "box": place},
            "discard_vial": {"vial": tube, "reason": "Dropped"},
            "use_vial_for_testing": {"vial": tube, "tests": "Viability"},
            "start_infusion": {"dose": code},
            "reconcile_infusion": {"dose": code, "residual_ml": "1", "vials": [tube]},
        }.get(act, {"dose": code, "reason": "Somebody thought so"})
        done = self.attempt(who, act, **given)
        if done and act == "order_dose":
            self.doses.append(done["code"])
        return None

    @rule(who=st.sampled_from(["quinn", "oksana", "clara"]))
    def hold_or_lift(self, who: str) -> None:
        if self.holds:
            if self.attempt(who, "lift_hold", hold=self.holds[-1], reason="Explained"):
                self.holds.pop()
        elif done := self.attempt(who, "hold_lot", lot=self.lot.code, reason="Question"):
            self.holds.append(done["code"])

    # ---- and some know what comes next ---------------------------------------------------------------------------

    @rule(dose=AT, steps=st.integers(1, 6))
    def go_on(self, dose: int, steps: int) -> None:
        """The next right steps of a dose, by the right people."""
        for _ in range(steps):
            self.next_step(self.dose(dose))

    def next_step(self, dose: Any) -> None:
        vials = list(dose.vials or ())
        given = {"dose": dose.code}
        if dose.state == "ORDERED":
            for vial in vials[:3]:
                self.attempt("tina", "pick_vial", **given, vial=vial, box=self.boxes[0], dewar=dewar(self.world))
        elif dose.state == "PICKED":
            for vial in vials[:3]:
                self.attempt("tina", "thaw_vial", **given, vial=vial)
        elif dose.state == "THAWING":
            self.attempt("tina", "pool_and_count", **given, vials=vials[:3] or [self.lot.vials[0]], **COUNT)
        elif dose.state == "COUNTED":
            self.attempt("taras", "prepare_dose", **given, drawn_ml=str(dose.draw_ml), final_volume_ml="50")
        elif dose.state in ("PREPARED", "CHECKED_ONCE"):
            self.check("clara" if dose.state == "PREPARED" else "cyril", dose, dose.subject)
        elif dose.state == "CHECKED":
            self.attempt("clara", "start_infusion", **given)
        elif dose.state == "INFUSING":
            self.attempt("clara", "stop_infusion", **given, volume_given_ml="49")
        elif dose.state == "INFUSED":
            self.attempt("tina", "reconcile_infusion", **given, residual_ml="1", vials=vials[:3] or [self.lot.vials[0]])

    def check(self, who: str, dose: Any, wristband: str) -> None:
        label = dose_symbol(dose.code, (dose.expires_at or self.now).astimezone(SITE).replace(tzinfo=None))
        scans = {"dose_label": label, "wristband": wristband, "read_back": dose.second_identifier}
        self.attempt(who, "check_dose", **scans)


def test_whatever_people_try_the_invariants_hold(
    world: World, databases: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A hash for each of some thousand signatures would take minutes, and what it proves is tested elsewhere.
    monkeypatch.setattr(acts, "prove_signature", lambda *_, **__: Proved(Proof.RIGHT))
    Bedlam.world, Bedlam.reached = world, collections.Counter()
    Bedlam.database = create_engine(databases[0], isolation_level="AUTOCOMMIT")
    try:
        run_state_machine_as_test(Bedlam, settings=RUN)
    finally:
        Bedlam.database.dispose()
    reached = Bedlam.reached
    wanted = ("pick_vial", "thaw_vial", "check_dose", "start_infusion", "stop_infusion", "hold_lot", "lift_hold")
    assert all(reached[f"{act} accepted"] for act in wanted), reached
    assert sum(count for name, count in reached.items() if name.endswith("refused")) > 50, reached
