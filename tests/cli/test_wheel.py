"""What is installed is the whole program: the demo that all tests read is played by the wheel, without the sources."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.wheel import bare


def test_the_demo_was_played_where_there_are_no_sources(story_database: Callable[[str], str], run_folder: Path) -> None:
    python = run_folder / "wheel" / "environment" / "bin" / "python"
    ask = "import cellbank, cellbank.shipped as s; print(cellbank.__file__, s.folder('migrations'))"
    found = subprocess.check_output([python, "-c", ask], cwd="/", env=bare(run_folder), text=True)
    package, migrations = map(Path, found.split())
    assert package.is_relative_to(run_folder / "wheel") and migrations == package.parent / "migrations"
    assert list((run_folder / "wheel" / "demo" / "printed").rglob("*.pdf"))  # with label templates and fonts
