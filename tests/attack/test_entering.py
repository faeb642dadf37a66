"""What enters is cleaned and bounded in one place, for pages and API alike; and what is parsed is bounded before."""

import json
import time

import pytest
from flask import Flask, request

from cellbank import entering
from cellbank.domain.definition import DefinitionProblems
from cellbank.domain.entering import cleaned, cleaned_all, spelled
from cellbank.domain.protocol import load_protocol
from cellbank.services.acts import Malformed, Problem, run_act
from cellbank.services.given import read_object
from tests.attack.patient import patient_app
from tests.factories.world import World
from tests.web.conftest import Browser

__all__ = ["patient_app"]

DOTTED = ".".join("a" * 20_000)
FAR = "x" * 140_000  # more than `csv` takes in one cell


@pytest.fixture(scope="module")
def echo() -> Flask:
    app = Flask("echo")
    app.config["MAX_CONTENT_LENGTH"] = 4 * 1024 * 1024
    entering.register(app, ("localhost",))

    @app.route("/<path:part>", methods=["GET", "POST"])
    def say(part: str):
        sent = request.get_json(silent=True)
        return {"part": part, "args": request.args, "form": request.form, "json": sent}

    return app


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("plain, Їжак №1\t\r\n", "plain, Їжак №1\t\r\n"),
        ("a\0b", "a␀b"),
        ("\x1b[31m\x7f", "␛[31m␡"),
        ("\ud800", "␦"),
        ("]d2\x1d", "]d2\x1d"),
    ],
)
def test_what_no_text_holds_becomes_its_picture(given: str, seen: str) -> None:
    assert cleaned(given) == seen and cleaned_all({given: [given, 1, None]}) == {seen: [seen, 1, None]}


def test_a_scan_is_kept_as_it_came_with_what_cannot_be_printed_spelled() -> None:
    assert spelled(cleaned("A1\0\x1d")) == "A1\\x00\\x1d" and spelled(cleaned("A\0")) == "A\\x00"


def test_every_part_of_a_request_is_cleaned(echo: Flask) -> None:
    client = echo.test_client()
    asked = client.get("/a%00%D0%87?q=%00&%00=1").json
    assert asked == {"part": "a␀Ї", "args": {"q": "␀", "␀": "1"}, "form": {}, "json": None}
    assert client.post("/a", data={"key": "k\0", "n\0": "1"}).json["form"] == {"key": "k␀", "n␀": "1"}
    body = json.dumps({"code": ["\0", {"\ud800": "\x07"}]})
    assert client.post("/a", data=body, content_type="application/json").json["json"] == {"code": ["␀", {"␦": "␇"}]}
    boundary = client.post("/a", data={"x": "\0"}, content_type="multipart/form-data").json["form"]
    assert boundary == {"x": "␀"}


@pytest.mark.parametrize("body", [b"[" * 5000, b"[" * 21 + b"]" * 21, b"\xff", b"1" * 5000])
def test_json_that_no_input_is_as_deep_as_is_none(echo: Flask, body: bytes) -> None:
    assert echo.test_client().post("/a", data=body, content_type="application/json").json["json"] is None


def test_more_fields_than_any_form_has_are_refused_before_they_are_read(echo: Flask) -> None:
    form = "application/x-www-form-urlencoded"
    started = time.process_time()
    assert echo.test_client().post("/a", data=b"a&" * 2_000_000, content_type=form).status_code == 413
    assert time.process_time() - started < 1  # it took four seconds of a worker
    assert echo.test_client().get("/a?" + "q=1&" * 5000).status_code == 414


@pytest.mark.parametrize("path", ["/api/scan/", "/record/"])
def test_both_doors_refuse_an_address_without_an_end(patient_app: Flask, path: str) -> None:
    assert patient_app.test_client().get(path + "x" * 17_000).status_code == 414


@pytest.mark.parametrize("key", ["a\0b", "x" * 3000, "Ї", "two words", ""])
def test_a_key_that_no_index_holds_is_malformed_whatever_the_door(world: World, key: str) -> None:
    with pytest.raises(Malformed, match="key"):
        given = {"pseudonym": world.unique("K"), "birth_year": 1990}
        run_act(world.installation, "register_donor", given, world.people["tina"], door="test", key=key)


@pytest.mark.parametrize("body", ["null", "[]", "17", '"x"', '[{"code": "x"}]'])
@pytest.mark.parametrize("address", ["/storage/read", "/storage/fill/ST0001", "/shipments/SH0001/pack_shipment"])
def test_json_that_is_no_object_is_answered(patient_app: Flask, address: str, body: str) -> None:
    tina = Browser(patient_app.test_client())
    tina.enter("tina")
    tina.get("/")
    headers = {"X-CSRFToken": tina.token}
    assert tina.client.post(address, data=body, content_type="application/json", headers=headers).status_code < 500


@pytest.mark.parametrize(
    ("act", "given", "field"),
    [
        ("reconcile_rack", {"box": "ST0001", "picture": f"A1,{FAR}"}, "picture"),
        ("import_results", {"sheet": f"lot,test,result\n{FAR},CD73,1"}, "sheet"),
        ("import_definition", {"type": "protocol", "content": f"{DOTTED} = 1"}, "content"),
        ("import_definition", {"type": "specification", "content": f"x = {{{DOTTED} = 1}}"}, "content"),
    ],
)
def test_a_file_without_measure_is_refused_by_name_and_at_once(world: World, act: str, given: dict, field: str) -> None:
    started = time.process_time()
    with pytest.raises(Malformed, match=field):
        run_act(world.installation, act, given, world.people["quinn"], door="test")
    assert time.process_time() - started < 2  # twenty thousand points took half a minute


def test_an_object_of_any_number_of_names_is_read_once() -> None:
    names = [f'"{number:x}":1' for number in range(200_000)]
    started = time.process_time()
    with pytest.raises(Malformed, match="stands there twice"):
        read_object(f"{{{','.join([*names, names[-1]])}}}")
    assert time.process_time() - started < 5  # looked for by each name, it took hours


@pytest.mark.parametrize(
    ("act", "field", "most"), [("rescan_box", "reasons", 1000), ("open_lot", "reagent_quantities", 50)]
)
def test_more_entries_than_a_field_takes_are_refused_before_any_is_read(
    world: World, act: str, field: str, most: int
) -> None:
    started = time.process_time()
    with pytest.raises(Malformed, match=f"at most {most} of them. Given: 40000"):
        run_act(
            world.installation, act, {field: {f"X{n}": "" for n in range(40_000)}}, world.people["tina"], door="test"
        )
    assert time.process_time() - started < 2


def test_nobody_is_told_of_more_faults_than_anybody_reads() -> None:
    assert len(Malformed([Problem("sheet", f"fault {number}") for number in range(60_000)]).problems) == 101


def test_a_definition_of_the_longest_size_is_read_in_no_time() -> None:
    for line in ("a." * 60 + "k{} = 1", "x{}.y = 1", "[[a.b{}]]"):
        content = "\n".join(line.format(number) for number in range(490_000 // len(line + "12345")))
        started = time.process_time()
        with pytest.raises(DefinitionProblems):
            load_protocol(content)
        assert time.process_time() - started < 5
