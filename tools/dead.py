#!/usr/bin/env python3
"""Name the code that nothing uses. Used is what code, templates, scripts, SQL and definition files name.

    python tools/dead.py

Exit status 0: none; 1: some. Code that only tests use is dead as well.
"""

import ast
import re
import sys
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).resolve().parents[1]
NAMED_IN = (".html", ".js", ".sql", ".toml", ".xml", ".svg", ".txt")
# What calls these finds them by their decorator, and not by their name.
REGISTERED = [
    "@act", "@act_*", "@*.route", "@*.get", "@*.post", "@*.before_request", "@*.after_request", "@*.errorhandler",
    "@*.app_errorhandler", "@*.app_context_processor", "@*.teardown_request", "@event.listens_for", "@field_validator",
    "@model_validator", "@field_serializer", "@described",
]  # fmt: skip
# What a library asks for by name, of a class that extends one of its own.
ASKED_FOR = ["model_config", "metadata", "type_annotation_map", "wrap", "draw", "showPage", "get_id", "format_field",
             "pytest_*", "impl", "cache_ok", "process_result_value", "dialect"]  # fmt: skip
# What is set on an object of a library, which reads it.
SET_FOR_A_LIBRARY = {
    "status_code", "content_type", "request_class", "static_url_path", "ensure_ascii", "max_content_length",
    "_login_user", "_timeStamp", "Metadata", "YMDhms", "splitInRow", "useA85", "_value_",
    "invalidate_pool_on_disconnect", "is_disconnect",
}  # fmt: skip
KEPT = {
    "MODULES": "imports the tables", "PAGES": "imports the routes",
    "LATE_TOO": "read by whoever asks why a reason refuses late as well; a test holds it complete",
    "OWN_TIME": "likewise, of acts with a time of their own",
    "expected_cells": "stands in the calculation that is kept as JSON",
    "release_refusals": "the rule as tests of single criteria ask it",
    "retest_lifting_codes": "the words of a definition as tests ask for them",
    "read_chain": "one chain as tests ask for it; pages and papers have a connection at hand",
    "actor_by_token": "a key as tests ask for its person",
    "is_list": "tests fill every act by it",
    "WRISTBAND": "named beside its neighbours",
}  # fmt: skip
TABLES = "cellbank/records/"  # a class without a use is a table that only SQL reads
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


def texts(path: Path) -> str:
    """The texts within a file of Python: SQL and names of columns are in them."""
    constants = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    return " ".join(one for one in constants if isinstance(one, str))


def named() -> set[str]:
    """Every word outside the code of Python."""
    folders = (ROOT / "cellbank", ROOT / "migrations", ROOT / "label_templates")
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in NAMED_IN]
    words = {word for path in files for word in _WORD.findall(path.read_text())}
    return words | {word for path in (ROOT / "cellbank").rglob("*.py") for word in _WORD.findall(texts(path))}


def main() -> int:
    """Print what is dead."""
    reader = Vulture(ignore_names=ASKED_FOR, ignore_decorators=REGISTERED)
    reader.scavenge([str(ROOT / part) for part in ("cellbank", "tools", "wsgi.py")])
    used = named() | SET_FOR_A_LIBRARY | set(KEPT)
    dead = []
    for one in reader.get_unused_code(min_confidence=60):
        place = Path(one.filename).relative_to(ROOT).as_posix()
        if one.name not in used and not (one.typ == "class" and place.startswith(TABLES)):
            dead.append(f"{place}:{one.first_lineno}: nothing uses this {one.typ}: {one.name}")
    print(*dead, sep="\n", end="\n" if dead else "")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
