"""What is given for an act, read strictly: every fault at once, each by its field, in plain words and never a secret.

A form, JSON and the command line all end here, so that a value is refused in the same words wherever it came from.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Self, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from cellbank.domain.entering import DEEPEST, NOT_STORABLE
from cellbank.domain.question import Question
from cellbank.services.inputs import Moment, OneLine, Reason

LARGEST_WHOLE_NUMBER = 10**40  # no quantity of this field is near; beyond it, Python would take long to spell it
MOST_PROBLEMS = 100
LONGEST_PASSWORD = 200
_LONGEST_SHOWN = 60
KEY = re.compile(r"[\x21-\x7e]{1,200}")  # what makes a request the same one, as its sender names it


class ActInput(BaseModel):
    """What a person gives for an act. Field titles, units and limits become the form, the API and the command line."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


def _as_typed(given: Any) -> Any:
    """A secret keeps the spaces at its ends, which every other text of an input loses."""
    return SecretStr(given) if isinstance(given, str) else given


Secret = Annotated[SecretStr, BeforeValidator(_as_typed)]


class ProvedInput(ActInput):
    """The input of an act for which the password is given again, at this moment, with the one-time code of a second
    factor where there is one."""

    password: Annotated[Secret, Field(max_length=LONGEST_PASSWORD)] | None = None
    one_time_code: Annotated[Secret, Field(max_length=LONGEST_PASSWORD)] | None = None


class SignedInput(ProvedInput):
    """The input of an act that the transition table signs.

    The sign-in name of the signer (which must then be that of who acts) and the one-time code are given with the
    password at the first signature of a session.
    """

    signer: OneLine | None = None


class TellingInput(ActInput):
    """The input of an act that tells of what has happened (`domain/telling.py`): when, and why it is entered late."""

    happened_at: Moment | None = Field(
        default=None, title="When it happened", description="Empty: now.", json_schema_extra={"folded": "earlier"}
    )
    entered_late_because: Reason | None = Field(
        default=None,
        title="Why it is entered late",
        description="Needed when it happened more than some minutes ago.",
        json_schema_extra={"folded": "earlier"},
    )
    #: how late it is told is the act's, and no column of what it makes
    TOLD: ClassVar[frozenset[str]] = frozenset({"happened_at", "entered_late_because"})
    #: told after the fact as a matter of course, however short the time since
    ALWAYS_LATE: ClassVar[bool] = False
    #: what `happened_at` of this act was called before all acts that tell had it: still read
    EARLIER_NAME: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _by_its_earlier_name(cls, given: Any) -> Any:
        named_so = bool(cls.EARLIER_NAME) and isinstance(given, Mapping) and cls.EARLIER_NAME in given
        if named_so and "happened_at" not in given:
            return {"happened_at" if name == cls.EARLIER_NAME else name: value for name, value in given.items()}
        return given

    @model_validator(mode="after")
    def _late_is_said_of_a_time(self) -> Self:
        if self.entered_late_because is not None and self.happened_at is None:
            raise ValueError("say when it happened, if it is entered late")
        return self


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what was given: the field, and the limit with what was given instead; and the question whose
    answer would put it right."""

    field: str
    message: str
    asks: Question | None = None


class Malformed(Exception):
    """The input cannot be read; nothing was looked up, nothing was recorded."""

    def __init__(self, problems: list[Problem]):
        problems = self.problems = problems[: MOST_PROBLEMS + 1]  # nobody reads more, and there may be a million
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))


M = TypeVar("M", bound=ActInput)


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of an input, drawn up once: that takes longer than a scan. Nobody changes it."""
    return model.model_json_schema()


def parse(model: type[M], given: Mapping[str, Any]) -> M:
    """Read the input, or raise Malformed with every problem at once: field, limit, and what was given."""
    unusable = [(name, why) for name, value in given.items() if (why := _unusable(model, name, value))]
    if unusable:
        raise Malformed([Problem(_named((name,)), f"{why}.") for name, why in unusable])
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Malformed(_problems(error)) from None


def check_key(key: str | None, called: str = "key") -> None:
    """Refuse a key of a request that no index can hold. Raises Malformed."""
    if key is not None and not KEY.fullmatch(key):
        raise Malformed([Problem(called, "Up to 200 visible ASCII characters.")])


def following_key(key: str, what: str) -> str:
    """The key of another act that follows from the request with this key, always the same one; of a key that leaves no
    room for it, its digest stands there."""
    longest = 200 - len(what) - 1
    return f"{key if len(key) <= longest else hashlib.sha256(key.encode()).hexdigest()}:{what}"


# --- what no field can hold --------------------------------------------------------------------


def _unusable(model: type[ActInput], name: str, value: Any) -> str | None:
    """Why no field could hold this value, whatever it is for; None when it might."""
    field = model.model_fields.get(name)
    if isinstance(value, bool) and field is not None and _is_whole_number(field.annotation):
        return f"must be a whole number. Given: {value}"
    most = _most_of(model).get(name)
    if most is not None and isinstance(value, Mapping | list | tuple) and len(value) > most:
        return f"has at most {most} of them. Given: {len(value)}"
    waiting = [(name, 0), (value, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > DEEPEST:
            return f"is nested deeper than {DEEPEST} levels"
        if isinstance(part, str):
            if NOT_STORABLE.search(part):
                return "has a character that cannot be stored (NUL or half a pair). Type it again"
        elif isinstance(part, int):
            if abs(part) >= LARGEST_WHOLE_NUMBER:
                return "is a number out of any range: it has more than 40 digits"
        elif isinstance(part, Mapping):
            waiting += [(inner, depth + 1) for pair in part.items() for inner in pair]
        elif isinstance(part, list | tuple):
            waiting += [(inner, depth + 1) for inner in part]
    return None


@cache
def _most_of(model: type[ActInput]) -> dict[str, int]:
    """How many entries each field that has them takes at most. Asked before any entry is looked at: each costs."""
    fields = schema_of(model)["properties"].items()
    limits = ((name, option) for name, schema in fields for option in (schema, *schema.get("anyOf", ())))
    return {
        name: option[limit] for name, option in limits for limit in ("maxItems", "maxProperties") if limit in option
    }


def _is_whole_number(annotation: Any) -> bool:
    """Whether a field takes a whole number, with limits or without, needed or not: yes and no are none."""
    parts = get_args(annotation) if get_origin(annotation) in (Annotated, Union, UnionType) else ()
    return annotation is int or any(_is_whole_number(part) for part in parts)


# --- problems in words -------------------------------------------------------------------------

_WHOLE, _NUMBER = "must be a whole number", "must be a number"
_YES_OR_NO = "must be yes or no: true or false"
_DAY = "must be a date like 2026-11-22"
_OBJECT = "must be an object: names, each with a value"

# What each fault that pydantic finds is called; the facts are those that pydantic gives with it.
WORDS = {
    "missing": "is needed",
    "extra_forbidden": "is no input of this act",
    "string_type": "must be text",
    "string_too_short": "needs at least {min_length} characters",
    "string_too_long": "has at most {max_length} characters",
    "string_pattern_mismatch": "does not have the form of such a name or code",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "finite_number": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "bool_type": _YES_OR_NO,
    "bool_parsing": _YES_OR_NO,
    "list_type": "must be a list",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
}


def _problems(error: ValidationError) -> list[Problem]:
    found = error.errors(include_url=False)
    problems = [_problem(item) for item in found[:MOST_PROBLEMS]]
    more = len(found) - MOST_PROBLEMS
    return [*problems, Problem("(whole)", f"and {more} more problems like these.")] if more > 0 else problems


def _problem(item: Any) -> Problem:
    where = _named(item["loc"])
    secret = any(part in where for part in ("password", "one_time_code"))
    message = _message(item, secret=secret).rstrip(".")
    # A rule about several fields sees all of them, the password too; what stands in an unknown field may be anything.
    silent = (
        not item["loc"]
        or secret
        or item["type"] in ("missing", "extra_forbidden")
        or "was given" in message  # it says so itself
    )
    return Problem(where, f"{message}." + ("" if silent else f" Given: {_shown(item.get('input'))}."))


def _message(item: Any, *, secret: bool) -> str:
    facts, kind = item.get("ctx", {}), item["type"]
    if kind in ("too_short", "too_long"):
        of_what = "characters" if secret else "of them"
        if kind == "too_short":
            return f"needs at least {facts['min_length']} {of_what}, not {facts['actual_length']}"
        return f"has at most {facts['max_length']} {of_what}"
    if kind in WORDS:
        return WORDS[kind].format(**facts)
    return str(item["msg"]).removeprefix("Value error, ")


def _named(loc: tuple[int | str, ...]) -> str:
    """The field, short and printable whatever it was called."""
    names = [str(part)[: _LONGEST_SHOWN + 1] for part in loc if part != "[key]"]
    return ".".join(_short("".join(c if c.isprintable() else "?" for c in name)) for name in names) or "(whole)"


def _shown(given: Any) -> str:
    """What was given, short enough to stand in a sentence."""
    return _short(repr(given) if isinstance(given, str | list | dict) else str(given))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
