"""A disk of so many megabytes, which can be filled to the last byte."""

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PIECES = (1 << 20, 4096, 1)


class Disk:
    """A file system of its own in `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Write until nothing more goes in."""
        with self._filler.open("wb", buffering=0) as out:
            for size in PIECES:
                try:
                    while True:
                        out.write(b"x" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Disk | None]:
    """A disk for the block, or None where this machine mounts none for us."""
    folder = Path(tempfile.mkdtemp(prefix="cellbank-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700,uid={os.geteuid()}", "cellbank", folder]
    mounted = shutil.which("mount") and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield Disk(folder) if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()
