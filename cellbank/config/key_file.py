"""The key of the installation: made once, kept in a file that its owner alone reads."""

import os
import secrets
import stat
import tempfile
from pathlib import Path

from cellbank.config.settings import SECRET_KEY_MIN_LENGTH

SECRET_KEY_FILE = "secret_key"


class ConfigProblem(Exception):
    """The settings do not allow a start. `problems` has one sentence for each wrong value."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def kept_key(path: Path) -> str:
    """The key in the file, made first if there is none. All processes that start at once get the same one."""
    if not path.exists():
        _write_secret_key(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigProblem([f"{path} must be readable by its owner alone; run: chmod 600 '{path}'."])
    key = path.read_text().strip()
    if len(key) < SECRET_KEY_MIN_LENGTH:
        problem = f"{path} must hold at least {SECRET_KEY_MIN_LENGTH} characters; delete it to get a new key."
        raise ConfigProblem([problem])
    return key


def _write_secret_key(path: Path) -> None:
    """Write a new key beside the file and link it into place, so that nobody ever reads half a key."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(48))
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key is the one to use
    finally:
        os.unlink(draft)
