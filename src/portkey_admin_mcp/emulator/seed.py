"""The organisations an emulator may start with, made through its own endpoints."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from . import api_keys, configs, users, virtual_keys, workspaces  # noqa: F401  # their routes
from .kernel import ADMIN, ROUTES, Call
from .store import Row, Store, moment

ALL_SCOPES = [
    *(
        f"{kind}.{act}"
        for kind in (
            "workspaces",
            "workspace_users",
            "organisation_users",
            "configs",
            "virtual_keys",
            "organisation_service_api_keys",
            "workspace_service_api_keys",
            "workspace_user_api_keys",
        )
        for act in ("create", "read", "update", "delete", "list")
    ),
    *(
        f"{kind}_api_keys.rotate"
        for kind in ("organisation_service", "workspace_service", "workspace_user")
    ),
    "analytics.view",
]
WORKSPACE_SCOPES = [
    scope
    for scope in ALL_SCOPES
    if scope.split(".")[0] in ("configs", "virtual_keys", "analytics", "workspace_users")
    or scope.startswith(("workspace_service", "workspace_user"))
] + ["workspaces.read", "completions.write", "logs.view"]
PEOPLE = (
    ("Ada", "Okafor", "owner"),
    ("Ben", "Lindqvist", "admin"),
    ("Chitra", "Rao", "member"),
    ("Diego", "Marin", "member"),
    ("Emi", "Tanaka", "member"),
)
MODELS = (("openai", "gpt-5"), ("openai", "gpt-5-mini"), ("anthropic", "claude-sonnet-5"))


class _Founder:
    """Fills a store by calling endpoints as the organisation's owner."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.organisation = store.uuid()
        self.key: Row = {}

    def does(self, endpoint: str, body: Row | None = None, **ids: str) -> Any:
        call = Call(self.store, self.key, ids, {}, body or {})
        return ROUTES[endpoint].handler(call)

    def owner_key(self, user_id: str | None) -> None:
        """The one key that is not made by another."""
        now = self.store.stamp()
        secret = self.store.secret()
        self.key = {
            "id": self.store.uuid(),
            "name": "Sandbox owner",
            "description": "May do everything: a departure from Portkey",
            "type": ADMIN,
            "organisation_id": self.organisation,
            "workspace_id": None,
            "user_id": user_id,
            "status": "active",
            "created_at": now,
            "last_updated_at": now,
            "creation_mode": "auto",
            "rate_limits": [],
            "usage_limits": None,
            "reset_usage": 0,
            "scopes": ALL_SCOPES,
            "defaults": {"metadata": None, "config_id": None, "allow_config_override": True},
            "alert_emails": [],
            "expires_at": None,
            "rotation_policy": None,
            "object": "api-key",
            "_seed": "owner",
            "_owner": True,
            "_usage": 0,
            "_secrets": [{"value": secret, "until": None}],
        }
        self.store.tables["api_keys"][self.key["id"]] = self.key

    def user(self, first: str, last: str, role: str) -> str:
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
        self.store.tables["users"][user["id"]] = user
        return user["id"]

    def workspace(self, name: str, **more: Any) -> Row:
        return dict(self.does("POST /admin/workspaces", {"name": name, **more}))

    def api_key(self, seed: str, type_: str, sub_type: str, **body: Any) -> Row:
        made = self.does(
            "POST /api-keys/{type}/{sub_type}",
            {"name": seed.replace("-", " ").capitalize(), **body},
            type=type_,
            sub_type=sub_type,
        )
        row = self.store.tables["api_keys"][made["id"]]
        row["_seed"] = seed
        return row

    def days(self, days: float) -> None:
        self.store.ahead += timedelta(days=days)


def empty(store: Store) -> None:
    """An organisation on its first day: an owner, a default workspace, and one key."""
    founder = _Founder(store)
    founder.owner_key(founder.user("Ada", "Okafor", "owner"))
    _default(founder)


def acme(store: Store) -> None:
    """A small company, forty days in."""
    ahead = store.ahead
    founder = _Founder(store)
    founder.days(-40)
    ada, _ben, chitra, diego, emi = (founder.user(*person) for person in PEOPLE)
    founder.owner_key(ada)
    shared = _default(founder)
    founder.days(5)
    science = founder.workspace("🔬 Science", description="Research and evaluation", users=[chitra])
    support = founder.workspace(
        "Support",
        description="Answers customers",
        defaults={"metadata": {"team": "support"}},
        users=[diego, emi],
        usage_limits=[{"type": "cost", "credit_limit": 500, "periodic_reset": "monthly"}],
    )
    founder.days(5)
    providers = _virtual_keys(founder, shared, support)
    routes = _configs(founder, support, providers)
    founder.days(5)
    keys = _api_keys(founder, shared, support, emi, routes[0])
    founder.does(
        "POST /admin/users/invites",
        {
            "email": "farid@acme.example",
            "role": "member",
            "workspaces": [{"id": science["slug"], "role": "member"}],
        },
    )
    store.ahead = ahead
    invite = next(iter(store.tables["invites"].values()))
    invite["expires_at"] = moment(store.now() + timedelta(days=5))
    _requests(store, support, shared, keys, routes, providers)


def _default(founder: _Founder) -> Row:
    made = founder.workspace("Shared Team Workspace")
    row = founder.store.tables["workspaces"][made["id"]]
    row["defaults"]["is_default"] = 1
    return row


def _virtual_keys(founder: _Founder, shared: Row, support: Row) -> list[str]:
    wanted = (
        ("OpenAI main", "openai", support),
        ("Anthropic main", "anthropic", support),
        ("OpenAI shared", "openai", shared),
    )
    return [
        founder.does(
            "POST /virtual-keys",
            {
                "name": name,
                "provider": provider,
                "key": "sk-not-a-real-key",
                "workspace_id": home["id"],
            },
        )["data"]["slug"]
        for name, provider, home in wanted
    ]


def _configs(founder: _Founder, support: Row, providers: list[str]) -> list[str]:
    content = {
        "strategy": {"mode": "fallback"},
        "targets": [{"virtual_key": providers[0]}, {"virtual_key": providers[1]}],
    }
    cached = {"cache": {"mode": "simple", "max_age": 3600}, "virtual_key": providers[0]}
    return [
        founder.does(
            "POST /configs", {"name": name, "config": config, "workspace_id": support["id"]}
        )["slug"]
        for name, config in (("Support fallback", content), ("Cached answers", cached))
    ]


def _api_keys(founder: _Founder, shared: Row, support: Row, user_id: str, config: str) -> list[str]:
    """The keys a sandbox can be tried with, by name."""
    founder.api_key("admin", "organisation", "service", scopes=ALL_SCOPES)
    service = founder.api_key(
        "workspace-service",
        "workspace",
        "service",
        workspace_id=support["id"],
        scopes=WORKSPACE_SCOPES,
        defaults={"config_id": config},
    )
    person = founder.api_key(
        "workspace-user",
        "workspace",
        "user",
        workspace_id=support["id"],
        user_id=user_id,
        scopes=WORKSPACE_SCOPES,
        usage_limits={"type": "cost", "credit_limit": 50, "periodic_reset": "monthly"},
    )
    scopeless = founder.api_key(
        "scopeless",
        "organisation",
        "service",
        scopes=["none"],
    )
    scopeless["scopes"] = []
    revoked = founder.api_key("revoked", "organisation", "service", scopes=ALL_SCOPES)
    # A status Portkey does not list: here so that a revoked key can be tried, and found.
    revoked["status"] = "revoked"
    return [service["id"], person["id"]]


def _requests(
    store: Store, support: Row, shared: Row, keys: list[str], routes: list[str], slugs: list[str]
) -> None:
    """Thirty days of requests, for the analytics to count."""
    chance = store.chance()
    now = store.now()
    for number in range(400):
        org, model = chance.choice(MODELS)
        tokens = (chance.randrange(50, 4000), chance.randrange(20, 1500))
        user = chance.choice(("chitra@acme.example", "diego@acme.example", "emi@acme.example"))
        home = support if number % 4 else shared
        row = {
            "id": store.uuid(),
            "workspace_id": home["id"],
            "created_at": moment(now - timedelta(minutes=chance.randrange(30 * 24 * 60))),
            "user": user,
            "metadata": {"_user": user, "team": "support" if number % 4 else "shared"},
            "ai_org_model": f"{org}__{model}",
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "total_tokens": sum(tokens),
            "cost": round((tokens[0] + 4 * tokens[1]) / 8000, 4),
            "status_code": 200 if chance.random() < 0.96 else 429,
            "weighted_feedback": chance.choice((None, None, 5, -5)),
            "virtual_key": chance.choice(slugs[:2]) if number % 4 else slugs[2],
            "config": routes[0] if number % 4 else None,
            "api_key_id": chance.choice(keys) if number % 4 else None,
            "trace_id": f"trace-{number // 2}",
            "span_id": f"span-{number}",
            "prompt_slug": None,
        }
        store.tables["requests"][row["id"]] = row


SEEDS: dict[str, Callable[[Store], None]] = {"acme": acme, "empty": empty}
