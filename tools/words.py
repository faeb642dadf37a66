"""The words that people are shown: collected from the code, and the Ukrainian catalogue brought up to date with them.

    python -m tools.words

adds to `messages.po` what is new (without a translation), writes `messages.mo`, and prints what is still English. Babel
alone finds only half of the words: titles of acts and fields stand in input models, reasons in rules, states in the
table of states, names of lists beside their statements.
"""

import ast
import io
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from cellbank import gate
from cellbank.domain.accounts import Change
from cellbank.domain.blind import SAID_WHEN_DONE
from cellbank.domain.lifecycle.meanings import STATES
from cellbank.domain.lines import LINES
from cellbank.domain.messages import SENTENCES
from cellbank.domain.saying import NAMES_OF_THE_CODE
from cellbank.records import away
from cellbank.services.catalogue import load
from cellbank.services.lookup.lists import LISTS
from cellbank.services.lookup.scanning import DECIDES
from cellbank.services.lookup.work import LINES as WORK
from cellbank.services.parsing import WORDS as FAULTS
from cellbank.services.wording.column_words import ANSWERS, WORDS, told
from cellbank.web.forms import Field, fields_of

ROOT = Path(__file__).parents[1]
TRANSLATIONS = ROOT / "cellbank" / "web" / "translations"
UKRAINIAN = TRANSLATIONS / "uk" / "LC_MESSAGES" / "messages.po"
RULES = ROOT / "cellbank" / "domain" / "rules"
FACT = re.compile(r"\{\w+\}")
TO_FILL_IN = re.compile(r"^\S(?=.*\{\w+\}).* .*[.?]$")
TO_RECOGNISE = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")  # a sentence that is filled where it stands
# The calls that say something, and the place of what they say.
SAYS = {"say": 0, "refuse": 1, "warn": 1, "garbled": 1, "asks": 1, "FileProblem": 0, "Unreadable": 0, "_which": 1,
        "_wrong": 0, "OrderUnknown": 0, "Skipped": 0, "time_refusals": 1}  # fmt: skip
TAIL = re.compile(r"^ [A-Z].*[.?]$")  # a sentence that is hung on another one
# The same in every language: units, formulas.
AS_THEY_ARE = {"PaO2", "FiO2", "°C", "%", "C", "F", "K"}
Word = tuple[str | None, str | tuple[str, ...]]  # its context, and itself; of a plural both forms


@cache
def shown() -> frozenset[Word]:
    """Every word that a page, a form on paper or a reason says out of the code."""
    faults = (f"{fault}." for fault in FAULTS.values())
    texts = (*_of_acts(), *_of_states(), *_of_lists(), *_of_sentences(), *LINES, *SENTENCES, *faults,
             *_of_blocks(), *away.SENTENCES, gate.BUSY)  # fmt: skip
    said: set[Word] = {(None, text) for text in texts if _is_word(text)}
    with (TRANSLATIONS / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]  # babel has no types here
    found = extract_from_dir(str(ROOT), methods, options)
    return frozenset(said | {(context, text) for _, _, text, _, context in found})


def still_english(catalogue: Catalog) -> list[str | tuple[str, ...]]:
    """What is shown and has no translation in this catalogue."""
    held = {(message.context, message.id) for message in catalogue if message.string and not message.fuzzy}
    return sorted((text for _, text in shown() - held), key=str)


def _is_word(text: str) -> bool:
    return any(sign.isalpha() for sign in FACT.sub("", text)) and text not in AS_THEY_ARE


def _spelled(name: str) -> str:
    """A name of the code as `web.words.word` spells it before it is translated."""
    text = name.replace("_", " ").strip()
    return text.capitalize() if text.isupper() or text.islower() else text


def _chosen(option: str) -> str:
    """A choice of a form as `web.words.choice` says it before it is translated."""
    return told("", option).label if option in WORDS else _spelled(option)


def _of_acts() -> Iterator[str]:
    yield from (later.what for later in SAID_WHEN_DONE.values())
    for act in load().values():
        yield act.title
        yield from _of_fields(fields_of(act.input))


def _of_fields(fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        yield from (field.title, field.help, *map(_chosen, field.options))
        yield from _of_fields(field.fields)


def _of_states() -> Iterator[str]:
    yield from Change
    for stands, means in DECIDES.values():
        yield from (_spelled(stands), means)
    for kind, states in STATES.items():
        yield _spelled(kind)
        for state, means in states.items():
            yield from (_spelled(state), means)


def _of_lists() -> Iterator[str]:
    for listing in LISTS.values():
        yield from (listing.title, *(column.title for column in listing.columns.values()))
    for line in (line for lines in WORK.values() for line in lines):
        yield from line.sentences()
    for column in (*WORDS.values(), *ANSWERS.values()):
        yield from (column.label, column.unit)


def _of_sentences() -> Iterator[str]:
    """What stands in `refuse(…)`, `warn(…)` and `say(…)`, what is called a sentence on its way there, and in the rules
    whatever has places to fill in."""
    for path in sorted((ROOT / "cellbank").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                place = SAYS.get(name, len(node.args))
                yield from _texts(node.args[place]) if place < len(node.args) else ()
            elif path.parent == RULES and isinstance(node, ast.Constant):
                yield from (
                    text.strip() for text in _texts(node) if TO_FILL_IN.search(text.strip()) or TAIL.search(text)
                )
            elif isinstance(node, ast.Assign) and any(_is_sentence(target) for target in node.targets):
                yield from _texts(node.value)


# Pages are made of blocks here: their headings, labels, heads and remarks are read in the reader's language.
OF_BLOCKS = ("services/signing/*.py", "services/clinic/steps.py", "services/lookup/paper_hints.py")
MAKERS = {"Heading", "Text", "Run", "Facts", "Table"}
STYLES = {"alarm", "muted", "strong", "code", "plain"}


def _of_blocks() -> Iterator[str]:
    """What stands in a block of a page, or in a table of such words."""
    for path in sorted(one for pattern in OF_BLOCKS for one in (ROOT / "cellbank").glob(pattern)):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MAKERS:
                yield from _phrases(node)
        for node in tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and "__all__" not in ast.unparse(node):
                yield from _phrases(node.value)


def _phrases(node: ast.AST) -> Iterator[str]:
    """The words for people in an expression: no statement, no name or style of the code, no piece of a longer text."""
    pieces = {id(part) for whole in ast.walk(node) if isinstance(whole, ast.JoinedStr) for part in ast.walk(whole)}
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in pieces:
            said = part.value
            is_name = said in STYLES | NAMES_OF_THE_CODE or "_" in said or (said.islower() and " " not in said)
            if not (is_name or "\n" in said or "SELECT" in said):
                yield said


def _is_sentence(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id in ("sentence", "told")


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from (*_texts(value.body), *_texts(value.orelse))
    elif isinstance(value, ast.JoinedStr) and TO_RECOGNISE.search(text := _as_template(value)):
        yield text


def _as_template(value: ast.JoinedStr) -> str:
    """A text that is filled where it stands, as the template by which it is recognised (`web/told.py`)."""
    letters = iter("abcdefghij")
    parts = []
    for part in value.values:
        quoted = "quoted_" if isinstance(part, ast.FormattedValue) and part.conversion == ord("r") else ""
        parts.append(str(part.value) if isinstance(part, ast.Constant) else f"{{{quoted}{next(letters)}}}")
    return "".join(parts)


def read(path: Path = UKRAINIAN) -> Catalog:
    """The catalogue as it stands."""
    with path.open("rb") as file:
        return read_po(file, locale="uk")


def write(catalogue: Catalog, path: Path = UKRAINIAN) -> None:
    """The catalogue and its compiled form, in the order of the words, so that a difference is small."""
    source, compiled = io.BytesIO(), io.BytesIO()
    write_po(source, catalogue, sort_output=True, width=0)
    write_mo(compiled, catalogue)
    path.write_bytes(source.getvalue())
    path.with_suffix(".mo").write_bytes(compiled.getvalue())


def main() -> None:
    """Bring the catalogue up to date, and say what waits for a translation."""
    catalogue = read()
    held = {(message.context, message.id) for message in catalogue}
    for context, text in sorted(shown() - held, key=str):
        flags = ["python-format"] if Message(text).python_format else []
        catalogue.add(text, context=context, flags=flags)
    write(catalogue)
    for text in still_english(catalogue):
        print(text)


if __name__ == "__main__":
    main()
