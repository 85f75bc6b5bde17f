"""The pages of recipes, written from what happens when the recipes are run."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .recipe_runner import NAME_AT_END, StepResult, run_recipe

MAX_LINE_WIDTH = 88
"""Characters of a line of JSON; a longer value is broken into its parts."""
DEFAULT_ROWS = 5
"""Rows of a list that a page shows, unless the step says `first`."""
SECRET_FIELDS = ("key", "invite_link", "signed_url")
"""Fields whose values a page masks."""
MAX_QUOTED_WIDTH = 120
"""Characters of the JSON in a refusal that a page shows."""
RANDOM = {
    r"\b[0-9a-f]{11}-[0-9a-f]{8}\b": "1a19b7ca680-5e9d4e58",
    r"(?<=approve )[0-9a-f]{8}|(?<=Approval id: )[0-9a-f]{8}": "4f1c2d3a",
}
"""Ids that differ each time, by their pattern, and what a page shows instead."""
INTRODUCTION = """\
# Recipes

{count} tasks of an administrator, as conversations: what a person says, which tools the assistant
calls with which arguments, what comes back, and where the server asks the person before a change.
You do not type the calls; an assistant chooses them. They show what to expect, and what to ask for.

Every page is written from running the recipes on [the emulator](../emulator.md), and a test runs
them again: a recipe that no longer works fails. So you can follow each of them with
`portkey-admin-mcp --sandbox`; ids and dates will differ, because here the clock stands at
2 November 2026. Add `--sandbox` to the commands for a terminal too (`approve`, `freeze`, `thaw`):
without it they are about your own servers. Answers are shortened to the fields that matter, and
secrets are masked.
"""

Recipe = dict[str, Any]


def recipe_groups(folder: Path) -> dict[str, dict[str, Any]]:
    """The groups of recipes by the names of their files, in the order in which they are listed."""
    groups = {
        file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("*.yaml"))
    }
    return dict(sorted(groups.items(), key=lambda item: (item[1].get("order", 99), item[0])))


def recipe_pages(folder: Path, note: str) -> dict[str, str]:
    """Every page by its path under docs; raises RecipeFailed if a recipe does not work."""
    groups = recipe_groups(folder)
    pages = {
        f"recipes/{name}.md": group_page(group, note)
        for name, group in groups.items()
        if group["recipes"]
    }
    return {"recipes/README.md": index_page(groups, note), **pages}


def index_page(groups: dict[str, dict[str, Any]], note: str) -> str:
    """The list of all recipes."""
    count = sum(len(group["recipes"]) for group in groups.values())
    parts = [note, INTRODUCTION.format(count=count)]
    for name, group in groups.items():
        if group["recipes"]:
            parts += [f"## [{group['title']}]({name}.md)\n", "| recipe | |\n|---|---|"]
            parts += [
                f"| [{recipe['title']}]({name}.md#{anchor(recipe['title'])}) | {recipe['about']} |"
                for recipe in group["recipes"]
            ]
            parts.append("")
    return "\n".join(parts)


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub writes it."""
    letters = "".join(c for c in title.lower() if c.isalnum() or c in " -_")
    return letters.replace(" ", "-")


def group_page(group: dict[str, Any], note: str) -> str:
    """The recipes of a group, each run on an organisation of its own."""

    async def run_all() -> list[list[StepResult]]:
        return [await run_recipe(recipe) for recipe in group["recipes"]]

    parts = [note, f"# {group['title']}\n", f"{group['about']}\n"]
    for recipe, results in zip(group["recipes"], asyncio.run(run_all()), strict=True):
        parts += recipe_parts(recipe, results)
    text = "\n".join(parts)
    for pattern, example in RANDOM.items():
        text = re.sub(pattern, example, text)
    return text


def recipe_parts(recipe: Recipe, results: list[StepResult]) -> Iterator[str]:
    """A recipe's heading, what it needs, and its steps."""
    yield f"## {recipe['title']}\n"
    yield f"{recipe['about']}\n"
    if settings := recipe.get("settings"):
        values = ", ".join(f"`{name}={value}`" for name, value in settings.items())
        yield f"Settings of the server: {values}.\n"
    if recipe.get("client") == "cannot ask":
        yield "The client of this recipe cannot ask its person.\n"
    if "policy" in recipe:
        yield "The policy of the server, `PORTKEY_POLICY_FILE`:\n"
        yield f"```yaml\n{recipe['policy']}```\n"
    for result in results:
        yield from step_parts(result)


def step_parts(result: StepResult) -> Iterator[str]:
    """One step: what is said, or a call with its answer."""
    step = result.step
    if "person" in step:
        yield f"> **You:** {step['person']}\n"
    elif "assistant" in step:
        yield f"**Assistant:** {step['assistant']}\n"
    elif "control" in step:
        yield f"*{step['says']}*\n"
    elif "command" in step:
        yield f"You, in a terminal: `portkey-admin-mcp {command_line(result)}`\n"
    else:
        yield from call_parts(result)


def command_line(result: StepResult) -> str:
    """The words after the program's name."""
    step = result.step
    if step["command"] == "approve":
        return "approve ID"
    return f'freeze --why "{step["why"]}"' if step["command"] == "freeze" else "thaw"


def call_parts(result: StepResult) -> Iterator[str]:
    """The call with its arguments, the question to the person, and what came back."""
    step = result.step
    link = f"[`{step['call']}`](../tools/{page_of(step['call'])})"
    if arguments := step.get("arguments"):
        yield f"The assistant calls {link}:\n"
        yield code_block(arguments)
    else:
        yield f"The assistant calls {link}, without arguments,\n"
    if result.question:
        question, _, name = result.question.rpartition(NAME_AT_END)
        lines = [re.sub("^- ", "• ", line) for line in question.splitlines()[:-1]]
        lines.append(f"To confirm, {NAME_AT_END}**{name.strip()}**")
        quoted = "\\\n".join(f"> {line}" for line in ["**The server asks you**", *lines] if line)
        yield f"{quoted}\n"
    if "fails" in step:
        yield "It is refused:\n"
        lines = [
            f"{line[:MAX_QUOTED_WIDTH]}…"
            if len(line) > MAX_QUOTED_WIDTH and line.startswith("{")
            else line
            for line in result.text.strip().splitlines()
        ]
        yield "```text\n" + "\n".join(lines) + "\n```\n"
    elif "show" in step:
        yield "and gets\n"
        yield code_block(shortened(result.answer, step["show"], step.get("first", DEFAULT_ROWS)))
    else:
        yield "It is done.\n"


def page_of(tool: str) -> str:
    """The page and anchor of a tool."""
    from portkey_admin_mcp.server.loading import load_offer

    return f"{load_offer().tools[tool].domain}.md#{tool}"


def code_block(value: Any) -> str:
    """A value as JSON in a code block."""
    return f"```json\n{json_text(value)}\n```\n"


def json_text(value: Any, indent: str = "") -> str:
    """JSON in which what fits on a line is on a line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) <= MAX_LINE_WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        rows = [f"{inner}{json.dumps(k)}: {json_text(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    rows = [inner + json_text(item, inner) for item in value]
    return "[\n" + ",\n".join(rows) + f"\n{indent}]"


def shortened(value: Any, paths: list[str], first: int) -> Any:
    """Only these fields of an answer, or all with an empty path; the first rows of its lists."""
    if isinstance(value, list):
        rows = [shortened(item, paths, first) for item in value[:first]]
        return [*rows, f"… {len(value) - first} more"] if len(value) > first else rows
    if not isinstance(value, dict):
        return value
    if "" in paths:
        return {name: masked(name, shortened(item, [""], first)) for name, item in value.items()}
    below: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        below.setdefault(name, []).append(rest)
    return {
        name: masked(name, shortened(value[name], rest, first))
        for name, rest in below.items()
        if name in value
    }


def masked(name: str, value: Any) -> Any:
    """A value as a page shows it: a secret only by its beginning."""
    return f"{value[:8]}…" if name in SECRET_FIELDS and isinstance(value, str) else value
