"""Measure a write and a page of the emulator in an organisation of 50,000 rows.

    python benchmarks/emulator_store.py [ROWS]

Prints the median and the maximum of 40 requests of each kind, in milliseconds, in process, with
the generated month of requests and as many audit logs as rows. Then prints the time of a start,
with and without a state file of that size, and of the first request that needs the month.
The exit code is 1 if the median of a write or a page is more than 5 ms.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from portkey_admin_mcp.emulator.core.app import Emulator
from portkey_admin_mcp.emulator.core.store import frozen_time
from portkey_admin_mcp.emulator.traffic.requests import milliseconds

REPEATS = 40
MAX_MS = 5
PERIOD = "2026-10-01T00:00:00Z", "2026-11-03T00:00:00Z"
MONTH = "/analytics/graphs/cost?time_of_generation_min={}&time_of_generation_max={}".format(*PERIOD)


def filled(rows: int, file: Path | None) -> tuple[Emulator, str]:
    """An organisation with `rows` virtual keys in one workspace, and the id of that workspace."""
    emulator = Emulator("acme", frozen_time, file)
    table = emulator.store.table("virtual_keys")
    pattern = table.rows()[0]
    with emulator.store.transaction():
        for number in range(rows):
            row_id = emulator.store.uuid()
            table.add({**pattern, "id": row_id, "slug": f"key-{number}", "name": f"Key {number}"})
    return emulator, str(pattern["workspace_id"])


def timed(emulator: Emulator, method: str, target: str, bodies: list[bytes]) -> list[float]:
    """The milliseconds of each request."""
    headers = {"x-portkey-api-key": emulator.keys()["owner"]}
    spent = []
    for body in bodies:
        started = time.perf_counter()
        status, _headers, content = emulator.answer(method, f"/v1{target}", headers, body)
        spent.append((time.perf_counter() - started) * 1000)
        assert status == 200, content
    return spent


def with_traffic(emulator: Emulator, rows: int) -> None:
    """Generate the month of requests, and as many audit logs as there are rows."""
    timed(emulator, "GET", MONTH, [b""])
    database, now = emulator.store.database, milliseconds(emulator.store.now())
    timed(emulator, "POST", "/admin/workspaces", [b'{"name": "First"}'])
    columns = database.execute("select * from audit limit 1").fetchone()[1:]
    marks = ", ".join("?" * (1 + len(columns)))
    many = ((now - number, *columns) for number in range(rows))
    database.executemany(f"insert into audit values ({marks})", many)
    database.commit()


def requests(emulator: Emulator, workspace: str) -> list[tuple[str, str, str, Any]]:
    """The requests to measure: a name, the verb, the target and the body of each."""
    organisation = emulator.store.table("api_keys").rows()[0]["organisation_id"]
    audit = "start_time={}&end_time={}".format(*PERIOD)
    new = {"name": "New", "provider": "openai", "key": "k", "workspace_id": workspace}
    log = {"request": {"url": "u", "body": {}}, "response": {"body": {}}}
    return [
        ("create", "POST", "/virtual-keys", new),
        ("update", "PUT", "/virtual-keys/key-7", {"note": "x", "workspace_id": workspace}),
        ("insert a log", "POST", "/logs", log),
        ("page of 10", "GET", f"/virtual-keys?page_size=10&workspace_id={workspace}", {}),
        ("one by slug", "GET", f"/virtual-keys/key-9?workspace_id={workspace}", {}),
        (
            "page of audit logs",
            "GET",
            f"/audit-logs?page_size=10&{audit}&organisation_id={organisation}",
            {},
        ),
    ]


def print_elapsed(since: float, name: str) -> None:
    """Print the milliseconds since `since`, a time of `time.perf_counter`."""
    print(f"{name:38}{(time.perf_counter() - since) * 1000:8.1f}")


def main() -> int:
    """Measure with and without a state file, with and without stale reads."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state.sqlite"
        print("starting, ms")
        since = time.perf_counter()
        first = Emulator("acme", frozen_time)
        print_elapsed(since, "a seeded emulator")
        since = time.perf_counter()
        timed(first, "GET", MONTH, [b""])
        print_elapsed(since, "the first request, which generates it")
        since = time.perf_counter()
        timed(first, "GET", MONTH, [b""])
        print_elapsed(since, "the second request")
        second = Emulator("acme", frozen_time)
        since = time.perf_counter()
        timed(second, "GET", MONTH, [b""])
        print_elapsed(since, "the first of another organisation")
        print(f"\n{rows:,} virtual keys in one workspace; {REPEATS} requests each, ms")
        print(f"{'':38}{'median':>8}{'max':>8}")
        for file in (None, state):
            emulator, workspace = filled(rows, file)
            with_traffic(emulator, rows)
            for stale in (0, 10_000):
                emulator.faults.stale_reads = stale
                for what, method, target, body in requests(emulator, workspace):
                    spent = timed(emulator, method, target, [json.dumps(body).encode()] * REPEATS)
                    slowest = max(slowest, statistics.median(spent))
                    name = (
                        f"{what}{', state file' if file else ''}{', stale reads' if stale else ''}"
                    )
                    print(f"{name:38}{statistics.median(spent):8.2f}{max(spent):8.2f}")
        emulator.store.close()
        since = time.perf_counter()
        again = Emulator("acme", frozen_time, state)
        print_elapsed(since, "\nstarting with all of this in a file")
        since = time.perf_counter()
        timed(again, "GET", MONTH, [b""])
        print_elapsed(since, "its first request")
    return int(slowest > MAX_MS)


if __name__ == "__main__":
    sys.exit(main())
