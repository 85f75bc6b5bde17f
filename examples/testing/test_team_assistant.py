"""Tests of team_assistant.py on an emulated Portkey."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from portkey_ai import Portkey
from portkey_ai.api_resources.exceptions import (
    APIConnectionError,
    AuthenticationError,
    RateLimitError,
)
from team_assistant import BudgetUsedUp, ask, set_up_team

COMPLETIONS = "POST /prompts/{prompt_id}/completions"


@pytest.fixture
def admin(portkey_emulator):
    """Portkey's SDK with the key of an administrator, over HTTP."""
    return Portkey(base_url=portkey_emulator.base_url, api_key=portkey_emulator.key("setup"))


@pytest.fixture
def team(portkey_emulator, admin):
    workspace = portkey_emulator.find("workspaces", "Support")
    return set_up_team(admin, "Web chat", workspace["id"], dollars=20)


@pytest.fixture
def portkey(portkey_emulator, team):
    """Portkey's SDK with the team's key."""
    return Portkey(base_url=portkey_emulator.base_url, api_key=team.api_key)


def test_a_team_gets_a_config_and_a_key_with_a_budget(portkey_emulator, team):
    key = portkey_emulator.find("api_keys", "Web chat")

    assert key["usage_limits"]["credit_limit"] == 20
    assert key["defaults"]["config_id"] == team.config
    (request,) = portkey_emulator.requests_to("POST /configs")
    assert request.body["config"]["strategy"] == {"mode": "fallback"}
    assert (request.key_name, request.status) == ("setup", 200)


def test_a_question_is_answered(portkey):
    assert ask(portkey, "Where is my parcel?")


def test_too_many_requests_are_tried_again_after_the_time_that_portkey_names(
    portkey_emulator, portkey
):
    portkey_emulator.fail(COMPLETIONS, status=429, times=2, retry_after=7)
    pauses = []

    assert ask(portkey, "Where is my parcel?", sleep=pauses.append)

    assert pauses == [7, 7]
    statuses = [request.status for request in portkey_emulator.requests_to(COMPLETIONS)]
    assert statuses == [429, 429, 200]


def test_the_program_gives_up_after_three_attempts(portkey_emulator, portkey):
    portkey_emulator.fail(COMPLETIONS, status=429, times=None)

    with pytest.raises(RateLimitError):
        ask(portkey, "Where is my parcel?", sleep=lambda _seconds: None)

    assert len(portkey_emulator.requests_to(COMPLETIONS)) == 3


def test_a_team_without_budget_is_told_so_at_once(portkey_emulator, portkey):
    portkey_emulator.spend("api_keys", "Web chat", 20)

    with pytest.raises(BudgetUsedUp, match="budget of the API key"):
        ask(portkey, "Where is my parcel?")

    assert [request.status for request in portkey_emulator.requests_to(COMPLETIONS)] == [412]


def test_the_budget_begins_anew_with_the_next_month(portkey_emulator, portkey):
    portkey_emulator.spend("api_keys", "Web chat", 20)

    portkey_emulator.advance(timedelta(days=30))

    assert ask(portkey, "Where is my parcel?")


def test_a_revoked_key_is_refused(portkey_emulator, admin, portkey):
    admin.api_keys.delete(id=portkey_emulator.find("api_keys", "Web chat")["id"])

    with pytest.raises(AuthenticationError):
        ask(portkey, "Where is my parcel?")


def test_a_closed_connection_is_tried_again_by_the_sdk(portkey_emulator, portkey):
    portkey_emulator.fail(COMPLETIONS, drop="before")

    assert ask(portkey, "Where is my parcel?")

    statuses = [request.status for request in portkey_emulator.requests_to(COMPLETIONS)]
    assert statuses == [None, 200]


def test_two_closed_connections_are_an_error(portkey_emulator, portkey):
    portkey_emulator.fail(COMPLETIONS, drop="before", times=2)

    with pytest.raises(APIConnectionError):
        ask(portkey, "Where is my parcel?")


def test_the_gateway_answers_what_the_test_says(portkey_emulator):
    message = {"role": "assistant", "content": "It is on its way."}
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_793_000_000,
        "model": "gpt-5",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }
    portkey_emulator.respond("POST /chat/completions", answer)
    portkey = portkey_emulator.sdk()  # in this process, without a socket

    completion = portkey.chat.completions.create(
        model="gpt-5", messages=[{"role": "user", "content": "Where is my parcel?"}]
    )

    assert completion.choices[0].message.content == "It is on its way."
    assert portkey_emulator.requests[-1].body["model"] == "gpt-5"


def test_the_asynchronous_sdk_works_too(portkey_emulator, team):
    portkey = portkey_emulator.async_sdk(api_key=team.api_key)

    answer = asyncio.run(
        portkey.prompts.completions.create(prompt_id="pp-reply", variables={"question": "Why?"})
    )

    assert answer.choices[0].message.content


@pytest.mark.portkey_emulator(seed="acme", now="2026-11-16T12:00:00Z")
def test_a_company_with_a_month_of_requests(portkey_emulator):
    costs = portkey_emulator.client().get(
        "/analytics/graphs/cost",
        params={
            "time_of_generation_min": "2026-11-09T00:00:00Z",
            "time_of_generation_max": "2026-11-16T00:00:00Z",
        },
    )

    assert costs.json()["summary"]["total"] > 0


def test_the_program_runs_in_a_process_of_its_own(portkey_emulator, team):
    environment = {
        **os.environ,
        **portkey_emulator.environment(),
        "PORTKEY_API_KEY": team.api_key,
        "NO_PROXY": "127.0.0.1",
    }

    done = subprocess.run(
        [sys.executable, "team_assistant.py", "Where is my parcel?"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip()
    assert portkey_emulator.requests_to(COMPLETIONS)[-1].key_name == "Web chat"
