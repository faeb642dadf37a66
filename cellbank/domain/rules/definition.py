"""When a version of a protocol or specification may be imported, and when it may come into force. Twins:
a_version_is_its_file, a_version_keeps_the_figures_of_its_file, a_product_has_its_specification; that another person
brings it into force than imported it says THE table, and a_version_comes_into_force_by_another."""

from dataclasses import dataclass

from cellbank.domain.lifecycle.states import DefinitionState
from cellbank.domain.refusals import Code, Refusal, refuse


@dataclass(frozen=True)
class ImportFacts:
    """A file to import, and the digest of the version that already bears its code (None: there is none)."""

    code: str
    digest: str
    digest_in_use: str | None


def import_refusals(facts: ImportFacts) -> tuple[Refusal, ...]:
    """Why a file may not be imported: a version, once imported, is never another text."""
    if facts.digest_in_use is None:
        return ()
    sentence = (
        "{code} has been imported already, the same text. Make it effective, if it is not in force yet."
        if facts.digest_in_use == facts.digest
        else "{code} has been imported with other content. Give the changed file a new version and import that."
    )
    return (refuse(Code.ALREADY_EXISTS, sentence, code=facts.code),)


@dataclass(frozen=True)
class EffectiveFacts:
    """A version that is to come into force: its state, which specifications it names that are not in force, and whether
    the figures that are kept beside the file are those that stand in it."""

    code: str
    state: str
    missing_specifications: tuple[str, ...] = ()
    figures_agree: bool = True
    is_imported_by_somebody: bool = True  # before an import asked for a name, the command line gave none


def effective_refusals(facts: EffectiveFacts) -> tuple[Refusal, ...]:
    """Why a version may not come into force. A protocol needs the specification of each product that it gives."""
    refusals = []
    if (
        facts.state == DefinitionState.EFFECTIVE
    ):  # the table cannot say this: in force is where the superseded version starts from
        refusals.append(refuse(Code.WRONG_STATE, "{code} is in force already. Nothing is left to do.", code=facts.code))
    if not facts.is_imported_by_somebody:
        sentence = (
            "{code} was imported in nobody's name: two people decide about what comes into force. Give the file a new "
            "version, and import that."
        )
        refusals.append(refuse(Code.SECOND_PERSON_NEEDED, sentence, code=facts.code))
    if not facts.figures_agree:
        sentence = (
            "The figures that the database keeps of {code} are not those of its file: somebody has written them there. "
            "Import the file as a new version, and tell the administrator."
        )
        refusals.append(refuse(Code.FIGURES_CONTRADICT, sentence, code=facts.code))
    for identifier in facts.missing_specifications:
        refusals.append(
            refuse(
                Code.DEFINITION_NOT_EFFECTIVE,
                "{code} gives product {specification}, whose specification is not in force. Make that effective first.",
                code=facts.code,
                specification=identifier,
            )
        )
    return tuple(refusals)
