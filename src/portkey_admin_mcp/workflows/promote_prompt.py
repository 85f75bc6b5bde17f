"""Copy a prompt's published version into the collection of another environment."""

import re
from typing import Any

from pydantic import Field

from ..errors import InputError
from ..models.core.base import ABSENT, Arguments
from ..models.prompts import OfVersion, PromptId, PromptOutcome
from ..portkey.api import Portkey
from ..portkey.catalog import workflow
from ..tools.prompts import get_prompt
from .prompts.content import (
    CONTENT_FIELDS,
    FIND_TOOLS,
    OPTIONAL_TOOLS,
    WRITE_TOOLS,
    TargetPrompt,
    write_prompt,
)
from .shared.timestamps import utc_timestamp

DOMAIN = "prompts"
ENVIRONMENT_SUFFIX = re.compile(r"-(dev|staging|prod)$")


class Promotion(Arguments):
    """The collection, environment and name that a prompt is copied to."""

    target_collection_id: str = Field(min_length=1, description="Id or slug.")
    target_env: str = Field(min_length=1, description="E.g. staging, prod.")
    target_name: str = Field(
        default=ABSENT, description="If left out: the source's, ending in the env."
    )
    virtual_key: str = Field(default=ABSENT, description="The target's, if not the source's.")


class Promoted(PromptOutcome):
    """What was promoted, and to where."""

    source_prompt_id: str = ""
    source_version: int = 0
    target_name: str = ""
    promoted_at: str = ""


@workflow(get_prompt, *FIND_TOOLS, *WRITE_TOOLS, optional=OPTIONAL_TOOLS, effect="overwrite")
async def promote_prompt(
    api: Portkey, source_prompt_id: PromptId, promotion: Promotion
) -> Promoted:
    """Copy a prompt's published version to another environment's collection; safe to repeat.

    Created there if missing, else a new unpublished version, or nothing if equal. Then
    `publish_prompt` on the target.
    """
    source = (await get_prompt(api, source_prompt_id, OfVersion())).answer()
    slug, number = source.get("slug") or source_prompt_id, source.get("prompt_version")
    promoted_at = utc_timestamp(api.now())
    target = _target(source, promotion, f"{slug}", f"{number}", promoted_at)
    outcome = await write_prompt(api, target, [f"read {slug} version {number}"], dry_run=False)
    return Promoted(
        **outcome.model_dump(),
        source_prompt_id=source.get("id") or source_prompt_id,
        source_version=number or 0,
        target_name=target.name,
        promoted_at="" if outcome.action == "unchanged" else promoted_at,
    )


def _target(
    source: dict[str, Any], promotion: Promotion, slug: str, number: str, promoted_at: str
) -> TargetPrompt:
    metadata = {
        **(source.get("template_metadata") or {}),
        "env": promotion.target_env,
        "promoted_from": slug,
        "promoted_from_version": number,
    }
    return TargetPrompt(
        name=promotion.target_name or _name_in(promotion.target_env, source.get("name") or ""),
        collection_id=promotion.target_collection_id,
        content=_content(source, promotion),
        description={"version_description": f"Promoted from {slug} v{number}"},
        # Its metadata names the source's version, which may differ although the content does not.
        compared_metadata={},
        metadata={**metadata, "promoted_at": promoted_at},
        replaces_content=True,
        source_id=source.get("id") or "",
    )


def _name_in(environment: str, source_name: str) -> str:
    return f"{ENVIRONMENT_SUFFIX.sub('', source_name)}-{environment}"


def _content(source: dict[str, Any], promotion: Promotion) -> dict[str, Any]:
    """The fields that a model is called with, except those that are empty in the source.

    Raises InputError if there is no virtual key or no template.
    """
    content = {name: source[name] for name in CONTENT_FIELDS if source.get(name)}
    content["parameters"] = source.get("parameters") or {}
    content["is_raw_template"] = bool(source.get("is_raw_template"))
    content["virtual_key"] = promotion.virtual_key or source.get("virtual_key")
    if not content["virtual_key"]:
        raise InputError(
            "Cannot promote prompt: source version has no virtual_key and none was provided"
        )
    if not content.get("string"):
        raise InputError("Cannot promote prompt: source version has no template")
    return content
