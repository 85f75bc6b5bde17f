"""The organisations that an emulator can start with, created through its own endpoints."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import domain_modules
from ..audit_logs import record_seeded
from ..traffic.month import RECIPES
from .rows import Row
from .seed_file import SETTINGS, SUFFIXES, Document, SeedError, check_document, read_seed_file
from .seed_objects import COLLECTIONS, create_objects
from .seeder import Seeder, all_scopes, workspace_scopes
from .store import Store, frozen_time, moment

USERS = (
    ("Ada", "Okafor", "owner"),
    ("Ben", "Lindqvist", "admin"),
    ("Chitra", "Rao", "member"),
    ("Diego", "Marin", "member"),
    ("Emi", "Tanaka", "member"),
)


def empty(store: Store) -> None:
    """An organisation on its first day: an owner, the default workspace, and the `owner` key."""
    seeder = Seeder(store)
    seeder.add_owner_key(seeder.add_user("Ada", "Okafor", "owner"))
    seeder.create_defaults()
    _add_default_workspace(seeder)


def acme(store: Store) -> None:
    """A small company that has used Portkey for forty days."""
    ahead = store.ahead
    seeder = Seeder(store)
    seeder.observers.append(record_seeded)
    seeder.advance(-40)
    ada, _ben, chitra, diego, emi = (seeder.add_user(*person) for person in USERS)
    seeder.add_owner_key(ada)
    seeder.create_defaults()
    shared = _add_default_workspace(seeder)
    seeder.advance(2)
    science = seeder.add_workspace("🔬 Science", description="Research", users=[chitra])
    support = seeder.add_workspace(
        "Support",
        description="Answers customers",
        defaults={"metadata": {"team": "support"}},
        users=[diego, emi],
        usage_limits=[{"type": "cost", "credit_limit": 500, "periodic_reset": "monthly"}],
    )
    seeder.request(
        "PUT /admin/workspaces/{workspace_id}/users/{user_id}",
        {"role": "manager"},
        workspace_id=support["id"],
        user_id=emi,
    )
    seeder.advance(2)
    providers = _add_virtual_keys(seeder, shared, support)
    routes = _add_configs(seeder, support, providers)
    seeder.advance(2)
    _add_api_keys(seeder, shared, support, emi, routes[0])
    seeder.request(
        "POST /admin/users/invites",
        {
            "email": "farid@acme.example",
            "role": "member",
            "workspaces": [{"id": science["slug"], "role": "member"}],
        },
    )
    for module in domain_modules():
        if hasattr(module, "seed"):
            module.seed(seeder)
    _make_later_changes(seeder, science)
    store.ahead = ahead
    (invite,) = store.table("invites").rows()
    seeder.change("invites", invite["id"], {"expires_at": moment(store.now() + timedelta(days=5))})


def _make_later_changes(seeder: Seeder, science: Row) -> None:
    """Some changes in the weeks after the organisation was set up."""
    with seeder.days_before_end(20):
        changes = {"description": "Research and evaluation"}
        seeder.request("PUT /admin/workspaces/{workspace_id}", changes, workspace_id=science["id"])
    with seeder.days_before_end(11):
        (dashboard,) = seeder.store.table("api_keys").where(name="Dashboard")
        changes = {"description": "Charts for the management"}
        seeder.request("PUT /api-keys/{id}", changes, id=dashboard["id"])


def _add_default_workspace(seeder: Seeder) -> Row:
    workspace = seeder.add_workspace("Shared Team Workspace")
    return seeder.change(
        "workspaces", workspace["id"], {"defaults": {**workspace["defaults"], "is_default": 1}}
    )


def _add_virtual_keys(seeder: Seeder, shared: Row, support: Row) -> list[str]:
    virtual_keys = (
        ("OpenAI main", "openai", support),
        ("Anthropic main", "anthropic", support),
        ("OpenAI shared", "openai", shared),
    )
    return [
        seeder.request(
            "POST /virtual-keys",
            {
                "name": name,
                "provider": provider,
                "key": "sk-not-a-real-key",
                "workspace_id": workspace["id"],
            },
        )["data"]["slug"]
        for name, provider, workspace in virtual_keys
    ]


def _add_configs(seeder: Seeder, support: Row, providers: list[str]) -> list[str]:
    content = {
        "strategy": {"mode": "fallback"},
        "targets": [{"virtual_key": providers[0]}, {"virtual_key": providers[1]}],
    }
    cached = {"cache": {"mode": "simple", "max_age": 3600}, "virtual_key": providers[0]}
    return [
        seeder.request(
            "POST /configs", {"name": name, "config": config, "workspace_id": support["id"]}
        )["slug"]
        for name, config in (("Support fallback", content), ("Cached answers", cached))
    ]


def _add_api_keys(seeder: Seeder, shared: Row, support: Row, user_id: str, config: str) -> None:
    """The keys that `GET /emulator/keys` lists besides `owner`."""
    seeder.add_api_key("admin", "organisation", "service", scopes=all_scopes())
    seeder.add_api_key(
        "workspace-service",
        "workspace",
        "service",
        workspace_id=support["id"],
        scopes=workspace_scopes(),
        defaults={"config_id": config},
    )
    seeder.add_api_key(
        "workspace-user",
        "workspace",
        "user",
        workspace_id=support["id"],
        user_id=user_id,
        scopes=workspace_scopes(),
        usage_limits={"type": "cost", "credit_limit": 50, "periodic_reset": "monthly"},
    )
    key_without_scopes = seeder.add_api_key(
        "scopeless",
        "organisation",
        "service",
        scopes=["none"],
    )
    seeder.change("api_keys", key_without_scopes["id"], {"scopes": []})
    revoked = seeder.add_api_key("revoked", "organisation", "service", scopes=all_scopes())
    seeder.change("api_keys", revoked["id"], {"status": "expired"})


SEEDS: dict[str, Callable[[Store], None]] = {"acme": acme, "empty": empty}


@dataclass(frozen=True)
class Start:
    """The organisation that an emulator starts with, and starts over from."""

    seed: str = "acme"
    """One of `SEEDS`."""
    objects: str = "{}"
    """Further objects: those of a seed file, as JSON."""
    traffic: bool = True
    """Whether the organisation has the month of requests of its seed."""

    def state(self, now: datetime) -> Row:
        """The state of the organisation at a time in whole seconds (see `Store.dump`)."""
        return seeded_state(self.seed, now, self.objects, self.traffic)


def start_from(seed: str | Path | Mapping[str, Any], *, traffic: bool = True) -> Start:
    """The start that a seed describes: a name of `SEEDS`, a seed file, or its decoded content.

    Raises SeedError, also for objects that cannot be created.
    """
    if isinstance(seed, str) and seed in SEEDS:
        return Start(seed, traffic=traffic)
    if isinstance(seed, Mapping):
        return _start_of(seed, traffic)
    path = Path(seed)
    if path.suffix not in SUFFIXES:
        raise SeedError(
            f"must be one of: {', '.join(SEEDS)}; or a file that ends with .yaml or .json"
        )
    content = read_seed_file(path)
    try:
        return _start_of(content, traffic)
    except SeedError as error:
        raise SeedError(f"{path}: {error}") from None


def check_objects(content: Any) -> Document:
    """The objects of decoded content to add to an organisation. Raises SeedError."""
    if not isinstance(content, Mapping):
        raise SeedError("must be an object with collections, such as 'workspaces'")
    for name in SETTINGS:
        if name in content:
            raise SeedError(f"{name}: applies to a new organisation only; leave it out here")
    return check_document(content, COLLECTIONS)


def _start_of(content: Mapping[str, Any], traffic: bool) -> Start:
    name, own_traffic = content.get("start", "empty"), content.get("traffic", True)
    if name not in SEEDS:
        raise SeedError(f"start: must be {' or '.join(SEEDS)}, not {name!r}")
    if not isinstance(own_traffic, bool):
        raise SeedError("traffic: must be true or false")
    objects = json.dumps(check_document(content, COLLECTIONS))
    start = Start(name, objects, traffic and own_traffic)
    start.state(frozen_time())  # raises SeedError
    return start


@lru_cache(maxsize=16)
def seeded_state(seed: str, now: datetime, objects: str = "{}", traffic: bool = True) -> Row:
    """The state (see `Store.dump`) of an organisation that is seeded at a time in whole seconds.

    `objects` are those of a seed file, as JSON, and `traffic` is whether there is a month of
    requests. Raises SeedError for an object that cannot be created.

    The same seed and time always give the same rows, and rows are never changed in place:
    therefore all emulators of a process can share them.
    """
    store = Store(lambda: now)
    with store.transaction():
        SEEDS[seed](store)
        create_objects(store, json.loads(objects), record_seeded)
        month = store.table(RECIPES).get("month")
        if month is not None and not traffic:
            store.table(RECIPES).remove(month)
    return store.dump()
