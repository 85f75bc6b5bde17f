"""Compare the variables of a call with those of the prompt's template."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...errors import PortkeyAdminError
from ...models.prompts import OfVersion, PromptVersion
from ...portkey.api import Portkey
from ...suggestions import suggest
from ...tools.prompts import get_prompt, get_prompt_version, list_prompt_versions

TEMPLATE_TOOLS = (get_prompt, list_prompt_versions, get_prompt_version)
TAG = re.compile(r"\{\{\{?\s*([#^/>&!=]?)\s*([^{}]*?)\s*\}?\}\}")
MAX_NAMES = 20
"""Names that a note lists."""
MAX_LABELLED = 10
"""Labelled versions that are read to find one by the name of its label."""
NOT_COMPARED = "The variables were not compared with the template, which could not be read."


class Names(NamedTuple):
    """The names in a template: variables outside of sections, and all others."""

    needed: list[str]
    others: list[str]
    has_partials: bool


def names_in(template: str) -> Names | None:
    """The variables of a Mustache template; None if it changes its delimiters.

    Of a dotted name only the first part counts. A section may be left out on purpose, so its name,
    and those inside it, are no variables that a call needs.
    """
    needed: dict[str, None] = {}
    others: dict[str, None] = {}
    depth, has_partials = 0, False
    for sign, tag in TAG.findall(template):
        name = tag.partition(".")[0]
        if sign == "=":
            return None
        depth += {"#": 1, "^": 1, "/": -1}.get(sign, 0)
        has_partials = has_partials or sign == ">"
        if name and sign in ("#", "^", "", "&"):
            is_needed = sign in ("", "&") and depth == 0
            (needed if is_needed else others)[name] = None
    return Names([*needed], [name for name in others if name not in needed], has_partials)


async def variable_notes(api: Portkey, prompt: str, variables: Mapping[str, Any]) -> list[str]:
    """Which variables a template needs and a call lacks, and which it has and the template lacks.

    `prompt` is a slug, or slug@number, @latest or @label. Errors of the reads become a note.
    """
    try:
        template = await _template(api, prompt)
    except PortkeyAdminError:
        template = None
    if template is None:
        return [NOT_COMPARED]
    names = names_in(template)
    return [] if names is None else _notes(names, variables)


def _notes(names: Names, variables: Mapping[str, Any]) -> list[str]:
    missing = [name for name in names.needed if name not in variables]
    all_names = [*names.needed, *names.others]
    # A partial has variables too, which are not in this text.
    unknown = [] if names.has_partials else [name for name in variables if name not in all_names]
    notes = []
    if missing:
        notes.append(
            f"Not given, so nothing stands in their place: {', '.join(missing[:MAX_NAMES])}."
        )
    for name in unknown[:MAX_NAMES]:
        hint = (
            suggest(name, all_names, limit=1)
            or f"it has {', '.join(all_names[:MAX_NAMES]) or 'none'}."
        )
        notes.append(f"The template has no variable {name[:60]!r}; {hint}")
    return notes


async def _template(api: Portkey, prompt: str) -> str | None:
    """The text of a prompt in the version that its name chooses; None if none is found."""
    slug, _, version = prompt.partition("@")
    if not version:
        return (await get_prompt(api, slug, OfVersion())).string
    versions = (await list_prompt_versions(api, slug)).data
    if not versions:
        return None
    if version == "latest":
        return _text(max(versions, key=lambda each: int(each.prompt_version or 0)))
    if version.isdecimal():
        chosen = (each for each in versions if str(each.prompt_version) == version)
        return _text(next(chosen, PromptVersion()))
    for each in [each for each in versions if each.label_id][:MAX_LABELLED]:
        answer = (await get_prompt_version(api, slug, each.id or "")).answer()
        labels = answer.get("prompt_version_labels") or []
        names = [label.get("name") for label in labels if isinstance(label, dict)]
        if version in (*names, answer.get("prompt_version_label_name")):
            return _text(each)
    return None


def _text(version: PromptVersion) -> str | None:
    """The text of a version, which Portkey answers as a text or inside an object."""
    template = version.prompt_template
    text = template.get("string") if isinstance(template, dict) else template
    return text if isinstance(text, str) else None
