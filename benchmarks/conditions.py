"""The conditions that a benchmark runs under, and how it ends."""

import datetime
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from compared_servers import versions

SHOWN_BYTES = 4_000


def conditions() -> str:
    """Versions, date, machine and load, as a Markdown list; called before the run."""
    names = ", ".join(f"{name} {version}" for name, version in versions().items())
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return f"""\
- Versions: {names}
- Date: {datetime.datetime.now(datetime.UTC):%Y-%m-%d}
- Machine: {len(os.sched_getaffinity(0))} cores, {model[1] if model else "unknown processor"}
- Client, server and Portkey's stand-in share those cores; load average before the run:
  {os.getloadavg()[0]:.1f}"""


def end_on_signal() -> None:
    """End this process on a signal as on an error, so that the processes it started end too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("ended by a signal"))


@contextmanager
def failing_with(log: IO[bytes]) -> Iterator[None]:
    """On an error, print the end of the servers' log and exit."""
    try:
        yield
    except (OSError, ValueError) as error:
        log.seek(0)
        sys.exit(f"{error!r}; the log of the servers: {log.read()[-SHOWN_BYTES:].decode()}")
