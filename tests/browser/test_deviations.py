"""A deviation by hand: opened at the bench by scanning, its action done from the home page, decided by an officer."""

from tests.browser.stage import Stage

INVESTIGATED = "SELECT code FROM deviation WHERE state = 'INVESTIGATED'"
IN_STOCK = """SELECT v.code, l.code AS lot FROM vial v JOIN lot l ON l.id = v.lot_id
    WHERE v.state = 'IN_STOCK' AND l.state = 'RELEASED' ORDER BY v.id LIMIT 1"""


def test_a_deviation_is_opened_by_scanning_what_it_touches(station, stage: Stage) -> None:
    vial, lot = stage.rows(IN_STOCK)[0].values()
    olena = station("olena")
    olena.go("/act/open_deviation")
    olena.field("records").focus()
    olena.scan(vial)
    olena.fill(title="Cap cracked", description="Seen at the tank; put back", classification="minor")
    olena.submit()
    olena.done("open_deviation")
    code = stage.one("SELECT code FROM deviation WHERE title = 'Cap cracked'")
    olena.go(f"/record/{code}")
    olena.sees("Cap cracked", "What it touches", lot, "Affected lots, by lineage", "To be closed by")
    olena.go("/")
    olena.sees("Deviations to investigate", "Cap cracked")


def test_a_deviation_is_closed_when_its_corrective_action_is_done(station, stage: Stage) -> None:
    code = stage.one(INVESTIGATED)
    iryna = station("iryna")
    iryna.sees("Deviations to decide", "Glove torn")
    iryna.go(f"/act/close_deviation?deviation={code}")
    iryna.fill(decision="The lot is rejected; gloves are changed by the clock")
    iryna.sign()
    iryna.submit()
    assert iryna.reasons == ["CRITERION_OPEN"]
    olena = station("olena")
    olena.sees("Actions to do", "Put a timer")
    olena.choose("complete_action")
    olena.fill(done_note="Timers bought and hung up; both of us trained")
    olena.submit()
    olena.done("complete_action")
    iryna.sign()
    iryna.submit()
    iryna.sees("What you would sign has changed since this page was shown", "Timers bought and hung up")
    iryna.sign()
    iryna.submit()
    iryna.done("close_deviation")
    assert stage.state("deviation", code) == "CLOSED"
    iryna.go(f"/record/{code}")
    iryna.sees("Decision", "Closed by Iryna Shevchenko", "Timers bought", "Signatures")


def test_a_reagent_leads_to_everybody_whom_it_reached(station, stage: Stage) -> None:
    reagent = stage.one("SELECT code FROM reagent_lot WHERE manufacturer_lot = 'MED-2291'")
    olena = station("olena")
    olena.scan_to(reagent, f"/record/{reagent}")
    olena.sees("Left", "mL", "Family")
    olena.go(f"/trace/{reagent}")
    subject = stage.rows("SELECT s.code FROM subject s JOIN dose d ON d.subject_id = s.id ORDER BY d.id LIMIT 1")[0]
    olena.sees("Came of it", subject["code"])
