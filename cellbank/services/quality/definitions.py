"""Trial protocols and product specifications: imported as versions, in force by a signature."""

import json
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from sqlalchemy import Row, select

from cellbank.domain.definition import LONGEST_FILE, PLAIN_VERSION, DefinitionProblems, digest
from cellbank.domain.figures import figures_of
from cellbank.domain.lifecycle.states import DefinitionState
from cellbank.domain.protocol import Protocol, load_protocol
from cellbank.domain.rules.definition import EffectiveFacts, ImportFacts, effective_refusals, import_refusals
from cellbank.domain.specification import Specification, load_specification
from cellbank.records.base import as_json
from cellbank.records.people import Definition
from cellbank.records.work import Work
from cellbank.services.acts import ActInput, SignedInput, act
from cellbank.services.common import read_protocol, read_specification
from cellbank.services.people.actors import SYSTEM

# A browser sends a text area with CR LF: the line ends are not content, or the same file would have two digests.
# Spaces at the ends are content: the digest is that of the file.
FileText = Annotated[
    str,
    StringConstraints(strip_whitespace=False, min_length=1, max_length=LONGEST_FILE),
    BeforeValidator(lambda given: given.replace("\r\n", "\n") if isinstance(given, str) else given),
    Field(json_schema_extra={"file": ".toml"}),
]
DefinitionCode = Annotated[str, StringConstraints(pattern=f"^[A-Z0-9][A-Z0-9-]{{1,39}}@{PLAIN_VERSION}$")]


class ImportDefinition(ActInput):
    """Import a definition."""

    type: Literal["protocol", "specification"] = Field(title="What the file describes")
    content: FileText = Field(title="Content of the file (TOML)")

    @field_validator("content")
    @classmethod
    def _without_problems(cls, content: str, info: ValidationInfo) -> str:
        """Refuse a file with problems, each of them as a problem of its own."""
        if "type" in info.data:
            try:
                read_definition(info.data["type"], content)
            except DefinitionProblems as found:
                raise ValidationError.from_exception_data("content", [_line(text) for text in found.problems]) from None
        return content


def _line(text: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError("definition", "{text}", {"text": text}), loc=(), input="the file")


def read_definition(type_: str, content: str) -> Protocol | Specification:
    """Parse a definition file that comes in. Raises DefinitionProblems with everything that is wrong with it."""
    return load_protocol(content) if type_ == "protocol" else load_specification(content)


def _kept(type_: str, content: str) -> Protocol | Specification:
    """A definition that stands, or was read as it came in."""
    return read_protocol(content) if type_ == "protocol" else read_specification(content)


@act(ImportDefinition)
def import_definition(work: Work, given: ImportDefinition) -> Definition:
    """Keep a version of the file with its sha256; it is not in force yet. Refuses a version that exists."""
    read = _kept(given.type, given.content)
    code, content_digest = f"{read.id}@{read.version}", digest(given.content)
    in_use = work.session.scalar(select(Definition.digest).where(Definition.code == code))
    work.judge(Definition, refusals=import_refusals(ImportFacts(code, content_digest, in_use)))
    return work.add(
        Definition(
            type=given.type,
            code=code,
            identifier=read.id,
            version=read.version,
            title=read.title,
            content=given.content,
            digest=content_digest,
            imported_by_id=work.actor.id,
            **taken_out_of(read),
        )
    )


def taken_out_of(read: Protocol | Specification) -> dict[str, Any]:
    """What is kept beside a file for the rules in the database, by column. Twin: `out_of_the_file` of the database."""
    if isinstance(read, Protocol):
        mine: dict[str, Any] = {"planned_subjects": read.planned_subjects, "handling": None, "programs_with_a_run": []}
    else:
        mine = {
            "planned_subjects": None,
            "handling": read.handling.model_dump(),
            "programs_with_a_run": list(read.freezing.programs_with_a_band),
        }
    return {**mine, "figures": figures_of(read)}


class MakeEffective(SignedInput):
    """Make effective."""

    definition: DefinitionCode = Field(title="Protocol or specification, as identifier@version")


@act(MakeEffective)
def make_effective(work: Work, given: MakeEffective) -> Definition:
    """Bring a version into force; the one that was in force is superseded, and old records keep pointing at it.

    Refuses whoever imported it, and a protocol that gives a product whose specification is not in force.
    """
    definition, others = _lock_versions(work, given.definition)
    missing = _missing_specifications(work, definition)
    facts = EffectiveFacts(
        definition.code,
        definition.state,
        missing,
        figures_agree=figures_agree(definition),
        is_imported_by_somebody=definition.imported_by_id != SYSTEM.id,
    )
    superseded = [other for other in others if other.state == DefinitionState.EFFECTIVE]
    work.judge(
        definition,
        *superseded,
        refusals=effective_refusals(facts),
        to=(DefinitionState.EFFECTIVE, DefinitionState.SUPERSEDED),
    )
    work.transition(*superseded, to=DefinitionState.SUPERSEDED)
    work.session.flush()  # one version in force at a time: the old one goes first
    definition.effective_at = work.now
    work.transition(definition, to=DefinitionState.EFFECTIVE)
    return definition


def _lock_versions(work: Work, code: str) -> tuple[Definition, list[Definition]]:
    """The definition and all other versions of it, locked together: two of them cannot come into force at once."""
    key = select(Definition.type, Definition.identifier).where(Definition.code == code).subquery()
    same = select(Definition.code).join(
        key, (Definition.type == key.c.type) & (Definition.identifier == key.c.identifier)
    )
    locked = work.lock_all(Definition, list(work.session.scalars(same)) or [code])
    definition = next(one for one in locked if one.code == code)
    work.about = code
    return definition, [one for one in locked if one is not definition]


def figures_agree(definition: Definition | Row[Any]) -> bool:
    """Whether what is kept beside the file stands in the file. Raises DefinitionProblems."""
    read = _kept(definition.type, definition.content)
    taken = json.loads(as_json(taken_out_of(read)))
    kept = json.loads(as_json({column: getattr(definition, column) for column in taken}))
    return bool(kept == taken)


def _missing_specifications(work: Work, definition: Definition) -> tuple[str, ...]:
    if definition.type != "protocol":
        return ()
    arms = read_protocol(definition.content).arms
    wanted = {arm.specification for arm in arms if arm.specification is not None}
    in_force = select(Definition.identifier).where(
        Definition.type == "specification", Definition.state == DefinitionState.EFFECTIVE
    )
    return tuple(sorted(wanted - set(work.session.scalars(in_force))))


@dataclass(frozen=True)
class ShippedDefinition:
    """A definition file that comes with the software, as `import_definition` takes it."""

    type: Literal["protocol", "specification"]
    code: str
    content: str


def shipped() -> tuple[ShippedDefinition, ...]:
    """The definition files of the package, specifications first: a protocol needs its specification in force."""
    return tuple(sorted(_files_in("."), key=lambda definition: definition.type == "protocol"))


def published() -> tuple[ShippedDefinition, ...]:
    """Specifications as others published them, to be imported and compared; none of them is needed for anything."""
    return tuple(_files_in("published"))


def _files_in(folder: str) -> list[ShippedDefinition]:
    found = []
    for file in sorted((files("cellbank") / "protocols" / folder).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            content = file.read_text(encoding="utf-8")
            type_ = definition_type(content)
            read = read_definition(type_, content)
            found.append(ShippedDefinition(type_, f"{read.id}@{read.version}", content))
    return found


def definition_type(content: str) -> Literal["protocol", "specification"]:
    """What a file describes: only a trial has arms. Raises tomllib.TOMLDecodeError for what is no TOML."""
    return "protocol" if "arms" in tomllib.loads(content) else "specification"
