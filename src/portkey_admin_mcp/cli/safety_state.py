"""Where the commands of approvals and freezes work: on this machine, or at a hosted service."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

import click

from .agents import agent_variable
from .failures import exit_on_error
from .options import env_file_option

# The rest is imported where it is used: the command line imports this file for every command.
if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..safety.store import Approval, Decision, SafetyStore

T = TypeVar("T")

DEFAULT_TOKEN_VARIABLE = "MCP_AUTH_TOKEN"  # noqa: S105  # the name of a variable, not a token
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


class Place(NamedTuple):
    """What the options of a command name: a service, or the state of this machine."""

    url: str | None
    token_variable: str
    sandbox: bool
    env_file: Path | None

    @property
    def options(self) -> str:
        """The options of another command about the same place."""
        if self.url:
            is_default = self.token_variable == DEFAULT_TOKEN_VARIABLE
            return f" --url {self.url}" + (
                "" if is_default else f" --token-env {self.token_variable}"
            )
        env_file = f" --env-file {self.env_file}" if self.env_file else ""
        return (" --sandbox" if self.sandbox else "") + env_file


class State(Protocol):
    """The approvals and the freeze of a place, as JSON; errors are ClickException."""

    name: str

    async def list_open(self) -> list[dict[str, Any]]:
        """The requests that wait for a person."""
        ...

    async def find(self, id: str) -> dict[str, Any]:
        """One request that waits for a person."""
        ...

    async def settle(self, id: str, decision: str, name: str, why: str) -> dict[str, Any]:
        """Approve (`approve`, with the object's name) or deny (`deny`) a request."""
        ...

    async def freeze(self) -> dict[str, Any] | None:
        """The freeze in force."""
        ...

    async def set_freeze(self, why: str | None) -> dict[str, Any] | None:
        """Freeze for a reason, or thaw with None; the freeze that is then in force."""
        ...


class LocalState:
    """The state of this machine, which a person changes as the operating system's user."""

    def __init__(self, store: "SafetyStore", name: str) -> None:
        self.name = name
        self._store = store

    async def list_open(self) -> list[dict[str, Any]]:
        """See `State`."""
        from ..safety.approvals import shown_approval

        return [shown_approval(approval) for approval in await self._store.list_open()]

    async def find(self, id: str) -> dict[str, Any]:
        """See `State`."""
        from ..safety.approvals import shown_approval

        return shown_approval(await self._pending(id))

    async def settle(self, id: str, decision: str, name: str, why: str) -> dict[str, Any]:
        """See `State`."""
        from ..safety.approvals import one_line_of, require_local_may_settle, shown_approval

        decided: Decision = "approved" if decision == "approve" else "denied"
        require_local_may_settle(await self._pending(id), decided)
        settled = await self._store.settle(id, decided, _person(), one_line_of(why))
        return shown_approval(settled or await self._pending(id))

    async def freeze(self) -> dict[str, Any] | None:
        """See `State`."""
        from ..safety.approvals import shown_freeze

        return shown_freeze(await self._store.freeze())

    async def set_freeze(self, why: str | None) -> dict[str, Any] | None:
        """See `State`."""
        from ..safety.approvals import one_line_of, shown_freeze
        from ..safety.store import Freeze

        freeze = None if why is None else Freeze(_person(), one_line_of(why), time.time())
        return shown_freeze(await self._store.set_freeze(freeze))

    async def _pending(self, id: str) -> "Approval":
        from ..safety.approvals import not_open_text

        approval = await self._store.find(id)
        if approval is None or approval.state != "pending":
            raise click.ClickException(
                f"{not_open_text(id, approval)} This looked in {self.name}; if your server has "
                "other settings, such as PORTKEY_STATE_DIR, set them here too."
            )
        return approval


def place_options(command: Callable[..., T]) -> Callable[..., T]:
    """Options that say where a command works; it receives them as one argument, `place`."""

    @click.option("--url", help="URL of a hosted service, instead of this machine's state.")
    @click.option(
        "--token-env",
        default=DEFAULT_TOKEN_VARIABLE,
        show_default=True,
        metavar="NAME",
        help="With --url: the variable that holds your own token. Tokens are never taken from the "
        "command line, which other users of this machine can read.",
    )
    @click.option("--sandbox", is_flag=True, help="The state of servers in the sandbox.")
    @env_file_option
    @wraps(command)
    def with_place(
        *args: Any,
        url: str | None,
        token_env: str,
        sandbox: bool,
        env_file: Path | None,
        **named: Any,
    ) -> T:
        if url and (sandbox or env_file):
            raise click.UsageError(
                "--url names a service, which knows its own settings: leave out "
                "--sandbox and --env-file"
            )
        base = _checked_url(url) if url else None
        return command(*args, place=Place(base, token_env, sandbox, env_file), **named)

    return with_place


def run(place: Place, work: Callable[[State], Awaitable[T]]) -> T:
    """Run this on the state of a place; errors end the command with exit code 1 and a sentence."""

    async def on_state() -> T:
        async with _opened(place) as state:
            return await work(state)

    with exit_on_error():
        return asyncio.run(on_state())


def require_person(place: Place, *, yes: bool) -> None:
    """Raise ClickException if this command was plainly not started by a person.

    It stops accidents only: a program can open a terminal, and change its variables.
    """
    agent = agent_variable()
    if agent is not None:
        raise click.ClickException(
            f"{agent} is set, so an AI assistant opened this shell, and a person must decide this. "
            "Run it in a terminal of your own."
        )
    if not sys.stdin.isatty() and not (yes and place.url):
        raise click.ClickException(
            "a person must decide this, at a terminal. Only with --url, where your token says who "
            "you are, does --yes do without one."
        )


def _opened(place: Place) -> "AbstractAsyncContextManager[State]":
    if place.url is None:
        return _local(place)
    from .service_state import at_service

    return at_service(place.url, place.token_variable)


@asynccontextmanager
async def _local(place: Place) -> "AsyncIterator[State]":
    from ..door_assembly import store_factory
    from ..safety.state_dir import IN_MEMORY
    from ..settings.hosting import load_hosting
    from ..settings.safety import load_safety
    from ..settings.settings import load_settings

    overrides = {"PORTKEY_SANDBOX": True} if place.sandbox else {}
    sandbox = load_settings(place.env_file, **overrides).sandbox
    hosting = load_hosting(place.env_file)
    store = store_factory(load_safety(place.env_file), hosting, sandbox=sandbox)()
    if hosting.uses_redis and hosting.redis_url is not None:
        name = f"the Redis at {urlsplit(hosting.redis_url.get_secret_value()).hostname}"
    else:
        name = str(getattr(store, "path", IN_MEMORY))
    if name == IN_MEMORY:
        raise click.ClickException(
            "this user's state directory cannot be written, so no server shares it: set "
            "PORTKEY_STATE_DIR, for the server too."
        )
    try:
        yield LocalState(store, name)
    finally:
        await store.close()


def _checked_url(url: str) -> str:
    """The URL of a service without `/mcp`; raises BadParameter."""
    parts = urlsplit("")
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.scheme not in ("http", "https") or parts.username or parts.query:
        raise click.BadParameter("must be like https://mcp.example.com", param_hint="--url")
    if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
        raise click.BadParameter(
            "must be https, because others could read your token", param_hint="--url"
        )
    return url.rstrip("/").removesuffix("/mcp").rstrip("/")


def _person() -> str:
    """Who uses this machine, by the operating system: variables could say anything."""
    if sys.platform == "win32":
        import getpass

        return f"local:{getpass.getuser()}"
    import pwd

    try:
        return f"local:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:  # a container's user often has no name
        return f"local:uid {os.getuid()}"
