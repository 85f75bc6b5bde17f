"""The organisations an emulator may start with, made through its own endpoints."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec

from ..domains import DOMAINS
from .founder import Founder, all_scopes, lay_foundations, workspace_scopes
from .store import Store, moment
from .tables import Row

PEOPLE = (
    ("Ada", "Okafor", "owner"),
    ("Ben", "Lindqvist", "admin"),
    ("Chitra", "Rao", "member"),
    ("Diego", "Marin", "member"),
    ("Emi", "Tanaka", "member"),
)
MODELS = (("openai", "gpt-5"), ("openai", "gpt-5-mini"), ("anthropic", "claude-sonnet-5"))


def empty(store: Store) -> None:
    """An organisation on its first day: an owner, a default workspace, and one key."""
    founder = Founder(store)
    founder.owner_key(founder.user("Ada", "Okafor", "owner"))
    lay_foundations(founder)
    _default(founder)


def acme(store: Store) -> None:
    """A small company, forty days in."""
    ahead = store.ahead
    founder = Founder(store)
    founder.days(-40)
    ada, _ben, chitra, diego, emi = (founder.user(*person) for person in PEOPLE)
    founder.owner_key(ada)
    lay_foundations(founder)
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
    for name in DOMAINS:
        module = f"{__package__}.{name}"
        fill = getattr(import_module(module), "seed", None) if find_spec(module) else None
        if fill is not None:
            fill(founder)
    store.ahead = ahead
    (invite,) = store.table("invites").rows()
    founder.changed(
        "invites", invite["id"], {"expires_at": moment(store.now() + timedelta(days=5))}
    )
    _requests(store, support, shared, keys, routes, providers)


def _default(founder: Founder) -> Row:
    made = founder.workspace("Shared Team Workspace")
    return founder.changed(
        "workspaces", made["id"], {"defaults": {**made["defaults"], "is_default": 1}}
    )


def _virtual_keys(founder: Founder, shared: Row, support: Row) -> list[str]:
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


def _configs(founder: Founder, support: Row, providers: list[str]) -> list[str]:
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


def _api_keys(founder: Founder, shared: Row, support: Row, user_id: str, config: str) -> list[str]:
    """The keys a sandbox can be tried with, by name."""
    founder.api_key("admin", "organisation", "service", scopes=all_scopes())
    service = founder.api_key(
        "workspace-service",
        "workspace",
        "service",
        workspace_id=support["id"],
        scopes=workspace_scopes(),
        defaults={"config_id": config},
    )
    person = founder.api_key(
        "workspace-user",
        "workspace",
        "user",
        workspace_id=support["id"],
        user_id=user_id,
        scopes=workspace_scopes(),
        usage_limits={"type": "cost", "credit_limit": 50, "periodic_reset": "monthly"},
    )
    scopeless = founder.api_key(
        "scopeless",
        "organisation",
        "service",
        scopes=["none"],
    )
    founder.changed("api_keys", scopeless["id"], {"scopes": []})
    revoked = founder.api_key("revoked", "organisation", "service", scopes=all_scopes())
    # A status Portkey does not list: here so that a revoked key can be tried, and found.
    founder.changed("api_keys", revoked["id"], {"status": "revoked"})
    return [service["id"], person["id"]]


def _requests(
    store: Store, support: Row, shared: Row, keys: list[str], routes: list[str], slugs: list[str]
) -> None:
    """Thirty days of requests, for the analytics to count."""
    chance = store.random()
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
        store.table("requests").add(row)


SEEDS: dict[str, Callable[[Store], None]] = {"acme": acme, "empty": empty}
