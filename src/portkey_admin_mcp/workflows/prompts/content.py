"""What the workflows on prompts share: finding one by name, comparing versions, writing one."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import ApiError, InputError, OutcomeUnknown, UnexpectedAnswer
from ...models.core.paging import Paged
from ...models.prompts import (
    Prompt,
    PromptCopy,
    PromptFilter,
    PromptOutcome,
    PromptPatch,
    PromptReplacement,
)
from ...portkey.api import Portkey
from ...tools.prompts import (
    create_prompt,
    get_prompt_version,
    list_prompt_versions,
    list_prompts,
    update_prompt,
)
from .dry_run import CHECK_TOOLS, check_references
from .versions import with_prompt_version

CONTENT_FIELDS = (
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
PAGE_SIZE = 100
Action = Literal["created", "updated", "unchanged"]
FIND_TOOLS = (list_prompts, list_prompt_versions, get_prompt_version)
OPTIONAL_TOOLS = CHECK_TOOLS
WRITE_TOOLS = (create_prompt, update_prompt)


@dataclass(frozen=True)
class TargetPrompt:
    """A prompt as it should be.

    `content` holds the fields that a model is called with, `metadata` what is written as the
    version's metadata, and `compared_metadata` the part of it whose change makes a new version.
    With `replaces_content`, a version takes no content from the version before. `source_id` is
    the prompt that this one is copied from, which it must not overwrite; empty if there is none.
    """

    name: str
    collection_id: str
    content: dict[str, Any]
    description: dict[str, str]
    compared_metadata: dict[str, Any]
    metadata: dict[str, Any]
    replaces_content: bool = False
    source_id: str = ""

    def draft(self) -> PromptCopy:
        """The prompt as a new one; only updates know `is_raw_template`."""
        content = {k: v for k, v in self.content.items() if k != "is_raw_template"}
        return PromptCopy.model_validate(
            {
                **content,
                **self.description,
                "name": self.name,
                "collection_id": self.collection_id,
                "template_metadata": self.metadata,
            }
        )

    def patch(self) -> PromptPatch:
        """The prompt as a new version."""
        model = PromptReplacement if self.replaces_content else PromptPatch
        return model.model_validate(
            {**self.content, **self.description, "template_metadata": self.metadata}
        )

    def changed_fields(self, current: Mapping[str, Any]) -> list[str]:
        """The fields in which a version differs, and those it has too many."""
        metadata = {"template_metadata": self.compared_metadata} if self.compared_metadata else {}
        changed = changed_fields(
            PromptPatch.model_validate({**self.content, **metadata}).wire(), current
        )
        if not self.replaces_content:
            return changed
        return changed + [n for n in CONTENT_FIELDS if n not in self.content and current.get(n)]


async def find_prompt(api: Portkey, collection_id: str, name: str) -> Prompt | None:
    """The newest prompt of this name in a collection, whatever the case of the letters.

    Portkey's search is a shortcut: it may be case-sensitive, so if it finds nothing, all prompts
    of the collection are compared.
    """
    for filter in (
        PromptFilter(collection_id=collection_id, search=name),
        PromptFilter(collection_id=collection_id),
    ):
        page_number, has_more = 0, True
        while has_more:
            paging = Paged(current_page=page_number, page_size=PAGE_SIZE)
            page = await list_prompts(api, filter, paging)
            for prompt in page.data:
                if (prompt.name or "").casefold() == name.casefold():
                    return prompt
            page_number, has_more = page_number + 1, bool(page.has_more)
    return None


async def latest_version(api: Portkey, prompt_id: str) -> dict[str, Any]:
    """The newest version, published or not, which an update builds on; {} if there is none."""
    versions = (await list_prompt_versions(api, prompt_id)).data
    if not versions:
        return {}
    newest = max(versions, key=lambda version: int(version.prompt_version or 0))
    return (await get_prompt_version(api, prompt_id, newest.id or "")).answer()


def changed_fields(body: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """The fields of an update's body whose value differs from that of a version."""
    return [name for name in body if name != "patch" and not _is_same(name, body[name], current)]


def _is_same(name: str, value: Any, current: Mapping[str, Any]) -> bool:
    if name == "prompt_metadata":
        return _contains(current.get("template_metadata"), value)
    if name == "version_description":
        return bool(value == current.get("prompt_version_description"))
    if name == "parameters":
        # Portkey answers them with the model merged in (seen live).
        return _without_nulls({"model": None, **value}) == _without_nulls(
            {**(current.get(name) or {}), "model": value.get("model")}
        )
    if name == "string":
        return bool(_parsed(value) == _parsed(current.get(name)))
    if name == "is_raw_template":
        return bool(value) == bool(current.get(name))
    return bool((value or None) == (current.get(name) or None))


def _without_nulls(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _contains(metadata: Any, part: Mapping[str, Any]) -> bool:
    return isinstance(metadata, dict) and all(
        bool(metadata.get(name) == value) for name, value in part.items()
    )


def _parsed(text: Any) -> Any:
    """Messages compare as messages, however their JSON is spaced."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text


async def write_prompt(
    api: Portkey, target: TargetPrompt, steps: list[str], *, dry_run: bool
) -> PromptOutcome:
    """Create the prompt, make a version of it, or leave it as it is.

    What is done is appended to `steps`. Raises InputError if the target is its own source, and
    the errors of the requests, each with a note of the steps before it.
    """
    with _noting_steps(steps, f"looking for {target.name!r}"):
        prompt = await find_prompt(api, target.collection_id, target.name)
    if prompt is None:
        steps.append(f"no prompt named {target.name!r} in {target.collection_id}")
        return await _create(api, target, steps, dry_run)
    if target.source_id and prompt.id == target.source_id:
        raise InputError(f"{prompt.slug} is the source itself; give another target")
    steps.append(f"found {prompt.slug}")
    with _noting_steps(steps, "reading its latest version"):
        latest = await latest_version(api, prompt.id or "")
    steps.append(f"compared with its latest version, {latest.get('prompt_version')}")
    changed = target.changed_fields(latest)
    steps.append(f"differs in {', '.join(changed)}" if changed else "nothing differs")
    action: Action = "updated" if changed else "unchanged"
    outcome = PromptOutcome(
        action=action,
        dry_run=dry_run,
        prompt_id=prompt.id or "",
        slug=prompt.slug or "",
        version_id="" if changed else latest.get("prompt_version_id") or "",
        prompt_version=None if changed else latest.get("prompt_version"),
        steps=steps,
    )
    if changed and dry_run:
        return await _checked(api, target, outcome)
    return await _with_new_version(api, target, outcome) if changed else outcome


async def _create(
    api: Portkey, target: TargetPrompt, steps: list[str], dry_run: bool
) -> PromptOutcome:
    if dry_run:
        outcome = PromptOutcome(action="created", dry_run=True, steps=steps)
        return await _checked(api, target, outcome)
    with _noting_steps(steps, f"creating {target.name!r}", is_write=True):
        prompt = await create_prompt(api, target.draft())
    steps.append("created it; its version 1 is published")
    outcome = PromptOutcome(
        action="created",
        prompt_id=prompt.id or "",
        slug=prompt.slug or "",
        version_id=prompt.version_id or prompt.prompt_version_id or "",
        prompt_version=1,
        steps=steps,
    )
    if target.content.get("is_raw_template"):
        # Only an update can set it; otherwise a second call would find a difference.
        return await _with_new_version(api, target, outcome)
    return outcome


async def _with_new_version(
    api: Portkey, target: TargetPrompt, outcome: PromptOutcome
) -> PromptOutcome:
    """Make a version of the prompt; returns the outcome with its id and its number."""
    prompt_id, steps = outcome.prompt_id, outcome.steps
    with _noting_steps(steps, f"making a version of {prompt_id}", is_write=True):
        written = await update_prompt(api, prompt_id, target.patch())
    steps.append("made a version, not yet published")
    written = await with_prompt_version(api, prompt_id, written)
    id = written.prompt_version_id or written.version_id or ""
    number = written.prompt_version
    return outcome.model_copy(update={"version_id": id, "prompt_version": number})


async def _checked(api: Portkey, target: TargetPrompt, outcome: PromptOutcome) -> PromptOutcome:
    """The outcome of a dry run with what the real call would be refused for."""
    check = await check_references(api, target.collection_id, target.content.get("virtual_key"))
    changes: dict[str, Any] = {"problems": check.problems, "not_checked": check.not_checked}
    if check.problems:
        changes["action"] = "refused"
    return outcome.model_copy(update=changes)


@contextmanager
def _noting_steps(steps: list[str], step: str, *, is_write: bool = False) -> Iterator[None]:
    """Add to an error what had been done before it, and whether this step wrote anything."""
    try:
        yield
    except ApiError as error:
        earlier_steps = f"Done before: {'; '.join(steps)}. " if steps else ""
        effect = _whether_written(error) if is_write else "wrote nothing"
        error.add_note(f"{earlier_steps}Failed: {step}, which {effect}.")
        raise


def _whether_written(error: ApiError) -> str:
    if isinstance(error, UnexpectedAnswer):
        return "was written"
    return "may have been written" if isinstance(error, OutcomeUnknown) else "was not written"
