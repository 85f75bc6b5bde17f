"""What `find_stale` answers: objects that were not used, and scopes that were not needed."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from ...models.core.findings import Findings
from ...portkey.api import Portkey
from ...portkey.catalog import Function, LastUse
from ...tools.analytics import get_analytics_group
from ...tools.api_keys import LAST_USE as KEY_USE
from ...tools.api_keys import list_api_keys
from ...tools.audit_logs import list_audit_logs
from ...tools.configs import LAST_USE as CONFIG_USE
from ...tools.configs import list_configs
from ...tools.prompts import LAST_USE as PROMPT_USE
from ...tools.prompts import list_prompts
from ...tools.providers import LAST_USE as PROVIDER_USE
from ...tools.providers import list_providers
from ...tools.virtual_keys import list_virtual_keys
from ...tools.workspaces import get_workspace, list_workspaces
from ..shared.brief import day, fitted, row, short
from ..shared.reads import Reads, all_of
from ..shared.rows import Row, Workspace
from ..shared.traffic import LOOKBACK_DAYS, Traffic, Use, Uses
from .scopes import (
    GATEWAY,
    Changes,
    may_call_models,
    read_changes,
    recorded_scopes,
    unneeded_scopes,
)
from .verdicts import Period, Verdict, Verdicts, verdict

READS = (
    list_workspaces,
    get_workspace,
    list_api_keys,
    list_configs,
    list_prompts,
    list_providers,
    list_virtual_keys,
    get_analytics_group,
    list_audit_logs,
)
API_KEYS, SCOPES = "api_keys", "scopes"
NOT_FOR_MODELS = "which may not call models: nothing records what they read"
EXPIRED = "which are expired, and whose last use is not known"
IS_DEFAULT = "it is the default of its workspace"
MAY_READ = "it may read settings, which is not recorded"
BY_PERSON = "whose person made changes, with this key or in another way"
CANNOT_TELL = (
    "Portkey records no reads of its Admin API, so it cannot be told whether list, read and view "
    "scopes are needed, nor whether a prompt is only rendered."
)


class Kind(NamedTuple):
    """Objects of one kind: the tools that list them, how analytics know them, what to call next."""

    tools: tuple[Function, ...]
    last_use: LastUse
    next: str


KINDS: Mapping[str, Kind] = {
    API_KEYS: Kind((list_api_keys,), KEY_USE, "delete_api_key(id)"),
    "configs": Kind((list_configs,), CONFIG_USE, "find_references(text=id), delete_config(slug)"),
    "prompts": Kind((list_prompts,), PROMPT_USE, "delete_prompt(prompt_id)"),
    "providers": Kind(
        (list_providers, list_virtual_keys),
        PROVIDER_USE,
        "find_references(text=id), delete_provider or delete_virtual_key(slug)",
    ),
}
NEXT_FOR_SCOPES = "update_api_key(id, scopes): keep those in use, and the reads that it needs"


class _Reader:
    """Reads the objects and their uses, each once."""

    def __init__(self, reads: Reads, period: Period) -> None:
        self.reads = reads
        self.period = period
        self.traffic = Traffic(reads, period.start, period.end)
        self.verdicts = Verdicts()

    async def judge(self, kind: str, workspace: Workspace) -> None:
        """Judge the objects of a kind in a workspace; what two lists show is one object."""
        tools = KINDS[kind].tools
        uses, *lists = await all_of(
            self.traffic.by(KINDS[kind].last_use.group, workspace),
            *(self.reads.rows(each, workspace.slug, **workspace.selector) for each in tools),
        )
        objects = {_id(each): each for rows in lists for each in rows}
        for name, each in objects.items():
            result = verdict(
                each.get("created_at"), uses.by_name.get(name), _why(uses), self.period
            )
            self._add(kind, each, result, workspace.slug)

    async def judge_key(self, key: Row, changes: Changes) -> None:
        """Judge a key by calls of models and by recorded changes, whichever was later."""
        uses = await self.key_uses(key)
        use = uses.by_name.get(str(key.get("id")))
        change = _last(changes.by(key))
        if change and (use is None or (use.last_seen or "") < change):
            use = Use(1, change)
        why = _why(uses) or self._doubt(key, changes)
        result = verdict(key.get("created_at"), use, why, self.period)
        self._add(API_KEYS, key, result, self.reads.slug_of(key.get("workspace_id")))

    def _doubt(self, key: Row, changes: Changes) -> str:
        """Why a key that made no call and no change that is known may have been used."""
        if not may_call_models(key):
            return EXPIRED if key.get("status") == "expired" else NOT_FOR_MODELS
        if changes.why and recorded_scopes() & {*(key.get("scopes") or ())}:
            return f"which may have changed something; audit log: {changes.why}"
        person = verdict(None, Use(1, _last(changes.by_person(key))), "", self.period)
        return BY_PERSON if person.answer == "used" else ""

    async def key_uses(self, key: Row) -> Uses:
        """The calls of models by the keys of a key's workspace; none for the organisation's."""
        place = key.get("workspace_id")
        workspaces = self.reads.workspaces
        own = next((w for w in workspaces if place in (w.id, w.slug)), None)
        if place is None:
            return Uses({})
        if own is None:
            return Uses({}, "its workspace was not looked at")
        return await self.traffic.by(KEY_USE.group, own)

    def _add(self, kind: str, fields: Row, result: Verdict, place: str | None) -> None:
        name = short(fields.get("name") or _id(fields)) or ""
        status = fields.get("status")
        shown = row(
            id=fields.get("id") if kind == API_KEYS else _id(fields),
            name=name,
            workspace=place,
            created=day(fields.get("created_at")),
            status=None if status == "active" else status,
            but=_caveat(kind, fields),
        )
        self.verdicts.add(kind, name, result, shown)


async def stale_objects(
    api: Portkey, days: int, kinds: Sequence[str], limit: int | None
) -> Findings:
    """The objects of these kinds that nothing used for so many days; with `scopes`, those too."""
    reads, now = Reads(api), api.now()
    start = now - timedelta(days=max(days, LOOKBACK_DAYS))
    reader = _Reader(reads, Period(start, now - timedelta(days=days), now))
    workspaces = await reads.read_workspaces()
    others = [kind for kind in KINDS if kind in kinds and kind != API_KEYS]
    await all_of(*(reader.judge(kind, each) for kind in others for each in workspaces))
    over_scoped: list[Row] = []
    if {API_KEYS, SCOPES} & {*kinds}:
        keys = [*await reads.rows_anywhere(list_api_keys)]
        changes = await read_changes(reads, keys, start, now)
        if API_KEYS in kinds:
            await all_of(*(reader.judge_key(each, changes) for each in keys))
        if SCOPES in kinds:
            over_scoped = await _over_scoped(reader, keys, changes)
    reads.require_something()
    return _answer(reader, days, kinds, over_scoped, limit)


async def _over_scoped(reader: _Reader, keys: Sequence[Row], changes: Changes) -> list[Row]:
    """The keys with scopes that no recorded change needed; those that only call models first."""
    uses = await all_of(*map(reader.key_uses, keys))
    rows = [
        unneeded_scopes(key, changes, use, reader.period)
        for key, use in zip(keys, uses, strict=True)
        if key.get("status") != "expired"
    ]
    shown = [
        {**each, **row(workspace=reader.reads.slug_of(each.get("workspace")))}
        for each in rows
        if each is not None
    ]
    return sorted(shown, key=lambda r: (not r.get("only_calls_models"), -r["not_needed"]))


def _answer(
    reader: _Reader, days: int, kinds: Sequence[str], over_scoped: list[Row], limit: int | None
) -> Findings:
    reads, verdicts = reader.reads, reader.verdicts
    totals = {kind: _total(reader, kind) for kind in KINDS if kind in kinds}
    stale = {kind: sorted(rows, key=_by_last_use) for kind, rows in verdicts.stale.items()}
    steps = {kind: KINDS[kind].next for kind in stale}
    if SCOPES in kinds:
        totals[SCOPES] = reads.total(len(over_scoped), list_api_keys, list_audit_logs)
    return fitted(
        row(
            unused_for_days=days,
            since=day(reader.period.cutoff.isoformat()),
            totals=totals,
            looked_in=reads.looked_in,
        ),
        {**stale, SCOPES: over_scoped},
        {
            "next": {**steps, **({SCOPES: NEXT_FOR_SCOPES} if over_scoped else {})},
            "unknown": verdicts.unknown,
            "not_seen": reads.not_seen,
            "cannot_tell": CANNOT_TELL,
            "known_by": reads.known_by,
        },
        "narrow with kinds, or give a limit",
        limit,
    )


def _total(reader: _Reader, kind: str) -> dict[str, Any] | int | str:
    """How many objects of a kind there are of each verdict, and whether some were not read."""
    counts, tools = reader.verdicts.counts.get(kind), KINDS[kind].tools
    if not counts:
        return reader.reads.total(0, *tools)
    return {**counts, **({} if reader.reads.has_all(*tools) else {"not_read": "some"})}


def _by_last_use(stale: Row) -> tuple[bool, str]:
    """Never used first, then by the last use."""
    last = str(stale["last_used"])
    return last[:1].isdigit(), last


def _caveat(kind: str, fields: Row) -> str | None:
    """Why an object may be needed although nothing used it."""
    if kind != API_KEYS:
        return IS_DEFAULT if fields.get("is_default") else None
    return MAY_READ if {*(fields.get("scopes") or ())} - {GATEWAY} else None


def _last(records: Sequence[Row]) -> str | None:
    """The time of the last of some changes; None if there is none."""
    return max((str(each.get("timestamp") or "") for each in records), default=None)


def _why(uses: Uses) -> str:
    return f"analytics: {uses.why}" if uses.why else ""


def _id(fields: Row) -> str:
    return str(fields.get("slug") or fields.get("id"))
