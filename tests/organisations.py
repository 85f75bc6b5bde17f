"""Organisations of known content: small ones, and the seeded one at any time."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.traffic.month import (
    POSITIONS,
    RECIPES,
    make_indexes,
    make_tables,
    month_rows,
)
from portkey_admin_mcp.emulator.traffic.requests import writable_database
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.settings.settings import Settings

INSERT = f"insert into requests values ({', '.join('?' * len(POSITIONS))})"
END = datetime(2026, 11, 2, 9, tzinfo=UTC)
FIRST = END - timedelta(days=200)


class Organisation:
    """An organisation whose clock goes forward, up to `END`; `draw` is its random generator."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(f"organisation {seed}")
        self.now = FIRST
        self.emulator = Emulator("empty", lambda: self.now)
        self.owner = self.emulator.keys()["owner"]
        self._requests = 0

    def api(self, key: str = "") -> Portkey:
        """A client of it."""
        settings = Settings(PORTKEY_API_KEY=SecretStr(key or self.owner))
        return Portkey(settings, InProcess(self.emulator), lambda: self.now)

    def send(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The answer to a request, which must succeed."""
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"x-portkey-api-key": self.owner, "content-type": "application/json"}
        status, _headers, answer = self.emulator.answer(method, f"/v1{path}", headers, content)
        assert status < 300, (method, path, body, answer)
        return json.loads(answer or b"{}")

    def workspaces(self, count: int) -> list[dict[str, Any]]:
        """New workspaces."""
        names = [f"Team {number} {self.draw.randrange(10**6)}" for number in range(count)]
        return [self.send("POST", "/admin/workspaces", {"name": name}) for name in names]

    def key(self, workspace: str | None, scopes: list[str], user: str = "", **more: Any) -> str:
        """The id of a new API key."""
        kind = f"{'workspace' if workspace else 'organisation'}/{'user' if user else 'service'}"
        place = {"workspace_id": workspace} if workspace else {}
        person = {"user_id": user} if user else {}
        body = {"name": self.name("key"), "scopes": scopes} | place | person | more
        return self.send("POST", f"/api-keys/{kind}", body)["id"]

    def user(self, email: str, role: str, workspaces: list[dict[str, str]]) -> str:
        """The id of a new user, who has accepted an invitation."""
        body = {"email": email, "role": role, "workspaces": workspaces}
        invite = self.send("POST", "/admin/users/invites", body)["id"]
        self.emulator.answer("POST", f"/emulator/invites/{invite}/accept", {}, b"{}")
        users = self.emulator.store.table("users").rows()
        return next(row["id"] for row in users if row["email"] == email)

    def prompt(self, workspace: str, name: str, **content: Any) -> dict[str, Any]:
        """A new prompt in the first collection of a workspace, with its first virtual key."""
        place = f"workspace_id={workspace}"
        collection = self.send("GET", f"/collections?{place}")["data"][-1]["id"]
        first = self.send("GET", f"/virtual-keys?{place}")["data"][-1]["slug"]
        body = {"name": name, "collection_id": collection, "string": "Hi", "parameters": {}}
        return self.send(
            "POST", "/prompts", {**body, "virtual_key": first, "model": "x", **content}
        )

    def name(self, kind: str) -> str:
        """A name that nothing else has."""
        return f"{kind} {self.draw.randrange(10**9)}"

    def request(self, at: datetime, workspace: str, **columns: Any) -> None:
        """Record a request to a model."""
        self._requests += 1
        row = {
            **dict.fromkeys(POSITIONS, 0),
            "id": f"request-{self._requests}",
            "created_at": int(at.timestamp() * 1000),
            "workspace_id": workspace,
            "metadata": "{}",
            "status": 200,
            "cache": "disabled",
            **dict.fromkeys(("api_key_id", "user", "ai_model", "virtual_key", "config"), None),
            **dict.fromkeys(("prompt_slug", "request", "response"), None),
            **columns,
        }
        writable_database(self.emulator.store).execute(INSERT, [row[name] for name in POSITIONS])


def seeded_at(end: datetime, requests: int) -> Emulator:
    """The seeded organisation whose month, of so many requests, ends at a time."""
    emulator = Emulator("acme", lambda: end)
    month = emulator.store.database
    make_tables(month)
    recipe = emulator.store.table(RECIPES)["month"]
    month.executemany(INSERT, [row for row, _score in month_rows(recipe, requests)])
    make_indexes(month)
    return emulator


def start_times(count: int) -> list[datetime]:
    """Times across hours, weekdays, months and years."""
    draw = random.Random("start times of workflows")
    first = datetime(2025, 1, 1, tzinfo=UTC)
    return [first + timedelta(minutes=draw.randrange(4 * 366 * 24 * 60)) for _ in range(count)]
