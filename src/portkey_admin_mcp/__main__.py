"""The entry points. Serving on stdio starts without importing the command line, to save time."""

import os
import signal
import sys

# Pydantic would look for plugins in the metadata of all installed packages, which takes 8 ms of the
# first call. This program needs none; a user who does sets this variable.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # noqa: TID251  # no setting of ours

STDIO: tuple[list[str], ...] = ([], ["--sandbox"])
"""The command lines with which clients start this on stdio."""


SERVING = ("http", "emulator")
"""The commands that serve until they are stopped: to be stopped is their success."""


def end_on_signals() -> None:
    """Exit with code 0 on SIGTERM and SIGINT, before and after what serves has its own handlers.

    In a container the first process ignores signals that have no handler, and the imports take
    seconds on a slow machine. After its shutdown uvicorn raises the signal again, which ends here.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


def main() -> None:
    """`portkey-admin-mcp`."""
    first = "".join(sys.argv[1:2])
    if not first or first.startswith("-") or first in SERVING:
        end_on_signals()
    if sys.argv[1:] in STDIO:
        from .cli.stdio import serve_stdio

        serve_stdio(sandbox=len(sys.argv) > 1)
    from .cli.command_line import main as command_line

    command_line(prog_name="portkey-admin-mcp")


def http_main() -> None:
    """`portkey-admin-mcp-http`: the same as `portkey-admin-mcp http`."""
    end_on_signals()
    from .cli.command_line import main as command_line

    command_line(["http", *sys.argv[1:]], prog_name="portkey-admin-mcp")


if __name__ == "__main__":
    main()
