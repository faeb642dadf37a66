"""For every field of every act, by its type: a value that reads well, and values that nobody can have meant.

The types are read from the same JSON schema that draws the forms and describes the API, so that a new act is swept
without a word here; a field of a new type fails the sweep until it has its bad values.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from cellbank.domain.garbled import Garbled
from cellbank.domain.identifiers import (
    CHECK_ALPHABET,
    Kind,
    check_character,
    coi,
    din,
    division_code,
    is_usable,
    record_code,
    vial_code,
)
from cellbank.domain.layouts import _UKRAINIAN, _US_KEYS
from cellbank.domain.scans import read_scan
from cellbank.services.acts import RegisteredAct
from cellbank.services.quality.definitions import shipped

SECRET = "s3cret that nobody may see again"
UKRAINIAN = str.maketrans(_US_KEYS, _UKRAINIAN)
LONG = "x" * 10**5
NAN, INFINITY = float("nan"), float("inf")
TURNED = "abc\u202edef"  # what follows is written from right to left
DIN = din("A9999", 2099, 900_001)  # never received


def nested(levels: int) -> Any:
    """A list in a list in a list …"""
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


# --- codes ------------------------------------------------------------------------------------


def unknown_code(kind: str, which: int = 0) -> str:
    """A code with a right check character, of a thing that is not there."""
    match Kind(kind):
        case Kind.DONATION:
            return DIN
        case Kind.VIAL:
            return vial_code(DIN, division_code(1 + which))
        case Kind.DOSE:
            return coi("A9999", 2099, 900_001)
        case other:
            number = 32**6 + which
            while not is_usable(other, number):
                number += 1
            return record_code(other, number)


def wrongly_checked(code: str) -> str:
    """The same code with another check character than it should have."""
    if code[:13] == DIN:
        return f"{DIN}{_another(check_character(DIN))}{code[13:]}"
    return code + _another(check_character(code)) if code[:2] == Kind.DOSE or len(code) == 15 else _last_changed(code)


def _another(check: str) -> str:
    return CHECK_ALPHABET[(CHECK_ALPHABET.index(check) + 1) % 36]


def _cut_short(code: str) -> str:
    """The code without its end; of every 36, one still has a right check character by chance, and is cut once more."""
    return next(code[:-gone] for gone in (2, 3, 4) if isinstance(read_scan(code[:-gone]), Garbled))


def _last_changed(code: str) -> str:
    return code[:-1] + ("2" if code[-1] != "2" else "3")


def bad_codes(kinds: list[str]) -> dict[str, Any]:
    good = unknown_code(kinds[0])
    return {
        "empty": "",
        "blank": "  ",
        "a number": 5,
        "yes": True,
        "an object": {},
        "too long": LONG,
        "Cyrillic look-alike": good[:2] + "А" + good[3:],
        "wrong check character": wrongly_checked(good),
        "cut short": _cut_short(good),
        "Ukrainian layout": good.translate(UKRAINIAN),
        "two scans": good + good,
        "another kind": unknown_code("TK"),
        "a command": "CM" + good,
        "NaN": NAN,
        "a huge number": 10**30,
        "emoji": "😀",
        "right to left": TURNED,
        "full-width digits": "１２３",
    }


# --- numbers ----------------------------------------------------------------------------------

NO_NUMBERS: dict[str, Any] = {
    "empty": "",
    "a word": "many",
    "yes": True,
    "a list": [],
    "an object": {},
    "too long": "1" * 10**5,
    "NaN": NAN,
    "NaN in words": "NaN",
    "infinite": INFINITY,
    "infinite in words": "-Infinity",
    "Arabic digit": "٣",
    "emoji": "😀",
}
OUT_OF_RANGE: dict[str, Any] = {"10^30": 10**30, "10^30 in words": "1e30", "10^999999": "1e999999"}
BELOW_ZERO = {"-1": -1, "-1 in words": "-1"}
# What is beyond the limits of one unit in particular; the message must then name the limits.
BEYOND: dict[str, dict[str, Any]] = {
    "kg": {"grams": 7340, "grams in words": "7340", **BELOW_ZERO},
    "%": {"101": 101, "101 %": "101 %", **BELOW_ZERO},
    "fraction": {"percent": 40, "percent in words": "40", **BELOW_ZERO},
    "°C": {"colder than can be": -274, "a furnace": "900"},
    "cells": BELOW_ZERO,
    "mL": BELOW_ZERO,
    "g": {"zero": 0, **BELOW_ZERO},
    "cm": {"zero": 0, **BELOW_ZERO},
    "cm²": {"zero": 0, **BELOW_ZERO},
    "mmHg": BELOW_ZERO,
    "h": {"zero": 0, "ten years": 87_600, **BELOW_ZERO},
}
TYPICAL = {"fraction": "0.4", "mmHg": "80", "kg": "60", "°C": "4", "cells": 1000}

# --- everything else --------------------------------------------------------------------------

BAD_TEXTS: dict[str, Any] = {
    "empty": "", "blank": "   ", "a number": 5, "yes": True, "a list": [], "an object": {}, "too long": LONG,
    "right to left": TURNED, "an escape sequence": "red\x1b[31m",
}  # fmt: skip
BAD: dict[str, dict[str, Any]] = {
    "whole number": {
        **NO_NUMBERS, "a fraction": 1.5, "a fraction in words": "1.5", "10^30": 10**30, "10^30 in words": "1e30",
        "-1": -1,
    },
    "instant": {
        "empty": "", "a number": 5, "yes": True, "a list": [], "in words": "yesterday", "too long": LONG,
        "no zone": "2026-03-01T10:00", "a day": "2026-03-01", "31 February": "2026-02-31T10:00+02:00",
        "year 1": "0001-01-01T00:00+14:00", "year 9999": "9999-12-31T23:59-12:00", "25 o'clock": "2026-03-01T25:00Z",
    },
    "day": {
        "empty": "", "a number": 1767225600, "digits": "1767225600", "yes": True, "a list": [], "in words": "today",
        "31 February": "2026-02-31", "year 1": "0001-01-01", "year 9999": "9999-12-31", "too long": LONG,
        "day first": "31.03.2026", "an instant": "2026-03-01T10:00+02:00",
    },
    "choice": {"empty": "", "a number": 5, "yes": True, "a list": [], "another": "anything", "too long": LONG},
    "yes or no": {"empty": "", "nothing": None, "perhaps": "perhaps", "a number": 2, "a list": [], "too long": LONG},
    "text": BAD_TEXTS,
    "identifier": {
        **BAD_TEXTS, "Cyrillic look-alikes": "АВС-12", "mixed": "AВ-12", "emoji": "😀", "two lines": "a\nb",
        "not to be seen": "a\u200bb",
    },
    "name": {**BAD_TEXTS, "Cyrillic look-alikes": "tіna", "capitals and signs": "Tina!"},
    "code of a definition": {"empty": "", "a number": 5, "no version": "NCT04461925", "too long": LONG},
    "position": {**BAD_TEXTS, "no column": "A", "no row": "4", "Cyrillic look-alike": "А4", "far away": "A999999"},
    "secret": {"a number": 5, "yes": True, "a list": [], "an object": {}, "too long": LONG},
    "scan as it was read": {"a number": 5, "yes": True, "a list": [], "too long": LONG},
    "row": {"a number": 5, "a text": "x", "a list": [], "empty": {}, "another column": {"no_such_field": 1}},
    "sheet": {"empty": "", "a number": 5, "a list": [], "too long": "x" * 1_000_001},
    "file": {"empty": "", "a number": 5, "a list": [], "no definition": "x = [", "too long": "x" * 600_000},
    "answers": {
        "a number": 5, "a text": "yes", "a list": [], "no question": {"A B": True}, "perhaps": {"pregnancy": "perhaps"},
        "a list as answer": {"pregnancy": []}, "10^30": {"spo2": "1e30"}, "NaN": {"spo2": NAN},
        "too many": {f"question{number}": True for number in range(1000)},
    },
}  # fmt: skip
BAD["picture"] = {
    **BAD_TEXTS,
    "no position": "A1",
    "a position twice": "A1,NOREAD\nA01,NOREAD",
    "another kind": f"A1,{DIN}",
    "Cyrillic look-alike": "А1,NOREAD",
}
BAD["email"] = {
    **BAD_TEXTS, "no place": "olena", "two": "olena@bank.example, petro@bank.example", "no point": "olena@bank",
    "a line more": "olena@bank.example\nBcc: all@bank.example", "Cyrillic look-alike": "оlena@bank.example",
}  # fmt: skip
BAD["reasons"] = {
    "a number": 5, "a text": "yes", "a list": [], "of nothing": {"somewhere": "it fell out"}, "no words": {"A1": "x"},
    "a list as reason": {"A1": []}, "too many": {f"A{number}": "it fell out" for number in range(1, 5000)},
}  # fmt: skip
GOOD: dict[str, Any] = {
    "picture": "A1,NOREAD", "reasons": {},
    "whole number": 1, "instant": "2026-03-01T10:00+02:00", "day": "2026-03-01", "yes or no": True,
    "text": "some text", "identifier": "A-12", "name": "nobody.here", "code of a definition": "NCT00000000@1",
    "position": "A1", "secret": SECRET, "scan as it was read": "anything", "answers": {},
    "sheet": "test,result", "email": "olena@bank.example",
}  # fmt: skip
NOWHERE: dict[str, Any] = {"NUL": "a\0b", "half a pair": "a\ud800b", "1000 deep": nested(1000), "10^5000": 10**5000}


@cache
def schema_of(registered: RegisteredAct) -> dict[str, dict[str, Any]]:
    """The JSON schema of each field, without the `null` of optional ones and with what is referred to."""
    whole = registered.input.model_json_schema()
    return {name: _plain(field, whole.get("$defs", {})) for name, field in whole["properties"].items()}


def _plain(field: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in field:
        return dict(defs[field["$ref"].rpartition("/")[2]])
    options = [option for option in field.get("anyOf", ()) if option.get("type") != "null"]
    rest = {name: value for name, value in field.items() if name != "anyOf"}
    if "items" in rest:
        rest["items"] = _plain(rest["items"], defs)
    return {**(_plain(options[0], defs) if options else {}), **rest}


def type_of(name: str, schema: dict[str, Any]) -> str:
    """What kind of thing a field is, in the words of the tables above."""
    if schema.get("type") == "array":
        return "list"
    if "properties" in schema:
        return "row"
    if schema.get("raw") or name in ("raw", "read_back") or (name, schema.get("maxLength")) == ("reason", 500):
        return "scan as it was read"
    for key, meant in (("scan", "code"), ("enum", "choice")):
        if key in schema:
            return meant
    if schema.get("type") == "integer" and schema.get("unit") != "cells":
        return "whole number"
    if "unit" in schema or schema.get("type") == "number":
        return "quantity"
    formats = {"date-time": "instant", "date": "day", "password": "secret"}
    if schema.get("format") in formats:
        return formats[schema["format"]]
    named = {"name": "name", "definition": "code of a definition", "content": "file", "sheet": "sheet"}
    if name in named and ("pattern" in schema or name in ("content", "sheet")):
        return named[name]
    if name in ("position", "positions", "unreadable"):
        return "position"
    if name in ("picture", "reasons", "email"):
        return name
    return {"object": "answers", "boolean": "yes or no"}.get(schema["type"]) or (
        "identifier" if "pattern" in schema else "text"
    )


def good_value(name: str, schema: dict[str, Any]) -> Any:
    """A value that reads well, of a thing that is not there."""
    match type_of(name, schema):
        case "row":
            return {one: good_value(one, _plain(of, {})) for one, of in schema["properties"].items()}
        case "list":
            return [] if name == "positions" else [good_value(name, schema["items"])]
        case "code":
            return unknown_code(schema["scan"][0])
        case "choice":
            return schema["enum"][0]
        case "quantity":
            return TYPICAL.get(schema.get("unit", ""), "30")
        case "whole number":
            return schema.get("minimum", 1)
        case "file":
            return next(one.content for one in shipped() if one.type == "protocol")
        case other:
            return GOOD[other]


# What an input needs beside its required fields: one of several, or all of a group.
NEEDED_TOGETHER: dict[str, dict[str, Any]] = {
    "enter_result": {"lot": unknown_code("LT"), "test": "CD73", "number": "5", "started_at": GOOD["instant"]},
    "take_sample": {"lot": unknown_code("LT")},
    "enter_dose_from_paper": {"volume_given_ml": "20"},
    "correct_result": {"number": "5"},
    "correct_fact": {"what": "cells_harvested", "value": "5000000"},
    "add_probe": {"calibration_due_on": "2027-03-01"},
    "calibrate_probe": {"calibration_due_on": "2027-03-01"},
    "add_shipper": {"qualified_until": "2027-03-01"},
    "requalify_shipper": {"qualified_until": "2027-03-01"},
    "import_readings": {"sha256": "0" * 64},
    "add_site": {"fin": "W0000", "timezone": "Europe/Kyiv"},
    "import_freezing_run": {"sha256": "0" * 64},
}


def good_input(registered: RegisteredAct) -> dict[str, Any]:
    """An input of an act that can be read, with nothing that need not be there."""
    fields, schemas = registered.input.model_fields, schema_of(registered)
    given = {name: good_value(name, schemas[name]) for name, field in fields.items() if field.is_required()}
    given |= NEEDED_TOGETHER.get(registered.name, {})
    return given


def bad_values(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What must be refused in a field, each with what it is called."""
    yield from NOWHERE.items()
    match type_of(name, schema):
        case "list":
            yield from bad_lists(name, schema)
        case "code":
            yield from bad_codes(schema["scan"]).items()
        case "quantity":
            yield from {**NO_NUMBERS, **OUT_OF_RANGE, "pounds": "160 lb"}.items()
            yield from BEYOND[schema["unit"]].items() if "unit" in schema else ()
        case "scan as it was read" if schema.get("minLength"):
            yield from {**BAD["scan as it was read"], "empty": ""}.items()
        case other:
            yield from BAD[other].items()


def bad_lists(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    good = good_value(name, schema["items"])
    yield from {"a text": "x", "a number": 5, "an object": {}, "more than 10^4 of them": [good] * (10**4 + 1)}.items()
    if schema.get("minItems"):
        yield "empty", []
    if "scan" in schema["items"]:
        yield "one of them twice", [good, good]
    yield from ((f"in it: {what}", [value]) for what, value in bad_values(name, schema["items"]) if value != [])


def numeric(schema: dict[str, Any], what: str) -> bool:
    """Whether a bad value is a number beyond the limits, so that the message must name them."""
    beyond = {**OUT_OF_RANGE, **BEYOND.get(schema.get("unit", ""), {})}
    return what in beyond and type_of("", schema) == "quantity"
