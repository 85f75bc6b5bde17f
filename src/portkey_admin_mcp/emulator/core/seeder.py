"""Fills an organisation with data, by calling its own endpoints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from .api_key_rows import add_api_key, new_api_key
from .routing import ADMIN, ROUTES, Call, Route
from .rows import Row
from .store import Store, instant
from .tables import all_tables

ORGANISATION_ONLY = ("organisation_", "workspaces.create", "workspaces.delete")
"""The beginnings of the scopes that only keys of the organisation may have."""
REQUEST_DURATION = timedelta(minutes=7)
"""How much later each request of the seed is than the one before."""


def all_scopes() -> list[str]:
    """Every scope that any endpoint needs."""
    scopes = {scope for r in ROUTES.values() for any_of in r.scopes for scope in any_of}
    return sorted(scopes)


def workspace_scopes() -> list[str]:
    """The scopes that a workspace's key may have."""
    data_plane = {"completions.write", "logs.view"}
    own = {scope for scope in all_scopes() if not scope.startswith(ORGANISATION_ONLY)}
    return sorted(own | data_plane)


class Seeder:
    """Fills a store by calling endpoints with the `owner` key."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.organisation = store.uuid()
        self.key: Row = {}
        self.until = store.stamp()
        """The time at which the seed ends; the seeded requests end there too."""
        self.observers: list[Callable[[Call, Route], None]] = []
        """Called after each request of the seed."""

    def request(self, endpoint: str, body: Row | None = None, **ids: str) -> Any:
        """Call an endpoint, written as in its route, and return its answer.

        Each request takes some minutes, so that the audit log tells them apart.
        """
        call = self.call(body, **ids)
        answer = ROUTES[endpoint].handler(call)
        for observer in self.observers:
            observer(call, ROUTES[endpoint])
        self.store.ahead += REQUEST_DURATION
        return answer

    @contextmanager
    def days_before_end(self, days: float) -> Iterator[None]:
        """Within the block, it is so many days before the end of the seed."""
        ahead = self.store.ahead
        self.store.ahead += instant(self.until) - timedelta(days=days) - self.store.now()
        try:
            yield
        finally:
            self.store.ahead = ahead

    def call(self, body: Row | None = None, **ids: str) -> Call:
        """A request with the `owner` key."""
        return Call(self.store, self.key, ids, {}, body or {})

    def workspace_named(self, name: str) -> Row:
        """A seeded workspace by name: `Support`, `Science` or `Shared Team Workspace`."""
        return self.store.table("workspaces").where(name=name)[0]

    def user_named(self, first_name: str) -> Row:
        """A user by first name: `Ada` is the owner, `Ben` an admin, the others are members."""
        return self.store.table("users").where(first_name=first_name)[0]

    def add_owner_key(self, user_id: str | None) -> None:
        """Add the `owner` key, the only key that no request creates."""
        secret = self.store.secret()
        key = {
            **new_api_key(self.store, "Sandbox owner", ADMIN, self.organisation),
            "description": "May do everything: a departure from Portkey",
            "user_id": user_id,
            "creation_mode": "auto",
            "scopes": all_scopes(),
            "_seed": "owner",
            "_owner": True,
        }
        self.key = add_api_key(self.store, key, secret)

    def create_defaults(self) -> None:
        """Create the rows that every organisation has from its first day."""
        for table in all_tables().values():
            if table.on_new_organisation is not None:
                table.on_new_organisation(self.call())

    def add_user(self, first: str, last: str, role: str) -> str:
        """Add a user, as if an invitation had been accepted; returns the id."""
        now = self.store.stamp()
        user = {
            "object": "user",
            "id": self.store.uuid(),
            "first_name": first,
            "last_name": last,
            "role": role,
            "email": f"{first.lower()}@acme.example",
            "created_at": now,
            "last_updated_at": now,
        }
        self.store.table("users").add(user)
        return user["id"]

    def add_workspace(self, name: str, **more: Any) -> Row:
        """Add a workspace; `more` are further fields of the request body."""
        return dict(self.request("POST /admin/workspaces", {"name": name, **more}))

    def add_api_key(self, seed: str, type_: str, sub_type: str, **body: Any) -> Row:
        """Add an API key that `GET /emulator/keys` lists under the name `seed`."""
        created = self.request(
            "POST /api-keys/{type}/{sub_type}",
            {"name": seed.replace("-", " ").capitalize(), **body},
            type=type_,
            sub_type=sub_type,
        )
        return self.change("api_keys", created["id"], {"_seed": seed})

    def change(self, table: str, row_id: str, changes: Row) -> Row:
        """Change a row in a way that no endpoint allows."""
        rows = self.store.table(table)
        return rows.change(rows[row_id], changes)

    def advance(self, days: float) -> None:
        """Move the emulated time forward by some days, or back if negative."""
        self.store.ahead += timedelta(days=days)
