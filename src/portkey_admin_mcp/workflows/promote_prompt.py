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
from .prompt_content import EXECUTED, FINDING, WRITING, Wanted, utc_timestamp, write_prompt

DOMAIN = "prompts"
ENVIRONMENT = re.compile(r"-(dev|staging|prod)$")


class Promotion(Arguments):
    """Where a prompt goes."""

    target_collection_id: str = Field(min_length=1, description="Id or slug.")
    target_env: str = Field(min_length=1, description="E.g. staging, prod.")
    target_name: str = Field(ABSENT, description="If left out: the source's, ending in the env.")
    virtual_key: str = Field(ABSENT, description="The target's, if not the source's.")


class Promoted(PromptOutcome):
    """What was promoted, and to where."""

    source_prompt_id: str = ""
    source_version: int = 0
    target_name: str = ""
    promoted_at: str = ""


@workflow(get_prompt, *FINDING, *WRITING, effect="overwrite")
async def promote_prompt(
    api: Portkey, source_prompt_id: PromptId, promotion: Promotion
) -> Promoted:
    """Copy a prompt's published version to another environment's collection; safe to repeat.

    Created there if missing, else a new unpublished version, or nothing if equal. Then
    `publish_prompt` on the target.
    """
    source = (await get_prompt(api, source_prompt_id, OfVersion())).answer()
    slug, number = source.get("slug") or source_prompt_id, source.get("prompt_version")
    at = utc_timestamp()
    wanted = _wanted(source, promotion, f"{slug}", f"{number}", at)
    outcome = await write_prompt(api, wanted, [f"read {slug} version {number}"], dry_run=False)
    return Promoted(
        **outcome.model_dump(),
        source_prompt_id=source.get("id") or source_prompt_id,
        source_version=number or 0,
        target_name=wanted.name,
        promoted_at="" if outcome.action == "unchanged" else at,
    )


def _wanted(
    source: dict[str, Any], promotion: Promotion, slug: str, number: str, at: str
) -> Wanted:
    metadata = {
        **(source.get("template_metadata") or {}),
        "env": promotion.target_env,
        "promoted_from": slug,
        "promoted_from_version": number,
    }
    return Wanted(
        name=promotion.target_name or _named(source.get("name") or "", promotion.target_env),
        collection_id=promotion.target_collection_id,
        content=_content(source, promotion),
        described={"version_description": f"Promoted from {slug} v{number}"},
        # Where it came from differs with each version of the source, though the text may not.
        compared={},
        stamped={**metadata, "promoted_at": at},
        is_whole=True,
        source_id=source.get("id") or "",
    )


def _named(source: str, environment: str) -> str:
    return f"{ENVIRONMENT.sub('', source)}-{environment}"


def _content(source: dict[str, Any], promotion: Promotion) -> dict[str, Any]:
    """What a model is called with, without what the source leaves empty."""
    content = {name: source[name] for name in EXECUTED if source.get(name)}
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
