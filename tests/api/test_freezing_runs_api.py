"""A freezing run over the API: the same act, with its reasons."""

import pytest

from tests.factories.freezing import as_file, cooling, frozen_at, run_input
from tests.factories.lots import frozen_lot
from tests.factories.world import World


def test_a_run_is_imported_and_refused_a_second_time(world: World, post) -> None:
    lot = frozen_lot(world).code
    given = run_input(world, lot, as_file(cooling(frozen_at(world, lot))))
    answer = post("tina", "import_freezing_run", given)
    assert answer.status_code == 200 and answer.get_json()["result"]["found"] == "within the band"
    again = post("tina", "import_freezing_run", given)
    assert again.status_code == 409
    assert [reason["code"] for reason in again.get_json(force=True)["refusals"]] == ["ALREADY_EXISTS"]


@pytest.mark.requirement("R24")
def test_a_bad_file_is_answered_with_its_row(world: World, post) -> None:
    lot = frozen_lot(world).code
    content = as_file(cooling(frozen_at(world, lot))).replace(b";-20.00;", b";cold;")
    answer = post("tina", "import_freezing_run", run_input(world, lot, content))
    assert answer.status_code == 422 and "'cold' is no temperature" in answer.text
