"""Large requests are answered within a second of processor time."""

import json
import time

import pytest

MAX_SECONDS = 1.0
LETTERS = 5_000_000
LOG = {
    "request": {"url": "https://a.example", "body": {"model": "gpt-5", "messages": []}},
    "response": {"status": 200, "body": {"usage": {"prompt_tokens": 10}}},
    "metadata": {"traceId": "t"},
}


@pytest.fixture
def timed(emulator):
    """Send a request with a workspace's key, measured without its JSON; gives the status."""
    headers = {"x-portkey-api-key": emulator.keys()["workspace-service"]}
    warm_up = json.dumps({"trace_id": "trace-1", "value": 5}).encode()
    emulator.answer("POST", "/v1/feedback", headers, warm_up)

    def send(path, body):
        content = json.dumps(body).encode()
        started = time.process_time()
        status, _headers, _answer = emulator.answer("POST", f"/v1/{path}", headers, content)
        assert time.process_time() - started < MAX_SECONDS
        return status

    return send


@pytest.mark.parametrize("traces", [1, 10_000])
def test_ten_thousand_scores_in_one_request(timed, traces):
    scores = [{"trace_id": f"trace-{number % traces}", "value": 5} for number in range(10_000)]

    assert timed("feedback", scores) == 200


def test_five_thousand_logs_in_one_request(timed):
    assert timed("logs", [LOG] * 5_000) == 200


def test_a_log_of_five_megabytes(timed):
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "x" * LETTERS}]}

    assert timed("logs", {**LOG, "request": {**LOG["request"], "body": body}}) == 200


@pytest.mark.parametrize(
    ("template", "status"),
    [
        ("x" * LETTERS, 200),
        ("}" * LETTERS, 200),
        ("{{a}}" + "x" * LETTERS, 200),
        ("{" * LETTERS, 400),
        ("{{a " * (LETTERS // 4), 400),
        ("{{ " * (LETTERS // 3), 400),
        ("{{= " * (LETTERS // 4), 400),
        ("{{" + " " * LETTERS, 400),
        ("{{a}}" + " " * LETTERS, 200),
        ("{{a}}x" + "\t" * LETTERS + "x{{a}}", 200),
        ("{{a" + " " * LETTERS + "b}}", 200),
        ("{{{a" + " " * LETTERS + "b}}}", 200),
        ("{{=<%" + " " * LETTERS + "%>=}}", 200),
    ],
    ids=["text", "closing", "a variable", "braces", "names", "blanks", "delimiters", "spaces",
         "blanks after a tag", "tabs between tags", "blanks in a name", "blanks in a raw name",
         "blanks between delimiters"],
)  # fmt: skip
def test_a_template_of_five_megabytes_is_rendered(ok, timed, emulator, template, status):
    (prompt,) = emulator.store.table("prompts").where(name="Summarise thread")
    change = {"patch": True, "string": template}
    ok(f"PUT /prompts/{prompt['id']}", change)

    assert timed(f"prompts/{prompt['slug']}@latest/render", {"variables": {"a": "b"}}) == status


def test_a_variable_of_five_megabytes_is_rendered(timed, emulator):
    (prompt,) = emulator.store.table("prompts").where(name="Reply to customer")
    variables = {"company": "Acme", "question": "x" * LETTERS}

    assert timed(f"prompts/{prompt['slug']}/render", {"variables": variables}) == 200


def test_a_partial_with_five_megabytes_of_blanks_is_rendered(ok, timed, emulator):
    (partial,) = emulator.store.table("partials").rows()
    (prompt,) = emulator.store.table("prompts").where(name="Summarise thread")
    ok(f"PUT /prompts/partials/{partial['id']}", {"string": "{{a}}" + " " * LETTERS + "x"})
    ok(f"PUT /prompts/partials/{partial['id']}/makeDefault", {"version": 2})
    ok(f"PUT /prompts/{prompt['id']}", {"patch": True, "string": f"{{{{> {partial['slug']}}}}}"})

    assert timed(f"prompts/{prompt['slug']}@latest/render", {"variables": {"a": "b"}}) == 200
