"""Four principals with two keys, all at once: nothing crosses from one organisation to another.

TENANT_CALLS=10080 makes so many calls; the suite makes 144.
"""

import asyncio
import os
import random
import time
from collections import Counter
from contextlib import ExitStack

import httpx2
import pytest

from asgi_server import plain_client, serve_app
from tenants import MARKS, TOKENS, TenantsCaller, create_service, organisation, portkey_of

CALLS = int(os.environ.get("TENANT_CALLS", "144"))
CALLERS_EACH = 2
"""Clients of each principal and generation, which call at the same time."""
KINDS = ("read", "read one", "write", "list", "complete", "resource")
GENERATIONS = ("stateful", "stateless", "modern")
ROUNDS = max(1, CALLS // (len(TOKENS) * len(GENERATIONS) * CALLERS_EACH * len(KINDS)))
COMPLETION = {
    "ref": {"type": "ref/prompt", "name": "set_budgets"},
    "argument": {"name": "workspace", "value": ""},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The keys of both organisations, and a service for each way of keeping sessions."""
    folder = tmp_path_factory.mktemp("tenants")
    organisations = [organisation(mark) for mark in MARKS]
    variables = {"PORTKEY_KEY_MODE": "caller", "RATE_LIMIT_ENABLED": False}
    with ExitStack() as running:
        portkey = running.enter_context(serve_app(lambda _port: portkey_of(organisations)))
        urls = {
            mode: running.enter_context(
                serve_app(
                    lambda port, mode=mode: create_service(
                        f"{portkey}/v1", folder, port, MCP_SESSION_MODE=mode, **variables
                    )
                )
            )
            for mode in ("stateful", "stateless")
        }
        keys = [emulator.keys()["owner"] for emulator in organisations]
        slugs = [workspace_with_configs(emulator) for emulator in organisations]
        yield urls, keys, slugs


def workspace_with_configs(emulator):
    config = emulator.store.table("configs").rows()[0]
    return emulator.store.table("workspaces")[config["workspace_id"]]["slug"]


async def one_call(caller, mark, slug, kind):
    """An answer of this kind, each of which has names."""
    match kind:
        case "read":
            return await caller.call("list_workspaces", page_size=2)
        case "read one":
            return await caller.call("get_workspace", workspace_id=slug)
        case "write":
            return await caller.call(
                "create_config",
                name=f"{mark} made",
                workspace_id=slug,
                config={"retry": {"attempts": 2}},
            )
        case "list":
            return await caller.call("list_configs", workspace_id=slug, page_size=1)
        case "complete":
            return await caller.send("completion/complete", **COMPLETION)
        case "resource":
            return await caller.send("resources/read", uri="portkey://organisation")


async def test_no_answer_of_mixed_calls_has_the_mark_of_another_tenant(service):
    urls, keys, slugs = service
    done, wrong, latencies = Counter(), [], []

    async def run(http, name, number, generation, seed):
        tenant = number % 2
        mode = "stateless" if generation == "modern" and seed % 2 else generation
        url = urls["stateful" if mode != "stateless" else "stateless"]
        own = {"authorization": f"Bearer {TOKENS[name]}", "x-portkey-api-key": keys[tenant]}
        caller = TenantsCaller(http, url, generation, **own)
        if generation == "stateful":
            await caller.open()
        chosen = random.Random(f"{name} {generation} {seed}")
        kinds = [kind for _ in range(ROUNDS) for kind in chosen.sample(KINDS, len(KINDS))]
        for kind in kinds:
            start = time.perf_counter()
            answer = await one_call(caller, MARKS[tenant], slugs[tenant], kind)
            latencies.append(time.perf_counter() - start)
            text = answer.text.lower()
            if MARKS[1 - tenant] in text or MARKS[tenant] not in text or answer.status != 200:
                wrong.append((name, generation, kind, answer.status, answer.text[:700]))
            done[generation, kind] += 1

    limits = httpx2.Limits(max_connections=200)
    start = time.perf_counter()
    async with plain_client(timeout=60, limits=limits) as http:
        callers = [
            run(http, name, number, generation, seed)
            for number, name in enumerate(TOKENS)
            for generation in GENERATIONS
            for seed in range(CALLERS_EACH)
        ]
        await asyncio.gather(*callers)

    assert wrong[:3] == []
    assert min(done.values()) == max(done.values()) > 0
    assert len(done) == len(GENERATIONS) * len(KINDS)
    if "TENANT_CALLS" in os.environ:
        seconds = time.perf_counter() - start
        latencies.sort()
        middle, high = (latencies[int(len(latencies) * part)] * 1000 for part in (0.5, 0.99))
        lines = [
            f"{len(latencies)} calls in {seconds:.1f} s; {middle:.0f} ms median, {high:.0f} ms p99",
            *(f"{' '.join(kind)}: {count}" for kind, count in sorted(done.items())),
        ]
        print("\n".join(lines))  # noqa: T201  # the figures of a run by hand
