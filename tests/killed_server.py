"""Kill a server with SIGKILL while it writes, and compare its journal with what Portkey received.

`PYTHONPATH=src:tests python tests/killed_server.py 500 25` makes 500 writes with 25 kills.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from fake_portkey import Answer, FakePortkey
from initialization import INITIALIZE, INITIALIZED
from portkey_admin_mcp.safety.journal.chain import Chain
from portkey_admin_mcp.safety.journal.changes import latest_changes
from portkey_admin_mcp.safety.journal.sqlite_journal import SqliteJournal
from programs import COMMAND, tree_environment
from servers import SETTING

ACCEPTABLE = {"done", "unknown", "unknown, look"}


class Outcome(NamedTuple):
    """What Portkey received, by the name that each write set; what the journal says of it."""

    received: set[str]
    states: dict[str, str]
    answered: set[str]
    lines: int
    problem: str


def run(writes: int, kills: int, journal: Path, seed: int = 1) -> Outcome:
    """Make the writes, and kill the server at random points; it is started again each time."""
    chance = random.Random(seed)
    names = [f"name-{number}" for number in range(writes)]
    kill_after = sorted(chance.sample(range(1, writes), kills))
    answered: set[str] = set()
    with FakePortkey() as fake:
        fake.script([Answer(body={"id": "c", "name": "mine"})])
        parts = zip([0, *kill_after], [*kill_after, writes], strict=True)
        for first, last in parts:
            answered |= _serve(fake, journal, names[first:last], last != writes, chance)
        received = {
            json.loads(request.body)["name"] for request in fake.requests if request.method == "PUT"
        }
    return asyncio.run(_outcome(journal, received, answered))


def _serve(
    fake: FakePortkey, journal: Path, names: list[str], is_killed: bool, chance: random.Random
) -> set[str]:
    """Send the calls at once, and read answers until a random one; returns the names answered."""
    environment = tree_environment(
        {"PORTKEY_API_KEY": "k", **fake.settings, **SETTING, "PORTKEY_JOURNAL": str(journal)}
    )
    with subprocess.Popen(
        COMMAND, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        calls = [_call(number, name) for number, name in enumerate(names, 1)]
        lines = [json.dumps(each) for each in (INITIALIZE, INITIALIZED, *calls)]
        process.stdin.write(("\n".join(lines) + "\n").encode())
        process.stdin.flush()
        stop_after = chance.randrange(len(names) + 1) if is_killed else len(names)
        answered: set[str] = set()
        process.stdout.readline()  # the handshake
        while len(answered) < stop_after:
            answer = json.loads(process.stdout.readline())
            assert not answer["result"].get("isError"), answer
            answered.add(names[answer["id"] - 1])
        if is_killed:
            process.kill()
        process.stdin.close()
        # What was answered between the last line that was read and the kill counts too.
        for line in process.stdout.read().splitlines():
            answered.add(names[_id_of(line) - 1])
    return answered


def _call(number: int, name: str) -> dict:
    params = {"name": "update_collection", "arguments": {"collection_id": "c", "name": name}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def _id_of(line: bytes) -> int:
    try:
        return int(json.loads(line)["id"])
    except ValueError:  # cut off by the kill
        return 0


async def _outcome(file: Path, received: set[str], answered: set[str]) -> Outcome:
    journal = SqliteJournal(file)
    chain = Chain()
    async for line in journal.lines():
        chain.add(line)
    changes = await latest_changes(journal, 10**6, lambda _change: True)
    states = {change["body"]["name"]: change["state"] for change in changes}
    await journal.close()
    return Outcome(received, states, answered, chain.count, chain.problem)


def main() -> None:
    """Print what happened."""
    writes, kills = (int(text) for text in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as directory:
        outcome = run(writes, kills, Path(directory) / "journal.db")
    missing = {n for n in outcome.received if outcome.states.get(n) not in ACCEPTABLE}
    invented = {n for n, s in outcome.states.items() if s == "done"} - outcome.received
    unrecorded = {n for n in outcome.answered if outcome.states.get(n) != "done"}
    report = (
        f"{writes} writes, {kills} kills: Portkey received {len(outcome.received)}\n"
        f"journal: {outcome.lines} lines, {dict(Counter(outcome.states.values()))}\n"
        f"received and not on record: {len(missing)}; on record as done and not received: "
        f"{len(invented)}; answered and not done: {len(unrecorded)}; "
        f"chain: {outcome.problem or 'holds'}"
    )
    print(report)  # noqa: T201


if __name__ == "__main__":
    main()
