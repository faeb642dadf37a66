"""The first signature of somebody new: the statement, both components, then the password, and both again after a lock.
And signing in with a one-time code."""

import pyotp
import pytest
from playwright.sync_api import expect

from cellbank.domain.lifecycle.roles import Role
from cellbank.services.acts import run_act
from cellbank.services.installation import server_time
from cellbank.services.people.actors import SYSTEM
from cellbank.story import PASSWORD
from tests.browser.stage import Stage, open_stage
from tests.browser.station import Station

TO_SIGN = {"decision": "accept", "reason": "Certificate checked"}


def hire(stage: Stage, name: str) -> str:
    """A quality officer, trained, who has never signed in."""
    given = {"name": name, "full_name": name.title(), "roles": ["quality_officer"], "must_change": False}
    assert run_act(stage.installation, "add_person", {**given, "new_password": PASSWORD}, SYSTEM, door="test").accepted
    days = {"trained_on": "2026-01-01", "valid_until": "2099-12-31"}
    training = {"name": name, "role": "quality_officer", "procedure": "SOP-1 version 4", **days}
    assert run_act(stage.installation, "record_training", training, SYSTEM, door="test").accepted
    return name


def received(stage: Stage) -> str:
    """A reagent that waits for a decision."""
    given = {"manufacturer": "M", "manufacturer_lot": "L-1", "certificate": "C-1", "expires_on": "2099-01-01"}
    return stage.do("olena", "receive_reagent", name="Trypsin", **given)["code"]


def decide(station: Station, stage: Stage) -> None:
    station.go(f"/act/decide_reagent?reagent={received(stage)}")
    station.fill(**TO_SIGN)


@pytest.mark.requirement("R9", "R13", "R22")
def test_the_first_signature_of_somebody_new(station, stage: Stage) -> None:
    daryna = station(hire(stage, "daryna"))
    daryna.arrives("/agreement")
    daryna.sees("legally binding equivalent of my signature by hand")
    daryna.press("I accept this statement")
    decide(daryna, stage)
    expect(daryna.page.locator("#f-signer")).to_have_value("")
    daryna.fill(password=PASSWORD)
    daryna.submit()
    daryna.sees("first signature of this session")
    daryna.sign()
    daryna.submit()
    daryna.done("decide_reagent")
    decide(daryna, stage)
    expect(daryna.page.locator("#f-signer")).to_have_count(0)
    daryna.fill(password=PASSWORD)
    daryna.submit()
    daryna.done("decide_reagent")
    decide(daryna, stage)
    daryna.page.locator("#who").click()
    daryna.page.get_by_role("button", name="Lock or change user").click()
    daryna.page.locator("#lock-password").fill(PASSWORD)
    daryna.keys("Enter")
    expect(daryna.page.locator("#lock-overlay")).to_be_hidden()
    daryna.fill(password=PASSWORD)  # the form from before the lock
    daryna.submit()
    daryna.sees("first signature of this session")
    daryna.sign()
    daryna.submit()
    daryna.done("decide_reagent")


@pytest.mark.requirement("R23")
def test_signing_in_with_a_one_time_code(station, stage: Stage) -> None:
    with open_stage(stage.installation, second_factor_roles=frozenset({Role.QUALITY_OFFICER})) as strict:
        maksym = station("maksym", on=strict)
        maksym.arrives("/second-factor")
        maksym.page.locator("#password").fill(PASSWORD)
        told = run_act(strict.installation, "hand_over_code", {"name": "maksym"}, SYSTEM, door="test").result["handed"]
        maksym.page.locator("#one_time_code").fill(told.lower().replace("-", " "))
        maksym.press("Set up a second factor")
        assert maksym.page.locator(".qr svg").bounding_box()["width"] > 150
        app = pyotp.TOTP(maksym.text(".secret"))
        maksym.page.locator("#one_time_code").fill(app.at(server_time().timestamp() - 30))
        maksym.press("Confirm")
        maksym.sees("The second factor is set up", "These codes are for the day")
        recovery = maksym.page.locator(".recovery-codes li").first.inner_text()
        maksym.page.get_by_role("link", name="I have kept them: go on").click()
        maksym.page.locator("#who").click()
        maksym.press("Sign out")
        maksym.page.locator("#name").fill("maksym")
        maksym.page.locator("#password").fill(PASSWORD)
        maksym.press("Sign in")
        maksym.sees("Wrong name, password or one-time code")
        maksym.page.locator("#password").fill(PASSWORD)
        maksym.page.locator("#one-time-code").fill(app.now())
        maksym.press("Sign in")
        maksym.arrives("/")
        decide(maksym, strict)
        maksym.sign()
        maksym.page.locator("#f-one-time-code").fill(app.at(server_time().timestamp() + 30))
        maksym.submit()
        maksym.done("decide_reagent")
        maksym.page.locator("#who").click()  # the telephone is lost: a recovery code comes in once
        maksym.press("Sign out")
        maksym.page.locator("#name").fill("maksym")
        maksym.page.locator("#password").fill(PASSWORD)
        maksym.page.locator("#one-time-code").fill(recovery)
        maksym.press("Sign in")
        maksym.sees("A recovery code of your second factor was used")
