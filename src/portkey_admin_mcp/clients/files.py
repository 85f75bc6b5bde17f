"""Replace a client's configuration file: with a copy of the old one, and never half written."""

import os
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path

PRIVATE = 0o600


class FileChanged(Exception):
    """Another program changed the file meanwhile, so it was left as it is."""


def read_bytes(path: Path) -> bytes | None:
    """The content of a file; None if it does not exist. Raises OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def replace_file(path: Path, old: bytes | None, new: bytes, new_mode: int = PRIVATE) -> Path | None:
    """Replace the content `old` of a file by `new`, and return the path of the copy of `old`.

    The file keeps its mode and owner, and a link keeps leading to it; a file that did not exist
    gets `new_mode`. A reader sees the old content or the new. Raises OSError, and FileChanged if
    the content is no longer `old`.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    status = target.stat() if old is not None else None
    mode = new_mode if status is None else stat.S_IMODE(status.st_mode)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            _take_over(file.fileno(), mode, status)
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        if read_bytes(target) != old:
            raise FileChanged
        backup = None if old is None else _backup(target, old, mode, status)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return backup


def _backup(target: Path, old: bytes, mode: int, status: os.stat_result | None) -> Path:
    """Write a copy beside the file, under a name that is free."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in range(1000):
        path = target.with_name(f"{target.name}.{moment}{f'-{number}' if number else ''}.bak")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "wb") as file:
            _take_over(file.fileno(), mode, status)
            file.write(old)
        return path
    raise FileExistsError(f"too many copies of {target}")


def _take_over(descriptor: int, mode: int, status: os.stat_result | None) -> None:
    """Give a new file the mode, and if possible the owner, of the one that it replaces."""
    if os.name != "posix":
        return
    if status is not None and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        except PermissionError:
            mode &= ~0o077  # no one else was to read it
    os.fchmod(descriptor, mode)
