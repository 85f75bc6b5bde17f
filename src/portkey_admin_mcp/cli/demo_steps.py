"""The steps of the demo: an administrator's usual tasks, each a call of a tool."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from mcp import Client
from mcp_types import ElicitResult, ErrorData
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

Answer = dict[str, Any]
SECRET_FIELDS = ("key", "invite_link")
"""Fields of an answer that are masked before it is printed."""
SUMMARY_FIELDS = (
    "action",
    "id",
    "slug",
    "name",
    "target_name",
    "version_id",
    *SECRET_FIELDS,
    "key_transition_expires_at",
)
"""Fields that the summary of a single object shows."""


PERSON_S = 1.2
"""Seconds that a person takes to answer: the server takes a faster answer for a program's."""


class DemoFailed(Exception):
    """A tool returned something other than the demo expects."""


class Demo:
    """Calls tools and prints each call with its result; `count` is the number of calls."""

    def __init__(self, client: Client, console: Console) -> None:
        self._client = client
        self._console = console
        self.count = 0

    async def call(self, why: str, tool: str, **arguments: Any) -> Answer:
        """Call a tool and return its structured content; raises DemoFailed if the tool fails."""
        result, elapsed_ms = await self._step(why, tool, arguments)
        if result.is_error:
            raise DemoFailed(_text(result))
        answer: Answer = result.structured_content or {}
        self._result("✓", "green", _summary(answer), elapsed_ms)
        return answer

    async def expect_refusal(self, why: str, tool: str, code: str, **arguments: Any) -> None:
        """Call a tool that must be refused with this status, and print the advice.

        Raises DemoFailed if the call succeeds, or fails with another status.
        """
        result, elapsed_ms = await self._step(why, tool, arguments)
        if not result.is_error or code not in _text(result):
            raise DemoFailed(f"{tool} should have been refused with {code}: {_text(result)}")
        self._result("✋", "yellow", _text(result), elapsed_ms)

    def require(self, condition: bool, message: str) -> None:
        """Raise DemoFailed with this message unless the condition holds."""
        if not condition:
            raise DemoFailed(message)

    async def _step(self, why: str, tool: str, arguments: Answer) -> tuple[Any, float]:
        self.count += 1
        self._console.print(Text.assemble((f"\n{self.count:2}  ", "dim"), (why, "bold")))
        text = json.dumps(_masked(arguments), ensure_ascii=False)
        self._console.print(Padding(Text.assemble((tool, "cyan"), f" {text}"), (0, 0, 0, 4)))
        started = time.perf_counter()
        result = await self._client.call_tool(tool, arguments)
        return result, (time.perf_counter() - started) * 1000

    def _result(self, mark: str, style: str, text: str, elapsed_ms: float) -> None:
        line = Text.assemble((f"{mark} ", style), text, (f"  {elapsed_ms:.0f} ms", "dim"))
        self._console.print(Padding(line, (0, 0, 0, 4)))


class Person:
    """Plays the person at the client, who is asked before a change of high risk."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def answer(self, context: Any, params: Any) -> ElicitResult | ErrorData:
        """Read the question, and type the name that it asks for, as slowly as a person."""
        question, _, name = params.message.rpartition("\n")
        name = name.partition(": ")[2]
        await anyio.sleep(PERSON_S)
        text = Text.assemble(("? ", "magenta"), question, f"\nA person confirms: {name}")
        self._console.print(Padding(text, (0, 0, 0, 4)))
        return ElicitResult(action="accept", content={"name": name})


async def walk_through(demo: Demo) -> None:
    """Run every step: create a team with a config, prompt and key, change them, explain costs."""
    team, person = await _create_team(demo)
    config, slugs = await _create_config(demo, team)
    await _write_prompt(demo, team, slugs[0])
    key = await _create_key(demo, team, config)
    await _change_config(demo, team, config, slugs)
    await demo.expect_refusal(
        "Can the config go? A key still uses it",
        "delete_config",
        "409",
        slug=config,
        workspace_id=team,
    )
    rotated = await demo.call(
        "Rotate the key; the old secret lives half an hour", "rotate_api_key", id=key
    )
    demo.require(rotated["id"] == key, "the key's id must stay")
    api_key = await demo.call("Is the new secret safe from now on?", "get_api_key", id=key)
    demo.require("*****" in api_key["key"], "the secret must be masked")
    await demo.expect_refusal(
        "Delete the workspace? Not while it is in use", "delete_workspace", "409", workspace_id=team
    )
    members = await demo.call(
        "Who is in the team now?", "list_workspace_members", workspace_id=team
    )
    demo.require(members["data"][0]["id"] == person, "the person must be a member")
    await _explain_spending(demo)


async def _create_team(demo: Demo) -> tuple[str, str]:
    """Create a workspace with a manager; its slug, and the manager's user id."""
    workspaces = await demo.call("Which workspaces are there?", "list_workspaces")
    demo.require(workspaces["total"] >= 1, "an organisation has a workspace")
    workspace = await demo.call(
        "A new team needs a workspace with a budget",
        "create_workspace",
        name="Growth",
        description="Experiments on the landing pages",
        usage_limits=[{"type": "cost", "credit_limit": 200, "periodic_reset": "monthly"}],
    )
    team = workspace["slug"]
    users = await demo.call("Who could join?", "list_all_users", role="member")
    person = users["data"][0]["id"]
    await demo.call(
        f"{users['data'][0]['first_name']} will run it",
        "add_workspace_member",
        workspace_id=team,
        user_id=person,
        role="manager",
    )
    await demo.call(
        "And a newcomer is invited",
        "invite_user",
        email="grace@acme.example",
        role="member",
        workspaces=[{"id": team, "role": "member"}],
    )
    return team, person


async def _create_config(demo: Demo, team: str) -> tuple[str, list[str]]:
    """Create two virtual keys and a config over them; the config's slug, and the keys' slugs."""
    slugs = [
        (
            await demo.call(
                f"Keep the team's {provider} key with Portkey",
                "create_virtual_key",
                name=f"Growth {provider}",
                provider=provider,
                key="sk-only-for-the-demo",
                workspace_id=team,
                credit_limit=100,
            )
        )["slug"]
        for provider in ("openai", "anthropic")
    ]
    config = await demo.call(
        "Route requests: the first provider, and the other when it fails",
        "create_config",
        name="Growth fallback",
        workspace_id=team,
        strategy_mode="fallback",
        targets=[{"virtual_key": slug} for slug in slugs],
    )
    return config["slug"], slugs


async def _create_key(demo: Demo, team: str, config: str) -> str:
    """Create an API key that uses the config; its id."""
    api_key = await demo.call(
        "A key for the team's service: few rights, a budget, this route",
        "create_api_key",
        type="workspace",
        sub_type="service",
        name="Growth service",
        workspace_id=team,
        scopes=["completions.write", "logs.view"],
        credit_limit=150,
        alert_threshold=120,
        default_config_id=config,
    )
    return str(api_key["id"])


async def _change_config(demo: Demo, team: str, config: str, slugs: list[str]) -> None:
    """Replace the config's content, and check that the new version is listed first."""
    targets = [
        {"virtual_key": slug, "weight": weight}
        for slug, weight in zip(slugs, (0.8, 0.2), strict=True)
    ]
    content = {
        "strategy": {"mode": "loadbalance"},
        "targets": targets,
        "retry": {"attempts": 3, "on_status_codes": [429, 503]},
    }
    await demo.call(
        "Better: share the load, and retry",
        "update_config",
        slug=config,
        workspace_id=team,
        config=content,
    )
    versions = await demo.call(
        "Both versions are kept", "list_config_versions", slug=config, workspace_id=team
    )
    demo.require(versions["total"] == 2, "an update must add a version")
    demo.require(versions["data"][0]["config"] == content, "the newest version comes first")


async def _write_prompt(demo: Demo, team: str, provider: str) -> None:
    """Create a prompt, render it, promote it to production, and add a guardrail."""
    folders = await demo.call("Where do prompts go?", "list_collections", workspace_id=team)
    prompt = await demo.call(
        "A prompt with a variable",
        "create_prompt",
        name="Headline-dev",
        collection_id=folders["data"][0]["id"],
        messages=[{"role": "user", "content": "A headline for {{product}}, in six words"}],
        parameters={"temperature": 0.9},
        model="gpt-5",
        virtual_key=provider,
    )
    rendered = await demo.call(
        "What would the model be sent?",
        "render_prompt",
        prompt_id=prompt["slug"],
        variables={"product": "tea"},
    )
    message = rendered["data"]["messages"][0]["content"]
    demo.require(message == "A headline for tea, in six words", "the variable must be filled in")
    live = await demo.call(
        "A folder for what is live", "create_collection", name="Live", workspace_id=team
    )
    promoted = await demo.call(
        "Good: promote it to production",
        "promote_prompt",
        source_prompt_id=prompt["slug"],
        target_collection_id=live["id"],
        target_env="prod",
    )
    demo.require(promoted["target_name"] == "Headline-prod", "the copy is named by its env")
    await demo.call(
        "And let no answer be longer than a page",
        "create_guardrail",
        name="Not too long",
        checks=[{"id": "default.wordCount", "parameters": {"minWords": 1, "maxWords": 400}}],
        actions={"deny": True},
        workspace_id=team,
    )


async def _explain_spending(demo: Demo) -> None:
    """Find the most expensive workspace, its most expensive day, and who spent it."""
    now = datetime.now(UTC)
    month = _period(now - timedelta(days=30), now)
    costs = await demo.call("Who spends the most?", "get_analytics_group_workspaces", **month)
    workspace = costs["data"][0]["workspace"]
    graph = await demo.call(
        "When? One day stands out", "get_cost_analytics", workspace_slug=workspace, **month
    )
    peak = max(graph["data_points"], key=lambda point: float(point["total"]))
    day = datetime.fromisoformat(peak["timestamp"])
    users = await demo.call(
        f"Who was it, on {day:%d %B}?",
        "get_analytics_group_users",
        workspace_slug=workspace,
        **_period(day, day + timedelta(days=1)),
    )
    first, second = users["data"][:2]
    demo.require(first["cost"] > 2 * second["cost"], "one person must have spent the most")
    demo.require(first["user"] == "diego@acme.example", "it must be the planted person")
    age = (now.date() - day.date()).days
    demo.require(5 <= age <= 7 and day.weekday() < 5, "it must be the planted day")


def _period(start: datetime, end: datetime) -> dict[str, str]:
    """The arguments that limit analytics to a period, as ISO 8601."""
    return {
        "time_of_generation_min": start.isoformat(timespec="seconds"),
        "time_of_generation_max": end.isoformat(timespec="seconds"),
    }


def _text(result: Any) -> str:
    return "\n".join(part.text for part in result.content if part.type == "text")


def _summary(answer: Answer) -> str:
    """One line about an answer."""
    if isinstance(answer.get("data"), list):
        names = [_row_name(row) for row in answer["data"]]
        return f"{answer.get('total', len(names))}: {', '.join(names)}"
    if "data_points" in answer:
        total = answer["summary"]["total"]  # cents
        return f"${total / 100:,.2f} in {len(answer['data_points'])} days"
    if isinstance(answer.get("data"), dict):
        return json.dumps(answer["data"]["messages"], ensure_ascii=False)
    parts = [
        f"{name} {value}"
        for name, value in _masked(answer).items()
        if name in SUMMARY_FIELDS and value
    ]
    return " · ".join(parts) or "done"


def _row_name(row: Answer) -> str:
    if "cost" in row:
        return f"{row.get('workspace') or row.get('user')} ${row['cost'] / 100:,.2f}"
    return str(row.get("name") or row.get("email") or row.get("version_id"))


def _masked(answer: Answer) -> Answer:
    return {
        name: f"{value[:2]}*****{value[-3:]}"
        if name in SECRET_FIELDS and isinstance(value, str)
        else value
        for name, value in answer.items()
    }
