"""Where the folders are that come with the program and lie beside the package: migrations, label templates."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_IS_A_CHECKOUT = (_PACKAGE.parent / "pyproject.toml").exists()


def folder(name: str) -> Path:
    """The folder of this name: beside the package in a checkout, in the package of an installed wheel."""
    return (_PACKAGE.parent if _IS_A_CHECKOUT else _PACKAGE) / name
