"""Which scopes of API keys no recorded change needed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple

from ...portkey.catalog import tools_in
from ...tools import domain_modules
from ...tools.audit_logs import list_audit_logs
from ..shared.brief import day, row, short
from ..shared.reads import Reads
from ..shared.rows import Row
from ..shared.timestamps import utc_timestamp
from ..shared.traffic import Uses
from .verdicts import Period, verdict

GATEWAY = "completions.write"
"""The scope of calls of models, which analytics show."""
NOT_RECORDED = ("run_prompt_completion", "insert_log", "create_feedback", "update_feedback")
"""Tools that change something for which no audit log is kept: requests to the gateway."""
MAX_AREAS = 6
"""Kinds of scopes that are named of a key."""
MAX_USED = 5
NO_ORGANISATION = "not read, for no key names its organisation"
NO_KEYS = "it names no key that can be listed"
"""Why the audit log does not tell what a key changed."""
PLACEHOLDER = re.compile(r"\\\{\w+\\\}")


class Endpoint(NamedTuple):
    """An endpoint whose use is recorded, with the scopes of which a key needs one each."""

    method: str
    path: re.Pattern[str]
    scopes: frozenset[str]


@dataclass(frozen=True)
class Changes:
    """The changes that the audit log shows of each author, by id: newest first.

    `why` says why a key without any may have made some; it is empty if it has made none.
    """

    by_author: dict[str, list[Row]]
    why: str = ""

    def by(self, key: Row) -> list[Row]:
        """The changes by a key itself."""
        return self.by_author.get(str(key.get("id")), [])

    def by_person(self, key: Row) -> list[Row]:
        """The changes by the person whose key it is, with this key or in another way."""
        return self.by_author.get(str(key["user_id"]), []) if key.get("user_id") else []


async def read_changes(
    reads: Reads, keys: Iterable[Row], start: datetime, end: datetime
) -> Changes:
    """Read the audit log of a period; why it does not tell what each key changed is noted."""
    changes = await _changes(reads, [*keys], start, end)
    if changes.why:
        reads.note(list_audit_logs, "", changes.why)
    return changes


async def _changes(reads: Reads, keys: Sequence[Row], start: datetime, end: datetime) -> Changes:
    organisation = next((k["organisation_id"] for k in keys if k.get("organisation_id")), None)
    if organisation is None:
        return Changes({}, NO_ORGANISATION)
    records = await reads.rows_anywhere(
        list_audit_logs,
        organisation_id=organisation,
        start_time=utc_timestamp(start, "seconds"),
        end_time=utc_timestamp(end, "seconds"),
    )
    by_author: dict[str, list[Row]] = {}
    for each in records:
        by_author.setdefault(str(each.get("user_id") or ""), []).append(each)
    if records.why:
        return Changes(by_author, records.why)
    listed = {str(key.get("id")) for key in keys}
    authors = {str(r.get("user_id")) for r in records if r.get("user_type") == "api_key"}
    if authors and authors.isdisjoint(listed):
        return Changes(by_author, NO_KEYS)
    return Changes(by_author)


def may_call_models(key: Row) -> bool:
    """Whether a key may call models, so that analytics show its use."""
    scopes = key.get("scopes")
    return key.get("workspace_id") is not None and (
        not isinstance(scopes, list) or GATEWAY in scopes
    )


def unneeded_scopes(key: Row, changes: Changes, uses: Uses, period: Period) -> Row | None:
    """The scopes that a key made no change and no call with; None if there are none, or not known.

    A key that is younger than the cutoff had no time to need them, and one that needed none of its
    scopes is not over-scoped but stale.
    """
    scopes = key.get("scopes")
    if not isinstance(scopes, list) or changes.why:
        return None
    if verdict(key.get("created_at"), None, "", period).answer == "younger":
        return None
    records = [*changes.by(key), *changes.by_person(key)]
    used = scopes_used(records) & {*scopes}
    use = uses.by_name.get(str(key.get("id")))
    is_call_unneeded = may_call_models(key) and use is None and not uses.why
    recorded = recorded_scopes() | ({GATEWAY} if is_call_unneeded else frozenset())
    unneeded = sorted({*scopes} & recorded - used)
    if not unneeded or len(unneeded) == len({*scopes}):
        return None
    areas = [*dict.fromkeys(scope.rpartition(".")[0] for scope in unneeded)]
    in_use = [*([GATEWAY] if use and GATEWAY in scopes else []), *sorted(used)]
    return row(
        id=key.get("id"),
        name=short(key.get("name")),
        workspace=key.get("workspace_id"),
        scopes=len(scopes),
        not_needed=len(unneeded),
        cannot_tell=len({*scopes}) - len(unneeded) - len(in_use),
        areas=[
            *areas[:MAX_AREAS],
            *([f"{len(areas) - MAX_AREAS} more"] * (len(areas) > MAX_AREAS)),
        ],
        in_use=[
            *in_use[:MAX_USED],
            *([f"{len(in_use) - MAX_USED} more"] * (len(in_use) > MAX_USED)),
        ],
        only_calls_models=(use is not None and not records) or None,
        last_call=day(use and use.last_seen),
    )


def scopes_used(records: Iterable[Row]) -> frozenset[str]:
    """The scopes that recorded changes may have needed."""
    used: set[str] = set()
    for record in records:
        method = str(record.get("method") or "")
        path = str(record.get("uri") or "").partition("?")[0].removeprefix("/v1")
        for endpoint in _endpoints():
            if endpoint.method == method and endpoint.path.fullmatch(path):
                used |= endpoint.scopes
    return frozenset(used)


@cache
def recorded_scopes() -> frozenset[str]:
    """The scopes whose every need is recorded: those that only changes need."""
    reads = {
        scope
        for tool in tools_in(domain_modules())
        if tool.effect == "read" or tool.name in NOT_RECORDED
        for any_of in tool.scopes
        for scope in any_of
    }
    return frozenset().union(*(endpoint.scopes for endpoint in _endpoints())) - reads


@cache
def _endpoints() -> tuple[Endpoint, ...]:
    """The endpoints whose calls the audit log records."""
    return tuple(
        Endpoint(
            method,
            re.compile(PLACEHOLDER.sub("[^/]+", re.escape(path))),
            frozenset(scope for any_of in tool.scopes for scope in any_of),
        )
        for tool in tools_in(domain_modules())
        if tool.effect != "read" and tool.name not in NOT_RECORDED
        for method, _, path in (endpoint.partition(" ") for endpoint in tool.endpoints)
    )
