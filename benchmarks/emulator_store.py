"""How long the emulator takes with a large organisation: a write and a page at 50,000 rows.

    python benchmarks/emulator_store.py [ROWS]

Prints the median and the worst of 40 requests of each kind, in milliseconds, in process.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from portkey_admin_mcp.emulator.app import Emulator
from portkey_admin_mcp.emulator.store import frozen_time

REPEATS = 40


def filled(rows: int, file: Path | None) -> tuple[Emulator, str]:
    """An organisation with so many virtual keys in one workspace, and that workspace's id."""
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


def main() -> None:
    """Measure with and without a state file, with and without stale reads."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    print(f"{rows:,} virtual keys in one workspace; {REPEATS} requests each, ms")
    print(f"{'':34}{'median':>8}{'worst':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for file in (None, Path(folder) / "state.sqlite"):
            emulator, home = filled(rows, file)
            for stale in (0, 10_000):
                emulator.faults.stale_reads = stale
                new = {"name": "New", "provider": "openai", "key": "k", "workspace_id": home}
                for what, method, target, body in (
                    ("create", "POST", "/virtual-keys", new),
                    ("update", "PUT", "/virtual-keys/key-7", {"note": "x", "workspace_id": home}),
                    ("page of 10", "GET", f"/virtual-keys?page_size=10&workspace_id={home}", {}),
                    ("one by slug", "GET", f"/virtual-keys/key-9?workspace_id={home}", {}),
                ):
                    spent = timed(emulator, method, target, [json.dumps(body).encode()] * REPEATS)
                    name = (
                        f"{what}{', state file' if file else ''}{', stale reads' if stale else ''}"
                    )
                    print(f"{name:34}{statistics.median(spent):8.2f}{max(spent):8.2f}")
    started = time.perf_counter()
    for _ in range(REPEATS):
        Emulator("acme", frozen_time)
    print(f"{'a seeded emulator':34}{(time.perf_counter() - started) * 1000 / REPEATS:8.2f}")


if __name__ == "__main__":
    main()
