"""What a dry run of a prompt checks by reading."""

from dataclasses import dataclass, field

from ...errors import Forbidden, NotFound, PortkeyAdminError
from ...models.core.paging import Page
from ...models.providers import Provider, ProviderFilter
from ...models.virtual_keys import VirtualKey, VirtualKeyFilter
from ...portkey.api import Portkey
from ...suggestions import suggest
from ...tools.collections import get_collection
from ...tools.providers import list_providers
from ...tools.virtual_keys import list_virtual_keys

CHECK_TOOLS = (get_collection, list_virtual_keys, list_providers)
NEVER_CHECKED = ("model", "parameters")
PAGE_SIZE = 100
MAX_PAGES = 10
"""Pages of each list that are read; in a longer list a slug counts as not checked."""
MAX_SHOWN = 10


@dataclass
class Check:
    """Why the real call would be refused, and the arguments that were not checked."""

    problems: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=lambda: [*NEVER_CHECKED])


async def check_references(
    api: Portkey, collection_id: str | None, virtual_key: str | None
) -> Check:
    """Check that a prompt's collection exists, and that its provider is in the same workspace.

    Without a collection the workspace is unknown, and the provider is not checked.
    """
    check = Check()
    try:
        workspace_id = await _workspace_of(api, collection_id) if collection_id else None
    except (Forbidden, NotFound) as error:
        check.problems.append(
            f"collection_id: Portkey answered {error.status} for {collection_id!r}, which does not "
            "exist, or which this key may not read"
        )
        workspace_id = None
    except PortkeyAdminError:
        check.not_checked.append("collection_id")
        workspace_id = None
    if not virtual_key:
        return check
    slugs = await _provider_slugs(api, workspace_id) if workspace_id else None
    if slugs is None:
        check.not_checked.append("virtual_key")
    elif virtual_key.removeprefix("@") not in slugs:
        names = f"there are {', '.join(slugs[:MAX_SHOWN])}" if slugs else "it has none"
        check.problems.append(
            f"virtual_key: {virtual_key!r} is neither a virtual key nor a provider of the "
            f"collection's workspace; {suggest(virtual_key, slugs) or names}"
        )
    return check


async def _workspace_of(api: Portkey, collection_id: str) -> str | None:
    return (await get_collection(api, collection_id)).workspace_id


async def _provider_slugs(api: Portkey, workspace_id: str) -> list[str] | None:
    """The slugs of a workspace's virtual keys and providers; None if they cannot all be read."""
    slugs: list[str] = []
    for number in range(MAX_PAGES):
        place = {"workspace_id": workspace_id, "page_size": PAGE_SIZE, "current_page": number}
        try:
            pages: list[Page[VirtualKey] | Page[Provider]] = [
                await list_virtual_keys(api, VirtualKeyFilter.model_validate(place)),
                await list_providers(api, ProviderFilter.model_validate(place)),
            ]
        except PortkeyAdminError:
            return None
        slugs += [row.slug for page in pages for row in page.data if row.slug]
        if not any(page.has_more for page in pages):
            return list(dict.fromkeys(slugs))
    return None
