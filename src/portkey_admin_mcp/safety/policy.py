"""The policy: rules that deny a call, or have a person confirm it. The order is of no account."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol

from ..domains import domains_of
from .caller import Caller

Action = Literal["allow", "confirm", "deny"]
Names = frozenset[str]
ANY: Names = frozenset()
"""A condition that is not given: everything meets it."""


class Match(IntEnum):
    """Whether a call meets a rule; `MAYBE` if something about the call is not known."""

    NO = 0
    MAYBE = 1
    YES = 2


class ToolFacts(Protocol):
    """What selects a tool, and what rules ask of it: tools of catalogue and manifest have it."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def domain(self) -> str:
        """Its toolset."""
        ...

    @property
    def effect(self) -> str:
        """Whether it reads, creates, overwrites or deletes."""
        ...


@dataclass(frozen=True)
class Facts:
    """What is known of a call; what is None is not known.

    `workspaces` holds, for each workspace that the call is about, all names of it: id and slug.
    """

    tool: ToolFacts
    risk: str | None = None
    caller: Caller | None = None
    workspaces: tuple[Names, ...] | None = None


@dataclass(frozen=True)
class Rule:
    """One rule: a call meets it if it meets every condition that is given.

    `tools` and `principals` are patterns (`*`, `?`). `claims` are those of the caller's token.
    """

    action: Action
    tools: Names = ANY
    toolsets: Names = ANY
    effects: Names = ANY
    risks: Names = ANY
    workspaces: Names = ANY
    principals: Names = ANY
    roles: Names = ANY
    claims: Mapping[str, Names] = field(default_factory=dict)
    why: str = ""
    place: str = ""
    """File and line, as `policy.yaml:12`."""

    def match(self, facts: Facts) -> Match:
        """Whether a call meets the rule."""
        tool = facts.tool
        if self.tools and not _fits(tool.name, self.tools):
            return Match.NO
        if self.toolsets and tool.domain not in _domains(self.toolsets):
            return Match.NO
        if self.effects and tool.effect not in self.effects:
            return Match.NO
        return min(
            self._match_of_risk(facts.risk),
            self._match_of_caller(facts.caller),
            self._match_of_workspaces(facts.workspaces),
        )

    @property
    def asks_for_workspaces(self) -> bool:
        """Whether the workspaces of a call must be known to decide."""
        return bool(self.workspaces)

    def _match_of_risk(self, risk: str | None) -> Match:
        if not self.risks:
            return Match.YES
        if risk is None:
            return Match.MAYBE
        return Match.YES if risk in self.risks else Match.NO

    def _match_of_caller(self, caller: Caller | None) -> Match:
        if not (self.principals or self.roles or self.claims):
            return Match.YES
        if caller is None:
            return Match.MAYBE
        is_met = (
            (not self.principals or _fits(caller.principal, self.principals))
            and (not self.roles or bool(self.roles & caller.roles))
            and all(values & _texts(caller.claims.get(n)) for n, values in self.claims.items())
        )
        return Match.YES if is_met else Match.NO

    def _match_of_workspaces(self, workspaces: tuple[Names, ...] | None) -> Match:
        """An `allow` must cover all workspaces of a call; any other rule is met by one of them."""
        if not self.workspaces:
            return Match.YES
        if workspaces is None:
            return Match.MAYBE
        covered = [bool(self.workspaces & names) for names in workspaces]
        if self.action == "allow":
            return Match.YES if covered and all(covered) else Match.NO
        return Match.YES if any(covered) else Match.NO


class Decision(NamedTuple):
    """What a policy says of a call, and the rule that says it; None if it is the default."""

    action: Action
    rule: Rule | None = None

    @property
    def why(self) -> str:
        """The reason for a model or a person."""
        if self.rule is None:
            return "no rule of the policy allows it"
        return self.rule.why or f"a rule of the policy says so ({self.rule.place})"


ALLOWED = Decision("allow")


@dataclass(frozen=True)
class Policy:
    """All rules of a file. `default` is what applies to a call that no rule allows."""

    rules: tuple[Rule, ...] = ()
    default: Literal["allow", "deny"] = "allow"

    def decide(self, facts: Facts) -> Decision:
        """What happens to a call: deny wins over confirm, and confirm over allow.

        What is not known of the call counts against it.
        """
        met = [(rule, rule.match(facts)) for rule in self.rules]
        if (denied := _first(met, "deny", Match.MAYBE)) is not None:
            return Decision("deny", denied)
        allowed = _first(met, "allow", Match.YES)
        if self.default == "deny" and allowed is None:
            return Decision("deny")
        if (confirmed := _first(met, "confirm", Match.MAYBE)) is not None:
            return Decision("confirm", confirmed)
        return Decision("allow", allowed)

    def denies_always(self, tool: ToolFacts, caller: Caller | None = None) -> bool:
        """Whether every call of a tool is denied, whatever its arguments; with None, to anybody."""
        met = [(rule, rule.match(Facts(tool, caller=caller))) for rule in self.rules]
        if _first(met, "deny", Match.YES) is not None:
            return True
        return self.default == "deny" and _first(met, "allow", Match.MAYBE) is None

    def may_confirm(self, tool: ToolFacts) -> bool:
        """Whether some call of a tool must be confirmed by a person."""
        met = [(rule, rule.match(Facts(tool))) for rule in self.rules]
        return _first(met, "confirm", Match.MAYBE) is not None

    def asks_for_workspaces(self, tool: ToolFacts) -> bool:
        """Whether a rule that a call of this tool may meet is about workspaces."""
        facts = Facts(tool)
        return any(
            rule.asks_for_workspaces and rule.match(facts) is not Match.NO for rule in self.rules
        )

    def with_rules(self, rules: Iterable[Rule]) -> "Policy":
        """The same policy with these rules as well."""
        return replace(self, rules=(*self.rules, *rules))


def _first(met: list[tuple[Rule, Match]], action: Action, least: Match) -> Rule | None:
    """The first rule of the file with this action that is met so far."""
    return next((rule for rule, match in met if rule.action == action and match >= least), None)


@cache
def _domains(toolsets: Names) -> Names:
    """The toolsets of one subject in these, which may be groups."""
    return frozenset(domain for toolset in toolsets for domain in domains_of(toolset))


def _fits(name: str, patterns: Names) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _texts(claim: Any) -> frozenset[str]:
    """The values of a claim, which may be one or a list, as texts."""
    values = claim if isinstance(claim, list | tuple | set | frozenset) else [claim]
    return frozenset(_text(value) for value in values if value is not None)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
