"""Versions of prompts and partials by their id or their number."""

from collections.abc import Iterable
from typing import Any

from ...errors import NotFound, PortkeyAdminError
from ...models.partials import PartialRef
from ...models.prompts import PromptVersion, PromptWrite
from ...portkey.api import Portkey
from ...tools.partials import list_partial_versions
from ...tools.prompts import list_prompt_versions

Number = int | float
MAX_SHOWN = 10
"""Numbers of versions that an error names."""


def is_number(version: str | Number) -> bool:
    """Whether this is the number of a version; otherwise it is an id."""
    return not isinstance(version, str) or version.isdecimal()


async def prompt_version_id(api: Portkey, prompt_id: str, version: str) -> str:
    """The id of a prompt's version, which is given by its id or its number.

    Raises NotFound for a number that no version has, and the errors of a read.
    """
    if not is_number(version):
        return version
    versions = (await list_prompt_versions(api, prompt_id)).data
    ids = {_number(each.prompt_version): each.id for each in versions}
    return str(_one_of(ids, int(version), "GET /prompts/{prompt_id}/versions"))


async def prompt_version_number(api: Portkey, prompt_id: str, version: str | Number) -> Number:
    """The number of a prompt's version, which is given by its id or its number.

    Raises NotFound for an id that no version has, and the errors of a read.
    """
    if is_number(version):
        return int(version) if isinstance(version, str) else version
    versions = (await list_prompt_versions(api, prompt_id)).data
    return _number_of(versions, str(version), "GET /prompts/{prompt_id}/versions")


async def partial_version_number(api: Portkey, partial_id: str, version: str | Number) -> Number:
    """The same of a partial."""
    if is_number(version):
        return int(version) if isinstance(version, str) else version
    versions = (await list_partial_versions(api, partial_id)).data
    numbers = {each.prompt_partial_version_id: _number(each.version) for each in versions}
    request = "GET /prompts/partials/{prompt_partial_id}/versions"
    return int(_one_of(numbers, str(version), request))


async def with_prompt_version(api: Portkey, prompt_id: str, written: PromptWrite) -> PromptWrite:
    """The answer to a write with the number of the version it made, if that can be read.

    The prompt is written already, so an error of the read is no error of the write.
    """
    version_id = written.prompt_version_id or written.version_id
    if not version_id:
        return written
    try:
        number = await prompt_version_number(api, prompt_id, version_id)
    except PortkeyAdminError:
        return written
    return PromptWrite.read({**written.answer(), "prompt_version": number})


async def with_partial_version(api: Portkey, partial_id: str, written: PartialRef) -> PartialRef:
    """The same of a partial."""
    version_id = written.prompt_partial_version_id or written.version_id
    if not version_id:
        return written
    try:
        number = await partial_version_number(api, partial_id, version_id)
    except PortkeyAdminError:
        return written
    return PartialRef.read({**written.answer(), "version": number})


def _number_of(versions: Iterable[PromptVersion], id: str, request: str) -> int:
    return int(_one_of({each.id: _number(each.prompt_version) for each in versions}, id, request))


def _number(text: int | str | None) -> int:
    return int(text or 0)


def _one_of(values: dict[Any, Any], key: Any, request: str) -> Any:
    if key in values:
        return values[key]
    shown = ", ".join(map(str, [*values][:MAX_SHOWN]))
    raise NotFound(f"there is no version {key}; there are {shown or 'none'}", request=request)
