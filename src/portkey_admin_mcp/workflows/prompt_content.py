"""What the workflows on prompts share: finding one by name, and comparing versions."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ..errors import ApiError, InputError, OutcomeUnknown, UnexpectedAnswer
from ..models.core.paging import Paged
from ..models.prompts import (
    Prompt,
    PromptDraft,
    PromptFilter,
    PromptOutcome,
    PromptPatch,
    PromptReplacement,
)
from ..portkey.api import Portkey
from ..tools.prompts import (
    get_prompt_version,
    list_prompt_versions,
    list_prompts,
    post_prompt,
    put_prompt,
)

EXECUTED = (
    "string",
    "parameters",
    "model",
    "virtual_key",
    "functions",
    "tools",
    "tool_choice",
    "is_raw_template",
)
"""What a model is called with, and so what makes one version differ from another."""
PER_PAGE = 100
Action = Literal["created", "updated", "unchanged"]
FINDING = (list_prompts, list_prompt_versions, get_prompt_version)
WRITING = (post_prompt, put_prompt)


async def find_prompt(api: Portkey, collection_id: str, name: str) -> Prompt | None:
    """The newest prompt of this name in a collection, whatever the case of the letters.

    Portkey's search is a shortcut: it may mind the case, so what it does not find is looked for
    among all prompts of the collection.
    """
    for wanted in (
        PromptFilter(collection_id=collection_id, search=name),
        PromptFilter(collection_id=collection_id),
    ):
        page, more = 0, True
        while more:
            found = await list_prompts(api, wanted, Paged(current_page=page, page_size=PER_PAGE))
            for prompt in found.data:
                if (prompt.name or "").casefold() == name.casefold():
                    return prompt
            page, more = page + 1, bool(found.has_more)
    return None


async def latest_version(api: Portkey, prompt_id: str) -> dict[str, Any]:
    """The version made last, which is what an update builds on; published or not."""
    versions = (await list_prompt_versions(api, prompt_id)).data
    if not versions:
        return {}
    newest = max(versions, key=lambda version: int(version.prompt_version or 0))
    return (await get_prompt_version(api, prompt_id, newest.id or "")).answer()


def differences(wanted: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name the fields of an update that say something else than a version does."""
    return [name for name in wanted if name != "patch" and not _same(name, wanted[name], now)]


def _same(name: str, value: Any, now: Mapping[str, Any]) -> bool:
    if name == "prompt_metadata":
        return _within(value, now.get("template_metadata"))
    if name == "version_description":
        return bool(value == now.get("prompt_version_description"))
    if name == "parameters":
        # Portkey answers them with the model merged in (seen live).
        return _plain({"model": None, **value}) == _plain(
            {**(now.get(name) or {}), "model": value.get("model")}
        )
    if name == "string":
        return bool(_parsed(value) == _parsed(now.get(name)))
    if name == "is_raw_template":
        return bool(value) == bool(now.get(name))
    return bool((value or None) == (now.get(name) or None))


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if each is not None}


def _within(part: Mapping[str, Any], whole: Any) -> bool:
    return isinstance(whole, dict) and all(bool(whole.get(n) == part[n]) for n in part)


def _parsed(text: Any) -> Any:
    """Messages compare as messages, however their JSON is spaced."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text


@dataclass(frozen=True)
class Wanted:
    """A prompt as it should be; `content` is what a model is called with.

    `compared` is the metadata whose change is worth a version, `stamped` what is written. Where
    `is_whole`, a version holds the content and nothing of the version before. `source_id` is the
    prompt that it is made of, which it must not replace.
    """

    name: str
    collection_id: str
    content: dict[str, Any]
    described: dict[str, str]
    compared: dict[str, Any]
    stamped: dict[str, Any]
    is_whole: bool = False
    source_id: str = ""

    def draft(self) -> PromptDraft:
        """The prompt as a new one; only updates know `is_raw_template`."""
        content = {k: v for k, v in self.content.items() if k != "is_raw_template"}
        return PromptDraft(
            **content,
            **self.described,
            name=self.name,
            collection_id=self.collection_id,
            template_metadata=self.stamped,
        )

    def patch(self) -> PromptPatch:
        """The prompt as a new version."""
        kind = PromptReplacement if self.is_whole else PromptPatch
        return kind(**self.content, **self.described, template_metadata=self.stamped)

    def differs_in(self, now: Mapping[str, Any]) -> list[str]:
        """Name what a version says otherwise, or says besides where this is all there should be."""
        told = {"template_metadata": self.compared} if self.compared else {}
        besides = [n for n in EXECUTED if self.is_whole and n not in self.content and now.get(n)]
        return differences(PromptPatch(**self.content, **told).wire(), now) + besides


async def write_prompt(
    api: Portkey, wanted: Wanted, steps: list[str], *, dry_run: bool
) -> PromptOutcome:
    """Create the prompt, make a version of it, or leave it as it is."""
    with _reporting(steps, f"looking for {wanted.name!r}"):
        found = await find_prompt(api, wanted.collection_id, wanted.name)
    if found is None:
        steps.append(f"no prompt named {wanted.name!r} in {wanted.collection_id}")
        return await _create(api, wanted, steps, dry_run)
    if wanted.source_id and found.id == wanted.source_id:
        raise InputError(f"{found.slug} is the source itself; give another target")
    steps.append(f"found {found.slug}")
    with _reporting(steps, "reading its latest version"):
        now = await latest_version(api, found.id or "")
    steps.append(f"compared with its latest version, {now.get('prompt_version')}")
    changed = wanted.differs_in(now)
    steps.append(f"differs in {', '.join(changed)}" if changed else "nothing differs")
    action: Action = "updated" if changed else "unchanged"
    version_id = "" if changed else now.get("prompt_version_id") or ""
    if changed and not dry_run:
        version_id = await _make_version(api, found.id or "", wanted, steps)
    return PromptOutcome(
        action=action,
        dry_run=dry_run,
        prompt_id=found.id or "",
        slug=found.slug or "",
        version_id=version_id,
        steps=steps,
    )


async def _create(api: Portkey, wanted: Wanted, steps: list[str], dry_run: bool) -> PromptOutcome:
    if dry_run:
        return PromptOutcome(action="created", dry_run=True, steps=steps)
    with _reporting(steps, f"creating {wanted.name!r}", is_write=True):
        made = await post_prompt(api, wanted.draft())
    steps.append("created it; its version 1 is published")
    version_id = made.version_id or made.prompt_version_id or ""
    if wanted.content.get("is_raw_template"):
        # Only an update can say so; without it, a repetition would find a difference.
        version_id = await _make_version(api, made.id or "", wanted, steps)
    return PromptOutcome(
        action="created",
        prompt_id=made.id or "",
        slug=made.slug or "",
        version_id=version_id,
        steps=steps,
    )


async def _make_version(api: Portkey, prompt_id: str, wanted: Wanted, steps: list[str]) -> str:
    with _reporting(steps, f"making a version of {prompt_id}", is_write=True):
        made = await put_prompt(api, prompt_id, wanted.patch())
    steps.append("made a version, not yet published")
    return made.prompt_version_id or made.version_id or ""


@contextmanager
def _reporting(steps: list[str], doing: str, *, is_write: bool = False) -> Iterator[None]:
    """Let an error say what had been done before, and whether this step wrote anything."""
    try:
        yield
    except ApiError as error:
        done = f"Done before: {'; '.join(steps)}. " if steps else ""
        wrote = _whether_written(error) if is_write else "wrote nothing"
        error.add_note(f"{done}Failed: {doing}, which {wrote}.")
        raise


def _whether_written(error: ApiError) -> str:
    if isinstance(error, UnexpectedAnswer):
        return "was written"
    return "may have been written" if isinstance(error, OutcomeUnknown) else "was not written"


def utc_timestamp() -> str:
    """The time in ISO 8601, UTC, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
