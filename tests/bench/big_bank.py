"""A large bank from a seed: donors, cultures, released lots put away, patients treated, and work that waits.

Every donor gave one donation; ten lots of 200 vials came of it, so that a donor has 2,000 vials whatever the size of
the bank. A vial's life is written as the acts would have written it: printed, filled, frozen, placed, in stock; some
go on to a patient. That is a little more than five rows of the trail for each vial.
"""

import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cellbank.domain.identifiers import Kind, coi, din, division_code, vial_code
from cellbank.records.clinic import Dose
from cellbank.records.production import Donor, Lot
from cellbank.records.quality import BatchReview
from cellbank.records.signed_content import content_digest
from cellbank.records.tables import record_class
from tests.bench import reviews
from tests.bench.loading import Loader, Row

LOTS_PER_DONOR, VIALS_PER_LOT, VIALS_PER_BOX, BOXES_PER_RACK, RACKS_PER_TANK = 10, 200, 100, 20, 25
VIALS_PER_DONOR = LOTS_PER_DONOR * VIALS_PER_LOT
FILLED_AT_ONCE, STORED_AT_ONCE, VIALS_PER_DOSE = 50, 20, 4
HOT_LOT_VIALS = 1000
MILLION = 10**6
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
RESULTS = {"VIABILITY": "94", "CD73": "99", "PT-VIABILITY": "90", "PT-RECOVERY": "95", "ENDOTOXIN": "0.05"}
CHOICES = {"PT-IDENTITY": "match", "STERILITY": "no growth", "PT-STERILITY": "no growth", "MYCOPLASMA": "no growth"}


@dataclass(frozen=True)
class Size:
    """How large a bank is; the work that waits is of use to the measurements and comes on top."""

    vials: int
    frozen_lots: int = 0
    printed_lots: int = 0
    hot_lots: int = 0
    waiting_subjects: int = 0


class BigBank:
    """Tells the story of one bank to a loader."""

    def __init__(self, load: Loader, now: datetime.datetime, specification: int, protocol: int, seed: int):
        self.load = load
        self.now = now
        self.specification, self.protocol = specification, protocol
        self.chance = random.Random(seed)
        self.units = {"tank": 0, "rack": 0, "box": 0}
        self.parents: dict[str, Row] = {}
        self.subjects = 0

    def make(self, size: Size, tell: Callable[[str], None]) -> None:
        """The donors with their lots, then what waits."""
        donors = -(-size.vials // VIALS_PER_DONOR)
        for number in range(donors):
            self.donor_with_lots(self.now - 300 * DAY + number * (180 * DAY / donors))
            self.load.settle()
            if number % 50 == 49:
                tell(f"{number + 1} of {donors} donors")
        self.work_that_waits(size)
        self.load.write()
        reviews.fill_in(self.load.connection)

    def work_that_waits(self, size: Size) -> None:
        """Lots to be filled, to be put away and to be given from, empty boxes, and subjects without a dose."""
        waiting = [("freeze", VIALS_PER_LOT)] * size.frozen_lots + [("open", VIALS_PER_LOT)] * size.printed_lots
        waiting += [("store", HOT_LOT_VIALS)] * size.hot_lots
        born = self.now - 110 * DAY
        for start in range(0, len(waiting), LOTS_PER_DONOR):
            some = waiting[start : start + LOTS_PER_DONOR]
            _, donation, cultures = self.donor(born, len(some))
            for (last, vials), culture in zip(some, cultures, strict=True):
                self.lot(donation, culture, born + 30 * DAY, vials=vials, last=last)
        for _ in range(2 * size.frozen_lots + size.hot_lots):
            self.unit("box")
        for _ in range(size.waiting_subjects):
            self.subject(self.now - DAY)

    # ---- from the donor to the harvest ------------------------------------------------------------------------

    def donor_with_lots(self, born: datetime.datetime) -> None:
        _, donation, cultures = self.donor(born, LOTS_PER_DONOR)
        for number, culture in enumerate(cultures):
            lot, vials = self.lot(donation, culture, born + (30 + number) * DAY)
            self.treat(lot, vials, born + (80 + number) * DAY)

    def donor(self, born: datetime.datetime, lots: int) -> tuple[Row, Row, list[Row]]:
        """A donor determined eligible, the donation, and one harvested culture for each lot."""
        load = self.load
        code = load.code(Kind.DONOR)
        load.act("tina", "register_donor", code, born, {"pseudonym": f"B-{code}"})
        donor = load.insert(
            "donor",
            site_id=1,
            code=code,
            pseudonym=f"B-{code}",
            birth_year=1990,
            delivered_at=born,
            delivery="caesarean",
            gestation_weeks=39,
            state="REGISTERED",
        )
        load.act("tina", "record_consent", code, born, {"donor": code, "version": "2"})
        load.insert(
            "consent",
            donor_id=donor["id"],
            code=load.code(Kind.CONSENT),
            version="2",
            scope="manufacture and clinical use",
            given_on=born.date(),
            state="GIVEN",
        )
        donation = self.donation(donor, born)
        load.act("quinn", "determine_eligibility", code, born + 5 * DAY, {"donor": code})
        load.update("donor", [donor], state="ELIGIBLE", eligibility_reason="All results are negative.")
        self.signature("quinn", "approved", Donor, donor, born + 5 * DAY)
        return donor, donation, self.cultures(donation, born + HOUR, lots)

    def donation(self, donor: Row, born: datetime.datetime) -> Row:
        load = self.load
        series = f"DIN-A9999-{born.year}"
        code = din("A9999", born.year, load.number(series))
        load.act("tina", "receive_donation", code, born + HOUR, {"donor": donor["code"], "tissue": "cord"})
        return load.insert(
            "donation",
            site_id=1,
            donor_id=donor["id"],
            specification_id=self.specification,
            code=code,
            tissue="cord",
            collected_at=born,
            received_at=born + HOUR,
            received_by_id=load.people["tina"],
            transport_min_c=Decimal("3.00"),
            transport_max_c=Decimal("6.00"),
            mass_g=Decimal("42.0"),
            integrity="intact",
            state="ACCEPTED",
        )

    def cultures(self, donation: Row, at: datetime.datetime, lots: int) -> list[Row]:
        """P0, P1 from it, and one P2 for each lot."""
        first = self.culture(donation, None, 0, at)
        second = self.culture(donation, first, 1, at + 10 * DAY)
        return [self.culture(donation, second, 2, at + 20 * DAY) for _ in range(lots)]

    def culture(self, donation: Row, parent: Row | None, passage: int, at: datetime.datetime) -> Row:
        load = self.load
        code = load.code(Kind.CULTURE)
        name, method = ("passage_culture", "passage") if parent else ("isolate_tissue", "explant")
        load.act("tina", name, code, at, {"vessel": "T-175"})
        culture = load.insert(
            "culture",
            site_id=1,
            donation_id=donation["id"],
            parent_id=parent and parent["id"],
            code=code,
            passage=passage,
            method=method,
            started_at=at,
            area_cm2=Decimal("1750.0"),
            vessel="T-175",
            cells_seeded=5 * MILLION if parent else None,
            cumulative_doublings=Decimal(5 * passage),
            state="GROWING",
        )
        cells = 60_000 * MILLION
        load.act("tina", "record_harvest", code, at + 9 * DAY, {"culture": code, "total_cells": cells})
        load.update(
            "culture",
            [culture],
            state="HARVESTED",
            harvested_at=at + 9 * DAY,
            cells_harvested=cells,
            cells_left=cells,
            viability_percent=Decimal("95.00"),
        )
        return culture

    # ---- lots and vials ---------------------------------------------------------------------------------------

    def lot(
        self, donation: Row, culture: Row, at: datetime.datetime, *, vials: int = VIALS_PER_LOT, last: str = "store"
    ) -> tuple[Row, list[Row]]:
        """A lot as far as `last`: open, freeze, or store, which goes on to its release."""
        lot, made = self.open_lot(donation, culture, at, vials)
        if last == "open":
            return lot, made
        self.fill(lot, made, at)
        self.freeze(lot, made, at + HOUR / 2)
        if last == "freeze":
            return lot, made
        self.store(made, at + 3 * HOUR)
        self.test(lot, at + 29 * DAY)
        self.release(lot, at + 40 * DAY)
        return lot, made

    def open_lot(self, donation: Row, culture: Row, at: datetime.datetime, count: int) -> tuple[Row, list[Row]]:
        load = self.load
        code, cells = load.code(Kind.LOT), 50 * MILLION
        load.act("tina", "open_lot", code, at, {"cultures": [culture["code"]], "vial_count": count})
        load.update("culture", [culture], cells_left=culture["cells_left"] - count * cells)
        lot = load.insert(
            "lot",
            site_id=1,
            donation_id=donation["id"],
            specification_id=self.specification,
            code=code,
            purpose="product",
            product_code="D0001V99",
            passage=2,
            cumulative_doublings=Decimal("10.000"),
            cells_per_vial=cells,
            volume_ml=Decimal("1.800"),
            cryoprotectant="10 % DMSO",
            sample_cells=0,
            lost_cells=0,
            dmso_percent=Decimal("10.00"),
            planned_vial_count=count,
            fill_started_at=at,
            expires_on=(at + 2 * 365 * DAY).date(),
            state="IN_PROCESS",
        )
        load.insert("lot_source", lot_id=lot["id"], culture_id=culture["id"], cells_used=count * cells)
        last = load.number(f"division {donation['code']}", count)
        codes = [vial_code(donation["code"], division_code(number)) for number in range(last - count + 1, last + 1)]
        owner = {"lot_id": lot["id"], "donation_id": donation["id"], "state": "PRINTED"}
        return lot, [load.insert("vial", site_id=1, code=code, **owner) for code in codes]

    def fill(self, lot: Row, vials: list[Row], at: datetime.datetime) -> None:
        for some in pieces(vials, FILLED_AT_ONCE):
            self.load.act("tina", "record_filling", lot["code"], at, {"lot": lot["code"], "vials": codes_of(some)})
            self.load.update("vial", some, state="FILLED")
        self.load.act("tina", "close_filling", lot["code"], at, {"lot": lot["code"]})
        self.load.update("lot", [lot], state="FILLED")

    def freeze(self, lot: Row, vials: list[Row], at: datetime.datetime) -> None:
        self.load.act("tina", "record_freezing", lot["code"], at, {"lot": lot["code"], "program": "CRF-1"})
        self.load.update("lot", [lot], state="QUARANTINE", frozen_at=at, freezing_program="CRF-1")
        self.load.update("vial", vials, state="FROZEN")

    def store(self, vials: list[Row], at: datetime.datetime) -> None:
        for in_one_box in pieces(vials, VIALS_PER_BOX):
            box = self.unit("box")
            for start in range(0, len(in_one_box), STORED_AT_ONCE):
                some = in_one_box[start : start + STORED_AT_ONCE]
                given = {"vials": codes_of(some), "box": box["code"]}
                self.load.act("taras", "store_vials", box["code"], at, given)
                for position, vial in enumerate(some, start=start + 1):
                    vial["placement"] = self.load.insert(
                        "placement", vial_id=vial["id"], box_id=box["id"], position=position, placed_at=at
                    )
                self.load.update("vial", some, state="IN_STOCK")

    def unit(self, type_: str) -> Row:
        """The next tank, rack or box, with what it stands in."""
        above = {"rack": ("tank", RACKS_PER_TANK), "box": ("rack", BOXES_PER_RACK)}.get(type_)
        number, parent = self.units[type_], None
        if above:
            parent = self.unit(above[0]) if number % above[1] == 0 else self.parents[above[0]]
        self.units[type_] = number + 1
        place = number % above[1] + 1 if above else 1000 + number
        code = self.load.code(Kind.STORAGE)
        self.load.act("tina", "add_storage_unit", code, self.now - 320 * DAY, {"type": type_})
        size = {"row_count": 10, "column_count": 10} if type_ == "box" else {}
        name = f"{type_.capitalize()} {number + 1}"
        self.parents[type_] = self.load.insert(
            "storage_unit",
            site_id=1,
            parent_id=parent and parent["id"],
            code=code,
            type=type_,
            name=name,
            place=place,
            state="IN_SERVICE",
            **size,
        )
        return self.parents[type_]

    # ---- quality ----------------------------------------------------------------------------------------------

    def test(self, lot: Row, at: datetime.datetime) -> None:
        """Results that a dose is calculated from, and a few of those that a release rests on."""
        values = [(test, Decimal(number).quantize(Decimal("0.0001")), None) for test, number in RESULTS.items()]
        values += [(test, None, choice) for test, choice in CHOICES.items()]
        self.load.act("tina", "enter_result", lot["code"], at, {"lot": lot["code"]})
        results = [
            self.load.insert(
                "test_result",
                code=self.load.code(Kind.RESULT),
                lot_id=lot["id"],
                test=test,
                number=number,
                choice=choice,
                unit="%" if number else None,
                method="as specified",
                started_at=at - 28 * DAY,
                resulted_at=at,
                verdict="IN_SPECIFICATION",
                entered_by_id=self.load.people["tina"],
                state="ENTERED",
            )
            for test, number, choice in values
        ]
        self.load.act("taras", "review_results", lot["code"], at + HOUR, {"lot": lot["code"]})
        self.load.update("test_result", results, state="REVIEWED", reviewed_by_id=self.load.people["taras"])
        for result in results:
            self.signature("taras", "reviewed", record_class("test_result"), result, at + HOUR)

    def release(self, lot: Row, at: datetime.datetime) -> None:
        load, code = self.load, self.load.code(Kind.BATCH_REVIEW)
        load.act("quinn", "review_batch_record", code, at - HOUR, {"lot": lot["code"]})
        review = load.insert(
            "batch_review",
            code=code,
            lot_id=lot["id"],
            digest="",
            reviewed_at=at - HOUR,
            reviewed_by_id=load.people["quinn"],
            state="REVIEWED",
        )
        self.signature("quinn", "reviewed", BatchReview, review, at - HOUR)
        self.load.act("oksana", "release_lot", lot["code"], at, {"lot": lot["code"]})
        self.load.update("lot", [lot], state="RELEASED")
        self.signature("oksana", "released", Lot, lot, at)

    def signature(self, who: str, meaning: str, cls: type, row: Row, at: datetime.datetime) -> None:
        names = {column: row[column] for column in (*cls.SIGNED, "id")}
        self.load.insert(
            "signature",
            act_id=self.load.act_id,
            person_id=self.load.people[who],
            full_name=who.capitalize(),
            meaning=meaning,
            record_kind=cls.__tablename__,
            record_id=row["id"],
            digest=content_digest(cls(**names)),
            signed_at=at,
        )

    # ---- the clinic -------------------------------------------------------------------------------------------

    def subject(self, at: datetime.datetime) -> Row:
        load, code = self.load, self.load.code(Kind.SUBJECT)
        self.subjects += 1
        number = f"BENCH-{self.subjects:06d}"
        load.act("clara", "enrol_subject", code, at, {"trial_number": number})
        subject = load.insert(
            "subject",
            site_id=1,
            protocol_id=self.protocol,
            trial="NCT04461925",
            code=code,
            trial_number=number,
            trial_number_key=number.lower().replace("-", ""),
            second_identifier=f"H{self.subjects:08d}",
            second_identifier_key=f"h{self.subjects:08d}",
            place=self.subjects,
            sex=self.chance.choice(["female", "male"]),
            born_on=datetime.date(1960, 5, 17),
            consented_on=at.date(),
            arm="EXP",
            receives_product=True,
            state="SCREENING",
        )
        load.act("clara", "sign_eligibility", code, at + HOUR, {"subject": code})
        load.update("subject", [subject], state="ENROLLED", assessment={"outcome": "ELIGIBLE"})
        self.signature("clara", "approved", record_class("subject"), subject, at + HOUR)
        return subject

    def treat(self, lot: Row, vials: list[Row], at: datetime.datetime) -> None:
        """One subject gets three infusions from this lot, all over and reconciled."""
        subject = self.subject(at - DAY)
        load, code = self.load, self.load.code(Kind.WEIGHT)
        load.act("clara", "measure_weight", code, at, {"subject": subject["code"]})
        weight = load.insert(
            "weight",
            subject_id=subject["id"],
            code=code,
            weight_kg=Decimal("72.0"),
            method="scale",
            measured_at=at,
            measured_by_id=load.people["clara"],
            state="MEASURED",
        )
        load.act("cyril", "confirm_weight", code, at, {"weight": code})
        load.update("weight", [weight], state="CONFIRMED", confirmed_by_id=load.people["cyril"], confirmed_at=at)
        for infusion, day in enumerate((1, 4, 7), start=1):
            some = vials[(infusion - 1) * VIALS_PER_DOSE : infusion * VIALS_PER_DOSE]
            self.infuse(self.order(lot, subject, weight, infusion, day, at + day * DAY, some), some, at + day * DAY)

    def order(
        self, lot: Row, subject: Row, weight: Row, infusion: int, day: int, at: datetime.datetime, vials: list[Row]
    ) -> Row:
        load = self.load
        code = coi("A9999", at.year, load.number(f"CHA9999{at.year % 100}"))
        load.act("clara", "order_dose", code, at, {"subject": subject["code"], "infusion": infusion})
        dose = load.insert(
            "dose",
            site_id=1,
            subject_id=subject["id"],
            lot_id=lot["id"],
            weight_id=weight["id"],
            code=code,
            infusion_number=infusion,
            day=day,
            planned_on=at.date(),
            study_day=day,
            ordered_at=at,
            ordered_by_id=load.people["clara"],
            required_cells=72 * MILLION,
            vials_needed=VIALS_PER_DOSE - 1,
            vials_spare=1,
            calculation={"steps": []},
            state="ORDERED",
        )
        load.update("vial", vials, state="RESERVED", dose_id=dose["id"])
        self.signature("clara", "approved", Dose, dose, at)
        return dose

    def infuse(self, dose: Row, vials: list[Row], at: datetime.datetime) -> None:
        """From the tank to the last empty vial."""
        load, people = self.load, self.load.people
        load.act("taras", "pick_vial", dose["code"], at, {"vials": codes_of(vials)})
        load.update("placement", [vial["placement"] for vial in vials], taken_at=at)
        load.update("vial", vials, state="PICKED", picked_at=at)
        load.update("dose", [dose], state="PICKED")
        load.act("taras", "thaw_vial", dose["code"], at, {"vials": codes_of(vials)})
        load.update("vial", vials, state="THAWED", thawed_at=at)
        load.update("dose", [dose], state="THAWING", thaw_started_at=at, expires_at=at + 6 * HOUR)
        load.act("taras", "pool_and_count", dose["code"], at + HOUR / 2, {"dose": dose["code"]})
        load.update("vial", vials, state="POOLED")
        load.update(
            "dose",
            [dose],
            state="COUNTED",
            counted_at=at + HOUR / 2,
            viability_percent=Decimal("88.00"),
            pooled_ml=Decimal("40.000"),
            total_cells_per_ml=4_500_000,
            count_method="trypan blue",
            draw_ml=Decimal("18.200"),
            delivered_cells=72 * MILLION,
            delivered_percent=Decimal("100.0"),
            is_short=False,
        )
        load.act("taras", "prepare_dose", dose["code"], at + HOUR, {"dose": dose["code"]})
        load.update(
            "dose",
            [dose],
            state="PREPARED",
            prepared_at=at + HOUR,
            prepared_by_id=people["taras"],
            final_volume_ml=Decimal("50.000"),
        )
        for who, state, column in (("clara", "CHECKED_ONCE", "first"), ("cyril", "CHECKED", "second")):
            load.act(who, "check_dose", dose["code"], at + HOUR, {"dose": dose["code"]})
            by, when = f"{column}_checked_by_id", f"{column}_checked_at"
            load.update("dose", [dose], **{"state": state, by: people[who], when: at + HOUR})
            self.signature(who, "verified", Dose, dose, at + HOUR)
        self.give(dose, vials, at + 2 * HOUR)

    def give(self, dose: Row, vials: list[Row], at: datetime.datetime) -> None:
        load = self.load
        load.act("clara", "start_infusion", dose["code"], at, {"dose": dose["code"]})
        load.update("dose", [dose], state="INFUSING", infusion_started_at=at)
        load.act("clara", "stop_infusion", dose["code"], at + HOUR, {"dose": dose["code"]})
        load.update("dose", [dose], state="INFUSED", infusion_stopped_at=at + HOUR, volume_given_ml=Decimal("49.000"))
        load.update("vial", vials, state="INFUSED")
        load.act("taras", "reconcile_infusion", dose["code"], at + 2 * HOUR, {"dose": dose["code"]})
        load.update("dose", [dose], state="RECONCILED", residual_ml=Decimal("1.000"))


def pieces(rows: list[Row], size: int) -> list[list[Row]]:
    """The rows in pieces of a size."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def codes_of(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Their codes."""
    return [row["code"] for row in rows]
