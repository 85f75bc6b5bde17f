"""Where this machine keeps approvals, the freeze and the journal."""

import logging
import os
import secrets
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from ..errors import ConfigurationError

NAME = "portkey-admin-mcp"
IN_MEMORY = ":memory:"
SECRET_BYTES = 32

log = logging.getLogger(__name__)


def state_file(directory: Path | None, *, sandbox: bool) -> Path | str:
    """The file of the store, its directory made if it is missing.

    `:memory:` if the usual directory cannot be made. Raises ConfigurationError if that of
    PORTKEY_STATE_DIR cannot be, or if there is a file already: a freeze may be in it. The sandbox
    has a file of its own.
    """
    file = (directory or default_state_dir()) / ("sandbox.db" if sandbox else "state.db")
    try:
        _make_private(file)
        os.close(os.open(file, os.O_RDWR))  # raises for a file that is read-only
    except OSError as error:
        if directory is not None or _exists(file):
            raise ConfigurationError(
                f"{file} cannot be written ({error.strerror}), which holds approvals and freezes: "
                "give this user access to it, or set PORTKEY_STATE_DIR to another directory"
            ) from None
        log.warning(
            "%s cannot be written (%s), so approvals end with this process, and no other command "
            "sees them: set PORTKEY_STATE_DIR",
            file.parent,
            error.strerror,
        )
        return IN_MEMORY
    return file


def _make_private(file: Path) -> None:
    """Make a file that only this user can read, and its directory, if they are missing.

    Raises OSError. An old file of this user may be read-only: `journal verify` reads such copies.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)


def _exists(file: Path) -> bool:
    """Whether there is such a file, or at least something that hides whether there is."""
    try:
        return file.exists()
    except PermissionError:
        return True


def is_on(journal: str) -> bool:
    """Whether PORTKEY_JOURNAL leaves the place of the change journal to this server."""
    return journal.lower() == "on"


def journal_file(journal: str, directory: Path | None, *, sandbox: bool) -> Path | str:
    """The file of the change journal as PORTKEY_JOURNAL says; `:memory:` for the sandbox's own.

    Raises ConfigurationError if the file cannot be written: no change may go unrecorded.
    """
    if sandbox and is_on(journal):
        return IN_MEMORY
    file = Path(journal).expanduser()
    if is_on(journal):
        file = (directory or default_state_dir()) / "journal.db"
    try:
        _make_private(file)
    except OSError as error:
        raise ConfigurationError(
            f"the change journal {file} cannot be written ({error.strerror}), so nothing was "
            "sent: set PORTKEY_JOURNAL to a file that can be written, or to off"
        ) from None
    return file


def stored_secret(directory: Path | None) -> bytes:
    """32 random bytes that all processes of this machine share, made at the first call.

    Raises ConfigurationError if they cannot be kept.
    """
    folder = directory or default_state_dir()
    file = folder / "secret.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            # Linked when complete, so that no process reads a part, and only the first one counts.
            with tempfile.NamedTemporaryFile(dir=folder) as new:
                new.write(secrets.token_bytes(SECRET_BYTES))
                new.flush()
                with suppress(FileExistsError):
                    os.link(new.name, file)
        secret = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written ({error.strerror}): set MCP_EVENT_ENCRYPTION_KEY, or "
            "PORTKEY_STATE_DIR to a directory that can."
        ) from None
    if len(secret) != SECRET_BYTES:
        raise ConfigurationError(f"{file} does not hold {SECRET_BYTES} bytes: delete it.")
    return secret


def default_state_dir() -> Path:
    """The usual place for a user's state on this system."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / NAME  # noqa: TID251  # the system's
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / NAME
    return Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state") / NAME  # noqa: TID251  # the system's
