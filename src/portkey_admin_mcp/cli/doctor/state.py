"""What this machine keeps: approvals, the freeze, and the change journal."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...clients.launcher import typed_command
from ...errors import JournalUnavailable, PortkeyAdminError, StateUnavailable
from ...settings.safety import SafetySettings
from .findings import Area, Finding

if TYPE_CHECKING:
    from ...settings.hosting import Hosting

AREA = Area("state")
MAX_VERIFIED = 200_000
"""Lines of a journal that are verified here; `journal verify` reads all."""
OTHERS_MAY_READ = 0o077


async def check_state(
    safety: SafetySettings, hosting: "Hosting | None", options: str, *, sandbox: bool
) -> AsyncIterator[Finding]:
    """Whether the record of approvals and the journal can be read, and what they say.

    `options` are those of the commands that cures name.
    """
    from ...door_assembly import journal_factory, store_factory
    from ...safety.state_dir import default_state_dir

    folder = safety.state_dir or default_state_dir()
    yield _folder(folder)
    if not folder.exists():
        yield AREA.skipped("freeze", "nothing is kept yet: the first change makes the files")
        return
    try:
        store = store_factory(safety, hosting, sandbox=sandbox)()
        freeze = await store.freeze()
        waiting = len(await store.list_open())
        await store.close()
    except (StateUnavailable, PortkeyAdminError) as error:
        yield AREA.failed("freeze", str(error), "Until it can be read, nothing is changed.")
    else:
        if freeze is not None:
            detail = f"all changes are frozen by {freeze.by}: {freeze.why}"
            cure = f"A person ends it: `{typed_command()} thaw{options}`."
            yield AREA.warning("freeze", detail, cure)
        else:
            yield AREA.ok("freeze", f"none; {waiting} changes wait for a person")
    factory = journal_factory(safety, hosting, sandbox=sandbox)
    if factory is None:
        cure = "Unset PORTKEY_JOURNAL, unless something else records the changes."
        yield AREA.warning("journal", "PORTKEY_JOURNAL is off: no change is on record", cure)
        return
    yield await _journal(factory)


def _folder(folder: Path) -> Finding:
    if not folder.exists():
        return AREA.skipped("directory", f"{folder} does not exist yet")
    mode = folder.stat().st_mode & 0o777
    if mode & OTHERS_MAY_READ:
        return AREA.warning(
            "directory",
            f"other users of this machine may open {folder} (mode {mode:o})",
            f"chmod 700 {folder}",
        )
    return AREA.ok("directory", f"{folder}, for this user only")


async def _journal(factory: "JournalFactory") -> Finding:
    """Whether the chain of the journal holds."""
    from ...safety.journal.chain import Chain

    chain, count = Chain(), 0
    try:
        journal = factory()
        async for line in journal.lines():
            chain.add(line)
            count += 1
            if count >= MAX_VERIFIED:
                break
        await journal.close()
    except (JournalUnavailable, PortkeyAdminError) as error:
        return AREA.failed("journal", str(error), "Until it can be written, nothing is changed.")
    if chain.problem:
        verify = f"{typed_command()} journal verify"
        cure = f"Compare it with your last export; `{verify}` says more."
        return AREA.failed("journal", f"its chain is broken: {chain.problem}", cure)
    more = ", the first ones" if count >= MAX_VERIFIED else ""
    return AREA.ok("journal", f"the chain of {count} lines{more} holds")


if TYPE_CHECKING:
    from collections.abc import Callable

    from ...safety.journal.journal import Journal

    JournalFactory = Callable[[], Journal]
