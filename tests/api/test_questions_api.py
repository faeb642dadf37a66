"""What a file does not tell, as another program reads it: the field and its possible values, beside the problem."""

from tests.factories.temperature import probe, sent
from tests.factories.world import World


def test_a_question_stands_beside_its_problem(world: World, post) -> None:
    code = probe(world)
    content = f"Export {code}\nTime;Temp\n2026-02-20 08:00:00Z;-187\n".encode()
    answer = post("tina", "import_readings", {"probe": code, "sha256": sent(world, content), "file": "log.csv"})
    assert answer.status_code == 422
    (problem,) = answer.get_json()["problems"]
    assert (problem["field"], problem["asks"]["field"]) == ("unit", "unit")
    assert problem["asks"]["choices"][1] == {"value": "F", "title": "°F"}
    assert problem["asks"]["found"][1][1] == "-187"


def test_a_question_stands_beside_its_reason(world: World, post) -> None:
    code = probe(world)
    content = f"Export {code}\nTime;°C\n1970-01-01 00:00:00Z;-187\n2026-02-20 08:00:00Z;-187\n".encode()
    answer = post("tina", "import_readings", {"probe": code, "sha256": sent(world, content), "file": "log.csv"})
    assert answer.status_code == 409
    (reason,) = answer.get_json()["refusals"]
    assert (reason["code"], reason["asks"]["field"]) == ("IMPROBABLE_TIME", "improbable_times")
    assert [choice["value"] for choice in reason["asks"]["choices"]] == ["leave_out"]
