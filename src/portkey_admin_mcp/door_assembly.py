"""Build the door from settings: policy, store, journal, sinks of secrets, and what they need."""

import hashlib
import hmac
import logging
import os
import signal
import threading
from collections.abc import Callable
from functools import cache
from types import FrameType
from typing import TYPE_CHECKING

from .errors import ConfigurationError
from .settings.safety import SafetySettings
from .settings.settings import Settings

if TYPE_CHECKING:
    from .safety.approvals import Where
    from .safety.door import Door
    from .safety.journal.journal import Journal
    from .safety.policy_guard import PolicyGuard
    from .safety.secret_sink import SecretSink
    from .safety.secret_sink_page import SecretPages
    from .safety.store import SafetyStore
    from .server.offer.offer import Offer
    from .settings.hosting import Hosting

log = logging.getLogger(__name__)


def policy_guard(safety: SafetySettings) -> "PolicyGuard | None":
    """What decides about calls by the policy file and the bound on workspaces; None without both.

    The file is read again at SIGHUP. Raises ConfigurationError if it is wrong.
    """
    if safety.policy_file is None and not safety.workspaces:
        return None
    from .safety.policy_file import PolicySource
    from .safety.policy_guard import PolicyGuard
    from .server.loading import load_offer

    source = None
    if safety.policy_file is not None:
        source = PolicySource(safety.policy_file, lambda: [*load_offer().tools])
        rules = source.policy.rules
        if safety.confirm == "never" and any(rule.action == "confirm" for rule in rules):
            log.warning(
                "PORTKEY_CONFIRM=never: the rules with `action: confirm` in %s do nothing",
                safety.policy_file,
            )
        at_hangup(source.reload)
    return PolicyGuard(source, safety.workspaces)


def permitted_offer(offer: "Offer", guard: "PolicyGuard | None") -> "Offer":
    """The offer without the tools that the policy denies to everybody.

    Raises ConfigurationError if it leaves none.
    """
    if guard is None:
        return offer
    names = {
        name
        for name, tool in offer.tools.items()
        if guard.offers(tool, is_organisation=tool.is_organisation)
    }
    if not names:
        raise ConfigurationError(
            "PORTKEY_POLICY_FILE and PORTKEY_WORKSPACES leave no tool to offer. Allow one in the "
            "policy, or offer other toolsets."
        )
    return offer.limited_to(names)


def secret_sink(
    safety: SafetySettings, pages: "SecretPages | None" = None, base_url: str = ""
) -> "SecretSink":
    """Where PORTKEY_SECRET_SINK sends secrets; `pages` are those of the HTTP service.

    Raises ConfigurationError for `page` without pages: what should not be in a result must not
    get there because a setting cannot be followed.
    """
    from .safety.secret_sink import MaskSink, ResultSink

    sink = safety.secret_sink
    if sink == "auto":
        sink = "result" if pages is None else "page"
    if sink == "page":
        if pages is None:
            raise ConfigurationError(
                "PORTKEY_SECRET_SINK=page needs the HTTP service with authentication "
                "(MCP_AUTH_MODE); set it to result, file or mask"
            )
        from .safety.secret_sink_page import PageSink
        from .server.http.pages.paths import ONE_TIME

        return PageSink(pages, f"{base_url}{ONE_TIME}")
    if sink == "file":
        from .safety.secret_sink_file import FileSink
        from .safety.state_dir import default_state_dir

        state_dir = safety.state_dir or default_state_dir()
        return FileSink(safety.secret_dir or state_dir / "secrets")
    return MaskSink() if sink == "mask" else ResultSink()


def secret_pages(
    settings: Settings, safety: SafetySettings, hosting: "Hosting"
) -> "SecretPages | None":
    """Where the HTTP service keeps the secrets of PORTKEY_SECRET_SINK=page; None without it.

    With `auto` there are pages only if every caller is known and any instance can serve
    the page: with sessions there is one instance, and Redis is shared by all.
    """
    is_reachable = hosting.session_mode == "stateful" or hosting.uses_redis
    sink = safety.secret_sink
    wants_page = sink == "page" or (sink == "auto" and is_reachable)
    if hosting.auth_mode == "none" or not wants_page:
        return None
    key = derived_key(settings, "secret pages")
    if hosting.uses_redis and key:
        from .safety.secret_sink_redis import RedisSecretPages
        from .server.http.events.redis_connection import redis_client

        return RedisSecretPages(redis_client(hosting), hosting.redis_prefix, key)
    from .safety.secret_sink_page import MemorySecretPages

    return MemorySecretPages()


def door_factory(
    settings: Settings,
    safety: SafetySettings,
    hosting: "Hosting | None" = None,
    store: "Callable[[], SafetyStore] | None" = None,
) -> "Callable[[], Door]":
    """A function that creates the door at the first call that needs it, and returns it at each."""

    @cache
    def door() -> "Door":
        from .safety.door import Door

        return Door(
            safety,
            store or store_factory(safety, hosting, sandbox=settings.sandbox),
            journal_factory(safety, hosting, sandbox=settings.sandbox),
            where=where_to_approve(settings, hosting),
        )

    return door


def where_to_approve(settings: Settings, hosting: "Hosting | None") -> "Where":
    """Where a person settles the approvals of a server; the HTTP service has hosting settings."""
    from .clients.launcher import typed_command
    from .safety.approvals import Where

    if hosting is None or hosting.auth_mode == "none":
        return Where(" --sandbox" if settings.sandbox else "", command=typed_command())
    return Where(f" --url {hosting.base_url}", f"{hosting.base_url}/approvals")


def journal_factory(
    safety: SafetySettings, hosting: "Hosting | None" = None, *, sandbox: bool = False
) -> "Callable[[], Journal] | None":
    """A function that opens the change journal at the first change; None if it is off.

    The HTTP service keeps it in its Redis, if it has one and PORTKEY_JOURNAL names no file. The
    function raises ConfigurationError if the file cannot be written.
    """
    from .safety.state_dir import is_on, journal_file

    if safety.journal.lower() == "off":
        return None

    @cache
    def journal() -> "Journal":
        if hosting is not None and hosting.uses_redis and is_on(safety.journal) and not sandbox:
            from .safety.journal.redis_journal import RedisJournal
            from .server.http.events.redis_connection import redis_client

            return RedisJournal(redis_client(hosting), hosting.redis_prefix)
        from .safety.journal.sqlite_journal import SqliteJournal

        return SqliteJournal(journal_file(safety.journal, safety.state_dir, sandbox=sandbox))

    return journal


def store_factory(
    safety: SafetySettings, hosting: "Hosting | None" = None, *, sandbox: bool
) -> "Callable[[], SafetyStore]":
    """A function that opens the store of approvals and freezes at its first call.

    That is the Redis of the HTTP service, if its settings name one, else a file of this machine.
    The function raises ConfigurationError if the file cannot be written.
    """

    @cache
    def store() -> "SafetyStore":
        if hosting is not None and hosting.uses_redis:
            from .safety.redis_store import RedisStore
            from .server.http.events.redis_connection import redis_client

            prefix = f"{hosting.redis_prefix}:sandbox" if sandbox else hosting.redis_prefix
            return RedisStore(redis_client(hosting), prefix, hosting.redis_timeout_ms / 1000)
        from .safety.sqlite_store import SqliteStore
        from .safety.state_dir import state_file

        return SqliteStore(state_file(safety.state_dir, sandbox=sandbox))

    return store


def service_secret(settings: Settings, hosting: "Hosting", safety: SafetySettings) -> bytes:
    """What callers' keys are fingerprinted with, the same in all processes of a service.

    Derived from MCP_EVENT_ENCRYPTION_KEY or PORTKEY_API_KEY; without them it is kept in the state
    directory. Raises ConfigurationError if that cannot be written.
    """
    if settings.sandbox or not hosting.takes_caller_keys:
        return os.urandom(32)
    own = settings.api_key.get_secret_value().encode() if settings.api_key else b""
    source = hosting.event_secret or own
    if not source:
        from .safety.state_dir import stored_secret

        source = stored_secret(safety.state_dir)
    return hmac.digest(source, b"portkey-admin-mcp callers' keys", "sha256")


def derived_key(settings: Settings, purpose: str) -> bytes:
    """A key for a purpose, which replicas with the same Portkey key share; empty if there is none.

    The `state key` seals questions, that of `secret pages` what Redis keeps for pages.
    """
    if settings.sandbox or settings.api_key is None:
        return b""
    secret = settings.api_key.get_secret_value().encode()
    return hashlib.sha256(f"portkey-admin-mcp {purpose}:".encode() + secret).digest()


def at_hangup(reload: Callable[[], None]) -> None:
    """Call `reload` at SIGHUP, where the system has it, after what was to be called already."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "SIGHUP"):
        return
    before = signal.getsignal(signal.SIGHUP)

    def handle(number: int, frame: FrameType | None) -> None:
        if callable(before):
            before(number, frame)
        reload()

    signal.signal(signal.SIGHUP, handle)
