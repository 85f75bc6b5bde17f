"""The facts about the running service that pages show in addition to its settings."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .readiness import Check


@dataclass(frozen=True)
class ServiceInfo:
    """The facts about the running service that are not settings."""

    version: str
    sandbox: bool
    domains: dict[str, int]
    """The number of tools of each domain."""
    digest: Callable[[], str]
    """Returns the digest of all tool definitions, which clients can pin; empty without tools."""
    sessions: Callable[[], int]
    """Returns the number of open sessions."""
    started: float
    """When the service started, in seconds since 1970."""
    checks: dict[str, Check] = field(default_factory=dict)
    """The checks that `/ready` runs, by name, like `event store`."""
    losses: dict[str, str] = field(default_factory=dict)
    """For each check whose failure leaves calls working: what does not work, as a sentence."""
