"""The program as it is installed: its wheel, in an environment that has the libraries and not the sources."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
# As in the tests' own process (tests/conftest.py): whoever signs in to the demo in a test pays little for it.
CHEAP_PASSWORDS = """
from dataclasses import replace
from argon2 import profiles
profiles.RFC_9106_LOW_MEMORY = replace(profiles.RFC_9106_LOW_MEMORY, time_cost=1, memory_cost=8, parallelism=1)
"""


def play_the_demo(folder: Path) -> None:
    """Build and install the wheel in `folder`, and play the demo with it into `folder/demo`."""
    python = installed(folder)
    command = ("-m", "cellbank.cli", "demo", "--no-serve", "--data", str(folder / "demo"))
    done = subprocess.run([python, *command], cwd=folder, env=bare(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def installed(folder: Path) -> Path:
    """The interpreter of an environment with the wheel, and with what the tests' own has besides cellbank itself."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("cellbank-*.whl")
    venv.create(folder / "environment", with_pip=False)
    (packages,) = (folder / "environment" / "lib").glob("python*/site-packages")
    with ZipFile(wheel) as content:
        content.extractall(packages)
    # A folder named in a .pth gives its packages, and not what its own .pth files name: the sources stay out.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    (packages / "sitecustomize.py").write_text(CHEAP_PASSWORDS)
    return folder / "environment" / "bin" / "python"


def bare(home: Path) -> dict[str, str]:
    """The environment of somebody who has set nothing."""
    return {"PATH": "/usr/bin:/bin", "HOME": str(home)}
