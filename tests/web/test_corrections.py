"""A value is put right from the page of its record: what may be, what follows from it, and the first value in sight."""

import html
import re

from tests.factories.production import DAY, growing_culture, harvest, harvested_culture, passaged
from tests.factories.world import PASSWORD, World

ACT = "/act/correct_fact"
WHY = "The dilution was read wrongly from the sheet"


def test_a_count_is_put_right_from_its_record_and_signed_with_what_follows(signed_in, world: World) -> None:
    first, at = growing_culture(world), world.now - 60 * DAY
    harvest(world, first, at)
    culture = passaged(world, first, at)[0]
    harvest(world, culture, at + 4 * DAY)
    tina = signed_in("tina")
    assert f"{ACT}?record={culture}" in tina.get(f"/record/{culture}").text
    form = tina.get(ACT, query_string={"record": culture}).text
    assert 'value="cells_harvested"' in form and 'value="draw_ml"' not in form and "×10⁶</small>" in form
    given = {"record": culture, "what": "viability_percent", "value": "80", "reason": WHY}
    checked = tina.post(ACT, {**given, "intent": "check"}).text
    said = html.unescape(checked)
    assert "What follows from it, worked out again" in said and "Population doublings" in said and WHY in said
    [seen] = re.findall(r'name="seen" value="([0-9a-f]+)"', checked)
    done = tina.post(ACT, {**given, "seen": seen, "signer": "tina", "password": PASSWORD, "intent": "do"})
    assert done.status_code == 303
    page = html.unescape(tina.get(f"/record/{culture}").text)
    assert "Put right" in page and "noted before: " in page and WHY in page


def test_the_form_says_what_is_no_right_value_and_keeps_what_was_given(signed_in, world: World) -> None:
    culture = harvested_culture(world)
    given = {"record": culture, "what": "viability_percent", "value": "180", "reason": WHY, "intent": "check"}
    answer = signed_in("tina").post(ACT, given)
    assert answer.status_code == 422 and "180" in answer.text and WHY in html.unescape(answer.text)
