"""Change the code that decides who may do what, one small change at a time, and run its tests.

    make mutants            all of them, about 15 minutes on two cores
    python scripts/mutants.py --only guards

A mutant is a file with one change. It is killed if the tests of the file fail, and else survives.
Survivors are printed; those that change no behaviour are listed with the reason in
docs/decisions/mutants.md. The exit code is 1 if fewer than 90 % are killed.
"""

import argparse
import ast
import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

import pytest

from portkey_admin_mcp.domains import DOMAINS

ROOT = Path(__file__).parents[1]
PACKAGE = "portkey_admin_mcp"
MIN_KILLED_SHARE = 0.9
TIMEOUT_S = 120


class Target(NamedTuple):
    """A file of the package, its functions to change (all if none are named), and their tests."""

    file: str
    functions: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS = (
    Target(
        "emulator/core/routing.py",
        (
            "check_permissions", "check_workspace", "plan", "require", "may", "is_admin",
            "is_owner",
            "workspace", "named_workspace", "find_within", "find", "match", "_fits",
            "_segment_fits",
        ),
        ("tests/emulator/core/test_routing.py", "tests/emulator/test_configs.py",
         "tests/emulator/test_prompts.py", "tests/emulator/test_integrations.py",
         "tests/emulator/test_api_keys.py"),
    ),
    Target(
        "emulator/core/app.py",
        ("_portkey", "_route", "_authenticate", "_is_valid", "_is_past", "_decode", "_finite"),
        ("tests/emulator/core/test_routing.py", "tests/emulator/test_api_keys.py",
         "tests/emulator/core/test_control.py", "tests/emulator/test_audit_logs.py"),
    ),
    Target(
        "emulator/traffic/requests.py",
        ("queried_workspace", "named_by_slug", "is_metadata_key", "_is_plain"),
        ("tests/emulator/test_analytics.py",),
    ),
    Target(
        "portkey/api.py",
        ("_target", "_address", "_headers", "_secret", "_without_key", "download"),
        ("tests/portkey/test_api.py",),
    ),
    *(
        Target(f"portkey/{file}.py", (), ("tests/portkey/test_api.py",))
        for file in ("encoding", "retries", "json_text", "redaction")
    ),
    Target("portkey/proxies.py", (),
           ("tests/portkey/test_proxies.py", "tests/portkey/test_api.py")),
    *(
        Target(f"portkey/http/{file}.py", (), tuple(f"tests/portkey/http/{t}.py" for t in tests))
        for file, tests in (
            ("answer", ("test_http1", "test_broken_answers")),
            ("body", ("test_body", "test_broken_answers", "test_connections")),
            ("connection", ("test_http1", "test_connections", "test_broken_answers")),
            ("slots", ("test_slots",)),
        )
    ),
    Target("server/offer/selection.py", (), ("tests/server/offer/test_selection.py",)),
    Target(
        "settings/addresses.py",
        (),
        ("tests/settings/test_settings.py", "tests/settings/test_hosting.py",
         "tests/settings/test_shares.py"),
    ),
    *(
        Target(f"server/http/{code}.py", (), (f"tests/server/http/{tests}.py",))
        for code, tests in (
            ("access/host_and_origin", "access/test_host_and_origin"),
            ("access/body_limit", "access/test_body_limit"),
            ("access/rate_limit", "access/test_rate_limit"),
            ("access/rate_limiter", "access/test_rate_limit"),
            ("access/caller_key", "access/test_caller_key"),
            ("events/event_log", "events/test_event_log"),
            ("events/memory_log", "events/test_event_log"),
            ("events/resumption", "events/test_resumption"),
            ("pages/readiness", "pages/test_readiness"),
        )
    ),
    *(
        Target(f"emulator/{domain}.py", (),
               (f"tests/emulator/test_{domain}.py", f"tests/tools/test_{domain}.py",
                "tests/emulator/test_boundaries.py"))
        for domain in DOMAINS
    ),
    *(
        Target(f"models/{domain}.py", (), (f"tests/tools/test_{domain}.py", "tests/models"))
        for domain in DOMAINS
    ),
    *(
        Target(f"models/core/{file}.py", (),
               ("tests/models", "tests/server/calls/test_schema.py", "tests/tools"))
        for file in ("base", "gateway_config", "limits", "mcp_capabilities", "paging", "vocabulary")
    ),
    *(
        Target(f"server/calls/{file}.py", (), ("tests/server/calls", "tests/tools/test_users.py"))
        for file in ("arguments", "executor", "failures", "presentation", "result_size")
    ),
    Target(
        "server/calls/open_requests.py",
        (),
        ("tests/server/calls/test_open_requests.py",),
    ),
    *(
        Target(f"workflows/{file}.py", (),
               ("tests/workflows", "tests/tools/test_audit_logs.py",
                "tests/tools/test_log_exports.py", "tests/tools/test_prompts.py"))
        for file in ("delete_workspace", "download_log_export", "list_audit_logs", "migrate_prompt",
                     "promote_prompt", "prompt_content", "update_log_export", "update_prompt")
    ),
    *(
        Target(f"settings/{file}.py", (), ("tests/settings",))
        for file in ("settings", "hosting", "hosting_address", "hosting_auth", "hosting_oidc",
                     "logging")
    ),
    *(
        Target(f"server/http/access/{file}.py", (),
               ("tests/server/http/access/test_oidc.py", "tests/server/http/access/test_auth.py"))
        for file in ("auth", "clerk", "discovery", "jwks", "oidc")
    ),
    Target(
        "server/offer/offer.py",
        (),
        ("tests/server/offer", "tests/server/fastpath/test_equivalence.py"),
    ),
    Target("portkey/clients.py", (), ("tests/portkey/test_clients.py",)),
    *(
        Target(f"safety/{file}.py", (), tuple(f"tests/safety/{test}.py" for test in tests))
        for file, tests in (
            ("policy", ("test_policy",)),
            ("policy_file", ("test_policy_file",)),
            ("policy_reach", ("test_policy_requests", "test_policy_workspaces")),
            ("policy_request", ("test_policy_requests", "test_policy_workspaces")),
            ("policy_bound", ("test_policy_requests", "test_policy_workspaces",
                              "test_policy_calls")),
            ("policy_lookup", ("test_policy_requests", "test_policy_calls",
                               "test_policy_workspaces")),
            ("policy_guard", ("test_policy_calls", "test_policy_workspaces", "test_whoami")),
        )
    ),
    Target("server/mcp/completions.py", (), ("tests/server/mcp/test_completions.py",)),
    Target("server/mcp/prompts.py", ("write_prompt",), ("tests/server/mcp/test_prompts.py",)),
    Target("server/mcp/resources.py", (), ("tests/server/mcp/test_resources.py",)),
)  # fmt: skip
SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


class Mutant(NamedTuple):
    """One change: its place, a description, and the source of the file with it."""

    target: Target
    line: int
    change: str
    source: str


def main() -> int:
    """Create every mutant, run its tests, and print which survive."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="only files whose path contains this")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work()
        return 0
    only = options.only
    chosen = [m for target in TARGETS if only in target.file for m in mutants(target)]
    print(f"{len(chosen)} mutants", flush=True)
    with tempfile.TemporaryDirectory() as folder, working(Path(folder)) as workers:
        if failing := failing_tests(workers, {mutant.target.tests for mutant in chosen}):
            print(f"these tests fail, or do not end, without any change: {failing}")
            return 1
        killed = run_all(workers, chosen)
    share = sum(killed) / max(1, len(killed))
    print(f"{sum(killed)} of {len(killed)} killed, {share:.1%}")
    return 0 if share >= MIN_KILLED_SHARE else 1


class Worker:
    """A copy of the code and its tests, and a process that runs tests in it.

    The process imports every library the tests need, once, and forks for each mutant; a fork
    imports only this project. That takes a third of the time of a new process.
    """

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        for folder in ("src", "tests", "scripts", "docs"):
            shutil.copytree(ROOT / folder, tree / folder)
        for file in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / file, tree)
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker"],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree / "src")},  # noqa: TID251  # the tests' own
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fails(self, tests: tuple[str, ...]) -> bool:
        """Whether these tests fail, or do not end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(tests), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline()) != 0

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def work() -> None:
    """Run the tests that each line of standard input names, and answer with their exit code."""
    libraries = subprocess.run(
        [sys.executable, "-c", LIST_MODULES], capture_output=True, text=True, check=True
    )
    for name in json.loads(libraries.stdout.splitlines()[-1]):
        with suppress(Exception):  # some modules can only be imported by others
            import_module(name)
    for line in sys.stdin:
        print(run_in_fork(json.loads(line)), flush=True)


LIST_MODULES = """
import json, sys, pytest
pytest.main(["-q", "--co", "-p", "no:cacheprovider", "tests/tools", "tests/emulator/test_users.py",
             "tests/settings", "tests/portkey/test_api.py", "tests/server/http/access"])
own = ("portkey_admin_mcp", "_pytest", "pytest")
files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
print()
print(json.dumps([name for name, file in files.items()
                  if "site-packages" in file and name.partition(".")[0] not in own]))
"""


def run_in_fork(tests: list[str]) -> int:
    """The exit code of pytest in a fork of this process; -1 if it did not end in time."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        # A library that is imported already cannot be rewritten, and need not be.
        quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *quiet, *tests])
        os._exit(int(code))
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


@contextmanager
def working(folder: Path) -> Iterator["Queue[Worker]"]:
    """A worker for each processor."""
    workers = [Worker(folder / str(number)) for number in range(os.cpu_count() or 1)]
    queue: Queue[Worker] = Queue()
    for worker in workers:
        queue.put(worker)
    try:
        yield queue
    finally:
        for worker in workers:
            worker.close()


def run_all(workers: "Queue[Worker]", chosen: list[Mutant]) -> list[bool]:
    """Whether each of the mutants was killed; each is printed as soon as that is known."""
    killed: list[bool] = []
    with ThreadPoolExecutor(workers.qsize()) as pool:
        results = pool.map(partial(is_killed, workers), chosen)
        for mutant, dead in zip(chosen, results, strict=True):
            killed.append(dead)
            place = f"{len(killed)}/{len(chosen)} {mutant.target.file}:{mutant.line}"
            print(f"{place} {'killed' if dead else 'SURVIVED'}: {mutant.change}", flush=True)
    return killed


def failing_tests(workers: "Queue[Worker]", suites: set[tuple[str, ...]]) -> list[str]:
    """Tests that fail without a change: they would kill every mutant."""

    def fails(tests: tuple[str, ...]) -> bool:
        worker = workers.get()
        try:
            return worker.fails(tests)
        finally:
            workers.put(worker)

    ordered = sorted(suites)
    with ThreadPoolExecutor(workers.qsize()) as pool:
        failures = pool.map(fails, ordered)
        return [" ".join(tests) for tests, failed in zip(ordered, failures, strict=True) if failed]


def is_killed(workers: "Queue[Worker]", mutant: Mutant) -> bool:
    """Whether the tests of the file fail, or do not end, with this change in it."""
    worker = workers.get()
    file = worker.tree / "src" / PACKAGE / mutant.target.file
    before = file.read_text(encoding="utf-8")
    try:
        write_source(file, mutant.source)
        return worker.fails(mutant.target.tests)
    finally:
        write_source(file, before)
        workers.put(worker)


def write_source(file: Path, source: str) -> None:
    """Write a module, and remove its byte code, which may be taken for that of the new text."""
    file.write_text(source, encoding="utf-8")
    for code in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        code.unlink()


def mutants(target: Target) -> Iterator[Mutant]:
    """Every small change to the functions of a target."""
    tree = ast.parse((ROOT / "src" / PACKAGE / target.file).read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if target.functions and function.name not in target.functions:
            continue
        for node in _own(function):
            for change, changed in _changes(node):
                line = getattr(node, "lineno", function.lineno)
                yield Mutant(target, line, change, _with(tree, node, changed))


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside it, which are visited alone."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from _own(child)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Each change of a node: its description, and the node that replaces it."""
    for kind, change in CHANGES.items():
        if isinstance(node, kind):
            yield from change(node)


def _other_comparison(node: ast.Compare) -> Iterator[tuple[str, ast.AST]]:
    for place, operator in enumerate(node.ops):
        swapped = copy.deepcopy(node)
        swapped.ops[place] = SWAPPED[type(operator)]()
        yield f"{ast.unparse(node)} -> {ast.unparse(swapped)}", swapped


def _other_operator(node: ast.BoolOp) -> Iterator[tuple[str, ast.AST]]:
    operator = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    other = ast.BoolOp(operator, copy.deepcopy(node.values))
    yield f"{ast.unparse(node)} -> {ast.unparse(other)}", other


def _without_not(node: ast.UnaryOp) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node.op, ast.Not):
        yield f"{ast.unparse(node)} -> {ast.unparse(node.operand)}", copy.deepcopy(node.operand)


def _always_or_never(node: ast.If) -> Iterator[tuple[str, ast.AST]]:
    for value in (True, False):
        certain = copy.deepcopy(node)
        certain.test = ast.Constant(value)
        yield f"if {ast.unparse(node.test)} -> if {value}", certain


def _no_refusal(node: ast.Raise) -> Iterator[tuple[str, ast.AST]]:
    yield f"{ast.unparse(node)} -> pass", ast.Pass()


def _other_answer(node: ast.Return) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        other = ast.Return(ast.Constant(not node.value.value))
        yield f"{ast.unparse(node)} -> {ast.unparse(other)}", other


CHANGES: dict[type[ast.AST], Callable[[Any], Iterator[tuple[str, ast.AST]]]] = {
    ast.Compare: _other_comparison,
    ast.BoolOp: _other_operator,
    ast.UnaryOp: _without_not,
    ast.If: _always_or_never,
    ast.Raise: _no_refusal,
    ast.Return: _other_answer,
}


def _with(tree: ast.Module, node: ast.AST, changed: ast.AST) -> str:
    """The file with one node replaced."""

    class Replace(ast.NodeTransformer):
        def visit(self, each: ast.AST) -> ast.AST:
            return changed if each is node else super().generic_visit(each)

    # The node itself is not copied, so that it can be found in the copy.
    copied = copy.deepcopy(tree, {id(node): node})
    return ast.unparse(ast.fix_missing_locations(Replace().visit(copied)))


if __name__ == "__main__":
    sys.exit(main())
