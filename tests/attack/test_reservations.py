"""Fifty clinicians order from one hot lot that is too small for them and give their doses up again, ten thousand times:
no vial is kept for two, and an order gets all of its vials or none.

While they do, somebody looks at every moment that the database shows; afterwards the trail tells of each reservation.
"""

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from cellbank.records.base import open_engine
from tests.attack.size import sized
from tests.factories.doses import product_lot, weighed_subject
from tests.factories.world import World

pytestmark = pytest.mark.races

CLINICIANS, EACH = sized(10, 50), sized(3, 200)
VIALS_OF_A_DOSE = 4  # three of 25 million cells at 50 kg, and a spare one
# At this moment: a dose with fewer or more vials than it was promised, or a vial that is kept for nobody.
BADLY_KEPT = """
    SELECT d.code FROM dose d JOIN lot l ON l.id = d.lot_id WHERE l.code = :lot AND (SELECT count(*) FROM vial v
       WHERE v.dose_id = d.id AND v.state = 'RESERVED') <> CASE d.state WHEN 'ORDERED' THEN :each ELSE 0 END
    UNION ALL SELECT v.code FROM vial v JOIN lot l ON l.id = v.lot_id
       WHERE l.code = :lot AND (v.dose_id IS NULL) <> (v.state = 'IN_STOCK')"""
# In the trail: a vial that was taken from one dose for another, and how many each accepted order took.
TAKEN_OVER = """SELECT c.record_id FROM change c JOIN act a ON a.id = c.act_id WHERE a.name = 'order_dose'
                   AND c.record_kind = 'vial' AND c.before ->> 'dose_id' IS NOT NULL"""
TAKEN = """SELECT a.id, a.outcome, count(c.id) FROM act a
             LEFT JOIN change c ON c.act_id = a.id AND c.record_kind = 'vial' AND c.after ->> 'state' = 'RESERVED'
            WHERE a.name = 'order_dose' AND a.given ->> 'lot' = :lot GROUP BY a.id"""


@pytest.fixture
def crowded(world: World, databases: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world with a connection for each of the crowd."""
    engine = open_engine(databases[1], pool_size=CLINICIANS)
    monkeypatch.setattr(world, "installation", dataclasses.replace(world.installation, engine=engine))
    yield world
    engine.dispose()


def test_no_vial_is_kept_for_two_and_no_order_gets_a_part(crowded: World, tried: Callable[..., None]) -> None:
    subjects = [weighed_subject(crowded) for _ in range(CLINICIANS)]
    lot = product_lot(crowded, vials=CLINICIANS * VIALS_OF_A_DOSE * 2 // 3).code
    over, badly_kept = threading.Event(), set[str]()
    looking = threading.Thread(target=look, args=(crowded, lot, over, badly_kept))
    looking.start()
    try:
        with ThreadPoolExecutor(CLINICIANS) as crowd:
            told = list(crowd.map(lambda one: order_again_and_again(crowded, lot, *one), enumerate(subjects)))
    finally:
        over.set()
        looking.join()
    answers = Counter(answer for one in told for answer in one)
    with crowded.installation.reads.connect() as connection:
        taken_over = connection.scalars(text(TAKEN_OVER)).all()
        taken = Counter((row.outcome, row.count) for row in connection.execute(text(TAKEN), {"lot": lot}))
    orders = CLINICIANS * EACH
    tried(orders, len(badly_kept) + len(taken_over), f"{CLINICIANS} clinicians: {dict(answers)} of {orders} orders")
    assert not badly_kept and not taken_over
    assert set(answers) == {"accepted", "NOT_ENOUGH_VIALS"} and answers.total() == orders
    assert taken == {("accepted", VIALS_OF_A_DOSE): answers["accepted"], ("refused", 0): answers["NOT_ENOUGH_VIALS"]}


def order_again_and_again(world: World, lot: str, number: int, subject: str) -> list[str]:
    """What the orders of one clinician for one subject came to."""
    who, told = ("clara", "cyril")[number % 2], []
    for _ in range(EACH):
        order = world.try_act(who, "order_dose", subject=subject, lot=lot)
        told.append("accepted" if order.accepted else order.refusals[0].code.value)
        if order.accepted:
            world.do(who, "cancel_dose", dose=order.result["code"], reason="Somebody needs it more")
    return told


def look(world: World, lot: str, over: threading.Event, badly_kept: set[str]) -> None:
    """Look at one moment after the other until it is over."""
    with world.installation.reads.connect() as connection:
        while not over.wait(0.01):
            badly_kept |= set(connection.scalars(text(BADLY_KEPT), {"lot": lot, "each": VIALS_OF_A_DOSE}))
            connection.rollback()
