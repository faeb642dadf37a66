"""From the input model of an act to the fields of a form, by its JSON schema; and from a posted form to the input.

The schema says everything: titles, units, limits, which codes a field takes. No act needs a form of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from cellbank.domain.entering import whole_number
from cellbank.services.parsing import schema_of

SKIPPED = {"password", "signer", "one_time_code"}  # asked for by the signature, not by fields
HIDDEN_CHOICES = {"system"}


@dataclass(frozen=True)
class Field:
    """One input of an act. `fields` are those of one row (kind rows) or of a group."""

    name: str
    kind: str  # scan scans text long file number moment date yesno switch choice checks lines rows group secret pairs
    title: str
    help: str = ""
    required: bool = False
    unit: str = ""
    limits: str = ""
    scan: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    default: Any = None
    accept: str = ""  # the endings of the files that a file field takes
    folded: str = ""  # rarely needed: behind a line that opens, with the others of this name
    by_upload: bool = False  # filled in by the file that is chosen, not by hand
    fields: tuple["Field", ...] = field(default=())


@lru_cache(maxsize=256)
def fields_of(model: type[BaseModel]) -> tuple[Field, ...]:
    """The fields of an input model in its order, without those of the signature."""
    schema = schema_of(model)
    return _properties(schema, schema.get("$defs", {}))


def _properties(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> tuple[Field, ...]:
    required = schema.get("required", ())
    named = schema.get("properties", {}).items()
    by_upload = {raw["upload"] for _, raw in named if "upload" in raw}
    made = (_field(name, raw, defs, name in required) for name, raw in named if name not in SKIPPED)
    return tuple(replace(one, by_upload=one.name in by_upload) for one in made)


def _field(name: str, raw: Mapping[str, Any], defs: Mapping[str, Any], required: bool) -> Field:
    schema = _flat(raw, defs)
    made = Field(
        name=name,
        kind=_kind(schema, defs, required),
        title=schema.get("title") or name.replace("_", " ").capitalize(),
        help=raw.get("description", ""),
        required=required,
        unit=schema.get("unit", "") or schema.get("upload", ""),
        limits=_limits(schema),
        scan=tuple(schema.get("scan", ())),
        options=_options(schema),
        default=raw.get("default"),
        accept=schema.get("file", ""),
        folded=raw.get("folded", ""),
    )
    return _with_parts(made, schema, defs)


def _flat(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    """Follow references, and drop the "or nothing" of an optional input. What the field itself says wins."""
    own = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf", "description")}
    if "$ref" in schema:
        return {**_flat(defs[schema["$ref"].rpartition("/")[2]], defs), **own}
    some = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len({option.get("type") for option in some}) > 1 and not all(
        "pattern" in o or o.get("type") == "number" for o in some
    ):
        return {**own, "type": "string"}  # a number or a word: one plain box takes both
    return {**_flat(some[0], defs), **own} if some else own


def _kind(schema: Mapping[str, Any], defs: Mapping[str, Any], required: bool) -> str:
    if schema.get("type") == "array":
        return _kind_of_list(_flat(schema.get("items", {}), defs))
    if schema.get("type") == "object":
        return "group" if "properties" in schema else "pairs"
    if schema.get("type") == "boolean":
        return "switch" if schema.get("default") is False and not required else "yesno"
    if "scan" in schema:
        return "scan"
    if "upload" in schema:
        return "upload"
    if "enum" in schema or "const" in schema:
        return "choice"
    formats = {"password": "secret", "date": "date", "date-time": "moment"}
    if schema.get("format") in formats:
        return formats[schema["format"]]
    if "file" in schema:
        return "file"
    if schema.get("long"):
        return "long"
    return "number" if "unit" in schema or schema.get("type") in ("number", "integer") else "text"


def _kind_of_list(items: Mapping[str, Any]) -> str:
    if "scan" in items:
        return "scans"
    if "enum" in items:
        return "checks"
    return "rows" if items.get("type") == "object" else "lines"


def _with_parts(made: Field, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Field:
    """The field with what lies inside it: the columns of its rows, the choices of its boxes."""
    items = _flat(schema.get("items", {}), defs)
    if made.kind == "group":
        return replace(made, fields=_properties(schema, defs))
    if made.kind == "rows":
        return replace(made, fields=_properties(items, defs))
    if made.kind == "scans":
        return replace(made, scan=tuple(items["scan"]))
    if made.kind == "checks":
        return replace(made, options=_options(items))
    if made.kind == "pairs":
        name, title = schema.get("pair", ("Name", "Value"))
        value = _field("value", {"title": title, **schema.get("additionalProperties", {})}, defs, True)
        return replace(made, fields=(Field("name", "text", name, required=True), value))
    return made


def _options(schema: Mapping[str, Any]) -> tuple[str, ...]:
    found = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return tuple(str(option) for option in found if option is not None and option not in HIDDEN_CHOICES)


def _limits(schema: Mapping[str, Any]) -> str:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None or high is None or schema.get("type") not in ("number", "integer"):
        return ""
    return f"{low:g} – {high:g}"


# ---- reading what was posted ---------------------------------------------------------------------------------------


# What a form has for another person beside its own fields.
OF_THE_SECOND = ("second.name", "second.password", "second.one_time_code")


@dataclass(frozen=True)
class Filled:
    """A form with what stands in it: posted or prefilled values by path, and the problems found."""

    fields: tuple[Field, ...]
    values: Mapping[str, list[str]]
    problems: tuple[tuple[str, str], ...] = ()

    def value(self, path: str, default: Any = None) -> str:
        """What stands in the field."""
        held = self.values.get(path)
        return held[0] if held else ("" if default is None else str(default))

    def all(self, path: str) -> list[str]:
        """Everything that stands in a field of many."""
        return list(self.values.get(path, ()))

    def row_numbers(self, path: str, at_least: int = 1) -> list[int]:
        """The rows that the form has, always at least so many."""
        found = rows_in(self.values, path)
        return found or list(range(at_least))

    def fills(self, fields: Sequence[Field]) -> bool:
        """Whether one of these fields holds something, or something is wrong with it."""
        return any(self.value(one.name) or self.told(one.name) for one in fields)

    def told(self, path: str) -> list[str]:
        """What is wrong with this field, and with nothing more precise that the form shows."""
        return [message for where, message in self.problems if where == path]

    @property
    def elsewhere(self) -> list[str]:
        """What is wrong with no field that the form shows."""
        shown = {*shown_paths(self.fields, self.values), *OF_THE_SECOND}
        return [f"{where}: {message}" if where else message for where, message in self.problems if where not in shown]


def rows_in(values: Mapping[str, Any], path: str) -> list[int]:
    """The numbers of the rows of a repeating field in what was posted."""
    start = path + "."
    numbers = {name[len(start) :].partition(".")[0] for name in values if name.startswith(start)}
    return sorted(number for number in (whole_number(text, 3) for text in numbers) if number is not None)


def shown_paths(fields: tuple[Field, ...], values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The paths of everything that the form shows."""
    paths = []
    for item in fields:
        path = prefix + item.name
        paths.append(path)
        if item.kind == "group":
            paths += shown_paths(item.fields, values, path + ".")
        if item.kind in ("rows", "pairs"):
            for number in rows_in(values, path) or [0]:
                paths += shown_paths(item.fields, values, f"{path}.{number}.")
    return paths


def place_problem(where: str, paths: list[str]) -> str:
    """The field beside which a problem stands: the longest path that its place begins with; "" when there is none."""
    fitting = [path for path in paths if where == path or where.startswith(path + ".")]
    return max(fitting, key=len, default="")
