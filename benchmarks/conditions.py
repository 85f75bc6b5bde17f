"""Under what conditions a benchmark runs, and how it ends."""

import datetime
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from servers import versions

SHOWN_BYTES = 4_000


def conditions() -> str:
    """Versions, date and machine, as a Markdown list; to be asked before the run."""
    told = ", ".join(f"{name} {version}" for name, version in versions().items())
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return f"""\
- Versions: {told}
- Date: {datetime.datetime.now(datetime.UTC):%Y-%m-%d}
- Machine: {len(os.sched_getaffinity(0))} cores, {model[1] if model else "unknown processor"}
- Client, server and Portkey's stand-in share those cores; load average before the run:
  {os.getloadavg()[0]:.1f}"""


def end_on_signal() -> None:
    """Let a signal end this process as an error would, so that all it started is ended too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("ended by a signal"))


@contextmanager
def failing_with(log: IO[bytes]) -> Iterator[None]:
    """On an error, say what the servers said, and end."""
    try:
        yield
    except (OSError, ValueError) as error:
        log.seek(0)
        sys.exit(f"{error!r}; the servers said: {log.read()[-SHOWN_BYTES:].decode()}")
