"""Ask the person at the terminal before a change of high risk."""

import signal
import sys
import time

import click

from ..safety.asking import Question, Reply
from ..safety.door import REPLY_S
from .agents import agent_variable


def can_ask() -> bool:
    """Whether a person can be asked: both ends are a terminal, which no agent has opened."""
    return sys.stdin.isatty() and sys.stderr.isatty() and agent_variable() is None


class TerminalQuestion:
    """Shows the question on standard error, and reads one line. Ctrl-C cancels the change."""

    async def __call__(self, question: Question) -> Reply:
        """Ask, and wait for the line; nothing else runs in this process meanwhile."""
        click.echo(f"\n{question.message}", err=True)
        started = time.monotonic()
        # Until the line is read, Ctrl-C must interrupt the reading and not only the event loop.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            click.echo("> ", nl=False, err=True)
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            click.echo(err=True)
            return Reply("cancel")
        finally:
            signal.signal(signal.SIGINT, before)
        seconds = time.monotonic() - started
        if not line:
            return Reply("cancel")
        if seconds > REPLY_S:
            return Reply("timeout")
        return Reply("accept", line.strip(), seconds, question.binding)
