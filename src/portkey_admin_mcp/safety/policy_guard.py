"""Apply the policy and the bound on workspaces to a call, before the door and before any request.

Imported only if one of them is configured, or a request names its workspaces in a header.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from ..errors import InputError, NotPermitted
from ..portkey.api import Portkey
from ..portkey.catalog import Tool
from .caller import current_caller
from .policy import ALLOWED, Decision, Facts, Names, ToolFacts
from .policy_bound import Bound
from .policy_file import PolicySource
from .policy_lookup import Lookup, names_of
from .policy_reach import Place, place_of_endpoint, reach_of, workspace_argument
from .policy_request import references_in, workspaces_named
from .risk import rating_of


class Admitted(NamedTuple):
    """A call that may be made: with these arguments, with this client.

    `confirm` is why a person must confirm it; empty if the policy does not ask for that.
    """

    arguments: BaseModel
    api: Portkey
    confirm: str = ""


class PolicyGuard:
    """Decides about calls by the policy of this server and its bound on workspaces."""

    def __init__(self, source: PolicySource | None = None, workspaces: Sequence[str] = ()) -> None:
        self.source = source
        self.workspaces = tuple(workspaces)

    def offers(self, tool: ToolFacts, *, is_organisation: bool) -> bool:
        """Whether some call of a tool can be allowed, so that it is listed."""
        if self.workspaces and is_organisation:
            return False
        return self.source is None or not self.source.policy.denies_always(tool)

    def denies_caller(self, tool: ToolFacts) -> bool:
        """Whether the policy denies every call of a tool to the current caller."""
        return self.source is not None and self.source.policy.denies_always(
            tool, current_caller.get()
        )

    @property
    def summary(self) -> str:
        """The policy in a few words; empty if there is none."""
        if self.source is None:
            return ""
        policy = self.source.policy
        return f"{len(policy.rules)} rules; what no rule names: {policy.default}"

    def may_confirm(self, tool: ToolFacts) -> bool:
        """Whether the policy has some call of a tool confirmed by a person."""
        return self.source is not None and self.source.policy.may_confirm(tool)

    async def admit(
        self, tool: Tool, arguments: BaseModel, api: Portkey, narrowed: Sequence[Names] = ()
    ) -> Admitted:
        """Admit a call. `narrowed` are the sets of workspaces that its request is limited to.

        Raises NotPermitted, and InputError if the call must name its workspace.
        """
        bounded = api
        if self.workspaces or narrowed:
            groups = await self._allowed(api, narrowed)
            arguments = bounded_arguments(tool, arguments, groups)
            if reach_of(tool) != "none":
                bounded = api.with_transport(lambda transport: Bound(transport, api, groups))
        decision = await self.decide(tool, arguments, bounded, api)
        if decision.action == "deny":
            raise NotPermitted(f"the policy of this server denies this: {decision.why}")
        confirm = decision.why if decision.action == "confirm" else ""
        return Admitted(arguments, bounded, confirm)

    async def decide(
        self, tool: Tool, arguments: BaseModel, bounded: Portkey, api: Portkey
    ) -> Decision:
        """What the policy says of a call; workspaces are looked up only if a rule needs them."""
        if self.source is None:
            return ALLOWED
        policy = self.source.policy
        workspaces = None
        if policy.asks_for_workspaces(tool):
            workspaces = await workspaces_of(tool, arguments, bounded, api)
        risk = rating_of(tool, arguments).risk
        return policy.decide(Facts(tool, risk, current_caller.get(), workspaces))

    async def _allowed(self, api: Portkey, narrowed: Sequence[Names]) -> list[Names]:
        """The names of each workspace that a call may reach."""
        own = [frozenset(self.workspaces)] if self.workspaces else []
        limits = [*own, *narrowed]
        groups = [await names_of(api, name) or frozenset((name,)) for name in sorted(limits[0])]
        return [group for group in dict.fromkeys(groups) if all(group & each for each in limits)]


def bounded_arguments(tool: Tool, arguments: BaseModel, groups: list[Names]) -> BaseModel:
    """The arguments with the only allowed workspace filled in where the tool takes one.

    Raises NotPermitted for what is not in these workspaces, and InputError if the call must choose.
    """
    reach = reach_of(tool)
    only = ", ".join(sorted(_name_for("workspace_slug", group) for group in groups))
    limit = f"this server is limited to {only or 'no workspace'}"
    if reach == "none":
        return arguments
    if not groups:
        raise NotPermitted(limit)
    if reach == "organisation":
        raise NotPermitted(f"{tool.name} is about the whole organisation, and {limit}")
    argument = workspace_argument(tool)
    if argument is None or argument.name in arguments.model_fields_set:
        return arguments
    if any(name in arguments.model_fields_set for name in argument.replaced_by):
        return arguments
    if len(groups) == 1:
        value = _name_for(argument.name, groups[0])
        return arguments.model_copy(update={argument.name: value})
    if reach == "list":
        raise InputError(f"{argument.name}: name one of these workspaces: {only}")
    return arguments


def _name_for(argument: str, group: Names) -> str:
    """The slug of a workspace where it is wanted, else its id; whichever is known."""
    wants_slug = argument == "workspace_slug"
    return min(group, key=lambda name: (name.startswith("ws-") is not wants_slug, name))


async def workspaces_of(
    tool: Tool, arguments: BaseModel, bounded: Portkey, api: Portkey
) -> tuple[Names, ...] | None:
    """All names of each workspace that a call is about; None if they cannot be known."""
    reach = reach_of(tool)
    if reach == "none":
        return ()
    if reach == "organisation":
        return None
    fields = arguments.model_dump(mode="json", exclude_unset=True)
    owners: list[str | None] = [*workspaces_named(fields)]
    where = {"workspace_id": str(fields["workspace_id"])} if fields.get("workspace_id") else {}
    lookup = Lookup(bounded)
    for collection, object_id in [*references_in(fields), *_objects(tool, fields)]:
        owners.append(object_id and await lookup.owner(collection, object_id, where))
    names = [owner and await names_of(api, owner) for owner in owners]
    known = [each for each in names if isinstance(each, frozenset)]
    return tuple(known) if known and len(known) == len(names) else None


def _objects(tool: Tool, fields: dict[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    """The object that a call is about, by the first path with an id; its id is empty if unknown."""
    places = [place_of_endpoint(endpoint) for endpoint in tool.endpoints]
    place = next((each for each in places if each.reach == "item"), Place("none"))
    if reach_of(tool) != "item":
        return []
    name = place.object_id.strip("{}")
    argument = next((each for each in fields if each == name or each.endswith(f"_{name}")), "")
    return [(place.collection, str(fields.get(argument) or ""))]
