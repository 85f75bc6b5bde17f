"""The entry points. Serving on stdio starts without importing the command line, to save time."""

import os
import signal
import sys

# Pydantic would look for plugins in the metadata of all installed packages, which takes 8 ms of the
# first call. This program needs none; a user who does sets this variable.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # noqa: TID251  # no setting of ours

STDIO: tuple[list[str], ...] = ([], ["--sandbox"])
"""The command lines with which clients start this on stdio."""


NOT_SERVING = (
    *("demo", "check-http", "tools", "describe", "call", "completion"),
    *("install", "uninstall", "doctor"),
)
"""The commands that end by themselves: one that is stopped did not succeed."""


def end_on_sigterm() -> None:
    """Exit with code 0 on SIGTERM, until what serves installs a handler of its own.

    In a container the first process ignores signals that have no handler, and the imports take
    seconds on a slow machine.
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def main() -> None:
    """`portkey-admin-mcp`."""
    if not sys.argv[1:] or sys.argv[1] not in NOT_SERVING:
        end_on_sigterm()
    if sys.argv[1:] in STDIO:
        from .cli.stdio import serve_stdio

        serve_stdio(sandbox=len(sys.argv) > 1)
    from .cli.command_line import main as command_line

    command_line(prog_name="portkey-admin-mcp")


def http_main() -> None:
    """`portkey-admin-mcp-http`: the same as `portkey-admin-mcp http`."""
    end_on_sigterm()
    from .cli.command_line import main as command_line

    command_line(["http", *sys.argv[1:]], prog_name="portkey-admin-mcp")


if __name__ == "__main__":
    main()
