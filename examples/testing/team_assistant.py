"""A program that uses Portkey: it sets up teams, and answers questions with a prompt."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from portkey_ai import Portkey
from portkey_ai.api_resources.exceptions import APIStatusError, RateLimitError

SCOPES = ["completions.write", "prompts.render"]


class BudgetUsedUp(Exception):
    """The team has spent its budget; asking again does not help."""


@dataclass(frozen=True)
class Team:
    """What a team needs to ask questions."""

    config: str
    api_key: str


def set_up_team(portkey: Portkey, name: str, workspace: str, dollars: float) -> Team:
    """Create a config that falls back to a second provider, and a key with a budget."""
    targets = [{"virtual_key": "openai"}, {"virtual_key": "anthropic"}]
    config = portkey.configs.create(
        name=f"{name} fallback",
        config={"strategy": {"mode": "fallback"}, "targets": targets},
        workspace_id=workspace,
    )
    key = portkey.api_keys.create(
        type="workspace",
        sub_type="service",
        name=name,
        workspace_id=workspace,
        scopes=SCOPES,
        usage_limits={"type": "cost", "credit_limit": dollars, "periodic_reset": "monthly"},
        defaults={"config_id": config.slug},
    )
    return Team(config.slug, key.key)


def ask(
    portkey: Portkey, question: str, attempts: int = 3, sleep: Callable[[float], None] = time.sleep
) -> str:
    """The answer to a question; waits and tries again if there are too many requests."""
    for attempt in range(1, attempts + 1):
        try:
            answer = portkey.prompts.completions.create(
                prompt_id="pp-reply", variables={"question": question}
            )
        except RateLimitError as error:
            if attempt == attempts:
                raise
            sleep(float(error.response.headers.get("retry-after", 1)))
        except APIStatusError as error:
            if error.status_code == 412:
                raise BudgetUsedUp(str(error)) from None
            raise
        else:
            return answer.choices[0].message.content
    raise ValueError("attempts must be at least 1")


if __name__ == "__main__":
    # The SDK reads the API key and the base URL from the environment.
    print(ask(Portkey(), sys.argv[1]))
