"""Skills as folders of files, for clients that read them from a disk.

A file beside the folders records what was written, so that only our own, unchanged files are ever
replaced or removed.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from ....errors import ConfigurationError
from .built_in import built_in_skills
from .skill import Skill, digest

RECORD = ".portkey-admin-mcp-skills.json"
"""The file that records the digests of what was written, by path in the folder."""
State = Literal["new", "updated", "unchanged", "kept", "removed", "used"]
DEFAULT_USER = "skills install"
"""The user of a folder, if no other is named."""


@dataclass(frozen=True)
class Record:
    """What was written into a folder."""

    files: dict[str, str] = field(default_factory=dict)
    """The digest of each file, by its path in the folder."""
    users: set[str] = field(default_factory=set)
    """For whom it was written: several clients may read one folder."""

    @property
    def text(self) -> str:
        """The file that keeps it."""
        about = (
            "Skills that portkey-admin-mcp wrote; `portkey-admin-mcp skills remove` removes them."
        )
        content = {
            "about": about,
            "users": sorted(self.users),
            "files": dict(sorted(self.files.items())),
        }
        return json.dumps(content, indent=2) + "\n"


class WrittenSkill(NamedTuple):
    """What happened to a skill's folder, or would happen."""

    name: str
    state: State
    """`kept`: something in its folder is not ours, or was changed since; nothing was written.
    `used`: not removed, because another user of the folder needs it."""


def write_skills(
    folder: Path,
    *,
    user: str = DEFAULT_USER,
    dry_run: bool = False,
    skills: Iterable[Skill] | None = None,
) -> list[WrittenSkill]:
    """Write skills, if not given the server's own, as folders with a `SKILL.md` in `folder`.

    Written again, nothing changes. A skill's folder in which another file is in the way, or one of
    ours was changed, is left as it is. With `dry_run` nothing is written. Raises
    ConfigurationError if the folder cannot be written.
    """
    record = _read_record(folder)
    files = record.files
    results: list[WrittenSkill] = []
    with _explained(folder):
        for skill in built_in_skills().values() if skills is None else skills:
            paths = {f"{skill.name}/{file}": text for file, text in skill.files.items()}
            is_taken = any(skill.name == other.name for other in results)
            state = "kept" if is_taken else _state(folder, paths, files)
            results.append(WrittenSkill(skill.name, state))
            if state == "kept" or dry_run:
                continue
            for path, text in paths.items():
                _write(folder / path, text)
            old = {path for path in files if path.startswith(f"{skill.name}/")} - paths.keys()
            _remove_ours(folder, old, files)
            files |= {path: digest(text) for path, text in paths.items()}
        if not dry_run and files:
            record.users.add(user)
            _write(folder / RECORD, record.text)
    return results


def remove_skills(
    folder: Path, *, user: str | None = None, dry_run: bool = False
) -> list[WrittenSkill]:
    """Remove what was written into `folder`, except skills of which a file was changed since.

    A skill with a changed file stays as a whole, because its files name each other. With `user`,
    only what was written for this user and no other. Raises ConfigurationError if the folder
    cannot be written.
    """
    record = _read_record(folder)
    files = record.files
    if user is not None and user not in record.users:
        return []
    names = dict.fromkeys(path.partition("/")[0] for path in files)
    if user is not None and record.users != {user}:
        record.users.remove(user)
        if not dry_run:
            with _explained(folder):
                _write(folder / RECORD, record.text)
        return [WrittenSkill(name, "used") for name in names]
    changed = {
        path.partition("/")[0]
        for path in files
        if not _is_ours(folder, path, files) and os.path.lexists(folder / path)
    }
    removed = {path for path in files if path.partition("/")[0] not in changed}
    if not dry_run and files:
        with _explained(folder):
            _remove_ours(folder, removed, dict(files))
            if changed:
                kept = {path: text for path, text in files.items() if path not in removed}
                _write(folder / RECORD, Record(kept).text)
            else:
                (folder / RECORD).unlink(missing_ok=True)
    return [WrittenSkill(name, "kept" if name in changed else "removed") for name in names]


def _remove_ours(folder: Path, paths: set[str], record: dict[str, str]) -> None:
    """Remove those of these files that are as they were written, and directories left empty."""
    for path in paths:
        if _is_ours(folder, path, record):
            (folder / path).unlink()
            _remove_empty((folder / path).parent, folder)
    for path in paths:
        if not os.path.lexists(folder / path):
            record.pop(path, None)


def _state(folder: Path, paths: Mapping[str, str], record: Mapping[str, str]) -> State:
    """What must happen to a skill's folder."""
    root = folder / next(iter(paths)).partition("/")[0]
    if not root.exists() and not root.is_symlink():
        return "new"
    if any(not _is_free(folder, path, text, record) for path, text in paths.items()):
        return "kept"
    is_same = all(_digest_at(folder / path) == digest(text) for path, text in paths.items())
    return "unchanged" if is_same else "updated"


def _is_free(folder: Path, path: str, text: str, record: Mapping[str, str]) -> bool:
    """Whether a file may be written: there is none, or it is ours, or it has this text already."""
    if _has_link(folder, path):
        return False
    file = folder / path
    return not file.exists() or _digest_at(file) == digest(text) or _is_ours(folder, path, record)


def _is_ours(folder: Path, path: str, record: Mapping[str, str]) -> bool:
    """Whether a file is as it was written."""
    return not _has_link(folder, path) and _digest_at(folder / path) == record.get(path, "")


def _has_link(folder: Path, path: str) -> bool:
    """Whether the file, or a directory between it and the folder, is a symbolic link."""
    parts = Path(path).parts
    return any((folder / Path(*parts[:count])).is_symlink() for count in range(1, len(parts) + 1))


def _digest_at(file: Path) -> str | None:
    """The digest of a file; None if there is none that can be read as text."""
    try:
        return digest(file.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _read_record(folder: Path) -> Record:
    """What was written; empty if nothing was, or if the record was damaged."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Record()
    files, users = (
        (content.get("files"), content.get("users")) if isinstance(content, dict) else (None, None)
    )
    if not isinstance(files, dict):
        return Record()
    return Record(
        {path: text for path, text in files.items() if isinstance(text, str) and _is_inside(path)},
        {name for name in users if isinstance(name, str)} if isinstance(users, list) else set(),
    )


def _is_inside(path: str) -> bool:
    """Whether a recorded path stays in the folder of a skill."""
    parts = Path(path).parts
    return len(parts) > 1 and not Path(path).is_absolute() and ".." not in parts


def _write(file: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old text or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if _digest_at(file) == digest(text):
        return
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_empty(directory: Path, folder: Path) -> None:
    """Remove a directory and those above it, up to the folder, while they are empty."""
    while directory != folder:
        try:
            directory.rmdir()
        except OSError:
            return
        directory = directory.parent


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Say that the folder cannot be written, and why."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{folder}: skills cannot be written: {error.strerror}") from error
