"""Change the code that decides who may do what, one small change at a time, and run its tests.

    make mutants                                        all of them
    python scripts/mutants.py --only safety/policy      of some files
    python scripts/mutants.py --sample 100 --seed 1     some of them, by chance

A mutant is a file with one change. It is killed if the tests of the file fail, and else survives.
Survivors are printed; those that change no behaviour are listed with the reason in
docs/decisions/mutants.md. The exit code is 1 if fewer than 90 % are killed.
"""

import argparse
import ast
import copy
import gc
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from queue import Queue
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple, TextIO

import pytest

from portkey_admin_mcp.domains import DOMAINS

ROOT = Path(__file__).parents[1]
PACKAGE = "portkey_admin_mcp"
MIN_KILLED_SHARE = 0.9
TIMEOUT_S = 300
NOT_RUN = "not run"
"""Begins the answer about a mutant whose code cannot replace that which is imported."""


class Target(NamedTuple):
    """A file of the package, its functions to change (all if none are named), and their tests.

    `scripts` says whether its texts in SQL and Lua are changed too, which are not in functions.
    """

    file: str
    functions: tuple[str, ...]
    tests: tuple[str, ...]
    scripts: bool = False


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
                     "promote_prompt", "prompts/content", "update_log_export", "update_prompt")
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
    Target(
        "portkey/clients.py",
        (),
        ("tests/portkey/test_clients.py", "tests/server/http/test_keys_apart.py"),
    ),
    Target(
        "server/http/access/caller_key.py",
        (),
        ("tests/server/http/access/test_caller_key.py", "tests/server/http/test_keys_apart.py"),
    ),
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
            ("policy_guard", ("test_policy_calls", "test_policy_workspaces", "test_whoami",
                              "test_policy_bound", "test_policy_headers")),
            ("door", ("test_confirmation", "test_freeze", "test_policy_calls", "test_approvals",
                      "test_preview", "test_whoami", "test_journal", "test_journal_reverts")),
            ("risk", ("test_risk", "test_confirmation")),
            ("inspection", ("test_whoami",)),
            *((file, ("test_secrets", "test_secrets_canary", "test_secrets_page"))
              for file in ("secret_sink", "secret_sink_file", "secret_sink_page",
                           "secret_sink_redis")),
            ("store", ("test_approvals_store", "test_freeze")),
        )
    ),
    *(
        Target(f"safety/{file}.py", (), ("tests/safety/test_approvals_store.py",), scripts=True)
        for file in ("sqlite_store", "redis_store")
    ),
    Target("portkey/masking.py", (),
           tuple(f"tests/safety/test_{test}.py"
                 for test in ("preview_masking", "secrets_canary", "secrets"))),
    Target("safety/permit.py", (), ("tests/safety/test_confirmation.py",)),
    Target("server/mcp/asking.py", (),
           ("tests/safety/test_confirmation.py", "tests/safety/test_policy_calls.py")),
    *(
        Target(file, (), ("tests/safety/test_approvals.py", "tests/safety/test_freeze.py",
                          "tests/cli/test_approvals.py"))
        for file in ("safety/approvals.py", "server/http/pages/approvals.py")
    ),
    Target("workflows/update_workspace_security_settings.py", (),
           ("tests/workflows/test_update_workspace_security_settings.py",)),
    Target("models/workspace_security.py", (),
           ("tests/workflows/test_update_workspace_security_settings.py",)),
    Target("server/mcp/completions.py", (), ("tests/server/mcp/test_completions.py",)),
    Target("server/mcp/prompts.py", ("write_prompt",), ("tests/server/mcp/test_prompts.py",)),
    Target("server/mcp/resources.py", (), ("tests/server/mcp/test_resources.py",)),
)  # fmt: skip
SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


class Mutant(NamedTuple):
    """One change: its place, a description, and the source of the file with it.

    `function` is the qualified name of the outermost function around it, such as `Store.take`;
    empty for a text that is in none.
    """

    target: Target
    line: int
    change: str
    source: str
    function: str


def main() -> int:
    """Create every mutant, run its tests, and print which survive."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=[""], help="files whose path contains one")
    parser.add_argument("--sample", type=int, help="a random sample of so many, instead of all")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the sample")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--worker", nargs="+", metavar="TEST", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work(options.worker)
    targets = [t for t in TARGETS if any(each in t.file for each in options.only)]
    chosen = [mutant for target in targets for mutant in mutants(target)]
    if options.sample is not None and options.sample < len(chosen):
        print(f"a sample of {options.sample} of {len(chosen)}, seed {options.seed}")
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    print(f"{len(chosen)} mutants", flush=True)
    suites: dict[tuple[str, ...], list[Mutant]] = {}
    for mutant in chosen:
        suites.setdefault(mutant.target.tests, []).append(mutant)
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(options.processes) as pool,
    ):
        results = [
            *pool.map(
                partial(run_suite, copied_trees(Path(folder), options.processes)), suites.values()
            )
        ]
    if failing := [str(result) for result in results if isinstance(result, TestsFail)]:
        print("these tests fail, or do not end, without any change:", *failing, sep="\n")
        return 1
    verdicts = [each for result in results if isinstance(result, list) for each in result]
    return report(verdicts)


def report(verdicts: list[tuple[Mutant, bool]]) -> int:
    """Print the survivors and how many mutants of each file were killed; the exit code."""
    killed: Counter[str] = Counter(mutant.target.file for mutant, dead in verdicts if dead)
    total: Counter[str] = Counter(mutant.target.file for mutant, _ in verdicts)
    for mutant, dead in verdicts:
        if not dead:
            print(f"SURVIVED {mutant.target.file}:{mutant.line} {mutant.change}")
    for file in sorted(total):
        print(f"{killed[file]:>5} of {total[file]:<5} {file}")
    share = killed.total() / max(1, total.total())
    print(f"{killed.total()} of {total.total()} killed, {share:.1%}")
    return 0 if share >= MIN_KILLED_SHARE else 1


def copied_trees(folder: Path, count: int) -> "Queue[Path]":
    """Copies of the code and its tests; each is used by one suite at a time."""
    trees: Queue[Path] = Queue()
    for number in range(count):
        tree = folder / str(number)
        for name in ("src", "tests", "scripts", "docs"):
            shutil.copytree(ROOT / name, tree / name)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, tree)
        trees.put(tree)
    return trees


class TestsFail(Exception):
    """Tests fail without any change: they would kill every mutant."""


def run_suite(trees: "Queue[Path]", chosen: list[Mutant]) -> list[tuple[Mutant, bool]] | TestsFail:
    """Whether each of these mutants, which have the same tests, is killed."""
    tree = trees.get()
    try:
        with Worker(tree, chosen) as worker:
            return [(mutant, worker.kills(mutant)) for mutant in chosen]
    except TestsFail as error:
        return error
    finally:
        trees.put(tree)


class Worker:
    """A process that has collected the tests of some mutants, and forks for each mutant.

    A fork gets the code of the mutant in place of that which is imported, so that it imports and
    collects nothing, and runs only tests that execute the changed function. A mutant that survives
    this, or whose code cannot be replaced, is run again in a new process, with all of its tests: it
    may be executed at an import, or in a process that a test starts.
    """

    def __init__(self, tree: Path, chosen: list[Mutant]) -> None:
        self._tree = tree
        self._tests = chosen[0].target.tests
        self._environment = {**os.environ, "PYTHONPATH": f"{tree}/src:{tree}/tests"}  # noqa: TID251  # the tests' own
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", *self._tests],
            cwd=tree,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        files = {mutant.target.file for mutant in chosen}
        answer = self._ask({file: unchanged(self._path(file)) for file in files})
        if answer:
            self.__exit__()
            raise TestsFail(f"{' '.join(self._tests)}: {answer}")

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def kills(self, mutant: Mutant) -> bool:
        """Whether the tests fail, or do not end, with this mutant; printed as soon as known."""
        file = self._path(mutant.target.file)
        before = file.read_text(encoding="utf-8")
        started = time.monotonic()
        try:
            write_source(file, mutant.source)
            answer = self._ask([mutant.target.file, mutant.source, mutant.function])
            is_dead = (bool(answer) and not answer.startswith(NOT_RUN)) or self._fails_anew()
        finally:
            write_source(file, before)
        took = time.monotonic() - started
        place = f"{mutant.target.file}:{mutant.line}"
        by = answer if is_dead and answer else "a new process" if is_dead else "nothing"
        verdict = f"{'killed' if is_dead else 'SURVIVED'} by {by} in {took:.1f} s"
        print(f"{place} {verdict}: {mutant.change}", flush=True)
        return is_dead

    def _path(self, file: str) -> Path:
        return self._tree / "src" / PACKAGE / file

    def _ask(self, question: Any) -> str:
        """Send a question to the process: which test fails, or ""."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        return str(json.loads(line)) if line else "the tests cannot be collected"

    def _fails_anew(self) -> bool:
        command = [sys.executable, "-m", "pytest", *options_in(self._tree), *self._tests]
        try:
            done = subprocess.run(
                command,
                cwd=self._tree,
                env=self._environment,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return True
        return done.returncode != 0


def unchanged(file: Path) -> str:
    """The source of a file as it is in a mutant, but without a change."""
    return ast.unparse(ast.parse(file.read_text(encoding="utf-8")))


def options_in(tree: Path) -> list[str]:
    """The options of pytest in a copy of the code.

    pytest warns that the package, whose plugin it knows, is imported already: this script does so.
    """
    ignored = "ignore::pytest.PytestAssertRewriteWarning"
    return ["-x", "-q", "-W", ignored, "-p", "no:cacheprovider", f"--basetemp={tree / 'temporary'}"]


def work(tests: list[str]) -> int:
    """Collect tests, and run them with each mutant that a line of standard input holds."""
    lines, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    return pytest.main([*options_in(Path.cwd()), *tests], plugins=[Forks(lines, answers)])


class Forks:
    """A plugin of pytest that runs the collected tests in forks, once for each mutant."""

    def __init__(self, lines: TextIO, answers: TextIO) -> None:
        self._lines = lines
        self._answers = answers
        self._timeout_s: float = TIMEOUT_S

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests without a change twice, then with each mutant."""
        sources = json.loads(self._lines.readline())
        codes = {file: LiveCode(file) for file in sources}
        for code in codes.values():
            code.find()

        def without_change() -> str:
            return "".join(codes[file].replace(source) for file, source in sources.items())

        # First to know what they execute and import; then, with that imported, how long they take.
        first = self._fork(session, session.items, without_change, FindsExecuted([*sources]))
        if first["failed"]:
            self._answer(first["failed"])
            return True
        for name in first["found"]["modules"]:
            with suppress(Exception):  # some modules can only be imported by others
                import_module(name)
        for code in codes.values():
            code.find()
        second = self._fork(session, session.items, without_change, MeasuresTime())
        self._answer(second["failed"])
        seconds = second["found"] or [0.0]
        self._timeout_s = 20 + 10 * sum(seconds)
        for line in self._lines:
            file, source, function = json.loads(line)
            tests = executing(first["found"]["executed"], f"{file} {function}")
            items = [session.items[n] for n in sorted(tests, key=seconds.__getitem__)]
            result = self._fork(session, items, partial(codes[file].replace, source, function))
            self._answer(result["failed"])
        return True

    def _answer(self, answer: str) -> None:
        print(json.dumps(answer), file=self._answers, flush=True)

    def _fork(
        self,
        session: pytest.Session,
        items: list[pytest.Item],
        change: Callable[[], str],
        observer: Any = None,
    ) -> dict[str, Any]:
        """Run tests in a fork, after a change: why it failed, or "", and what was observed."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            problem = change()
            failed = f"{NOT_RUN}: {problem}" if problem else run_items(session, items, observer)
            result = {"failed": failed, "found": observer.found() if observer else None}
            os.write(write, json.dumps(result).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as stream:
            ready, _, _ = select.select([stream], [], [], self._timeout_s)
            text = stream.readline() if ready else ""
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # with what a test has started, and not ended
        os.waitpid(child, 0)
        return json.loads(text or '{"failed": "a test did not end", "found": null}')


def run_items(session: pytest.Session, items: list[pytest.Item], observer: Any) -> str:
    """Run tests until one fails: its name, or ""."""
    failed = ""
    for number, item in enumerate(items):
        following = items[number + 1] if number + 1 < len(items) else None
        if observer:
            observer.begin()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if observer:
            observer.end()
        if session.testsfailed:
            failed = item.name
            break
    session.config.hook.pytest_sessionfinish(session=session, exitstatus=0)
    return failed


def executing(executed: dict[str, list[int]], function: str) -> set[int]:
    """The numbers of the tests that execute a function (`file name`), or one inside it.

    Without a name, any function of the file.
    """
    return {
        number
        for name, numbers in executed.items()
        if name == function
        or name.startswith(function if function.endswith(" ") else f"{function}.<locals>.")
        for number in numbers
    }


class FindsExecuted:
    """Which functions of some files each test executes, and what is imported by all of them."""

    def __init__(self, files: list[str]) -> None:
        self._files = {f"/{PACKAGE}/{file}": file for file in files}
        self._names: dict[CodeType, str] = {}
        self._executed: list[set[str]] = []

    def begin(self) -> None:
        """Record what the next test executes, in any thread."""
        self._executed.append(set())
        threading.settrace(self._record)
        sys.settrace(self._record)

    def end(self) -> None:
        """Record no more in this thread."""
        sys.settrace(None)

    def _record(self, frame: FrameType, _event: str, _argument: object) -> None:
        code = frame.f_code
        if code not in self._names:
            files = (file for path, file in self._files.items() if code.co_filename.endswith(path))
            file = next(files, "")
            self._names[code] = f"{file} {code.co_qualname}" if file else ""
        if name := self._names[code]:
            self._executed[-1].add(name)

    def found(self) -> dict[str, Any]:
        """For each function (`file name`) the numbers of the tests; and the modules."""
        executed: dict[str, list[int]] = {}
        for number, names in enumerate(self._executed):
            for name in names:
                executed.setdefault(name, []).append(number)
        return {"executed": executed, "modules": [*sys.modules]}


class MeasuresTime:
    """How many seconds each test takes."""

    def __init__(self) -> None:
        self._seconds: list[float] = []

    def begin(self) -> None:
        """Start the clock of the next test."""
        self._seconds.append(-time.monotonic())

    def end(self) -> None:
        """Stop it."""
        self._seconds[-1] += time.monotonic()

    def found(self) -> list[float]:
        """The seconds of each test."""
        return self._seconds


class LiveCode:
    """The functions of a file that are imported, whose code can be replaced."""

    def __init__(self, file: str) -> None:
        self._suffix = f"/{PACKAGE}/{file}"
        self._path = str(Path("src", PACKAGE, file).resolve())
        self._lines = {
            name: [code.co_firstlineno for code in codes]
            for name, codes in codes_of(Path(self._path).read_text(), self._path).items()
        }
        self._functions: list[FunctionType] = []

    def find(self) -> None:
        """Find the functions that are imported now."""
        gc.unfreeze()
        self._functions = [
            each
            for each in gc.get_objects()
            if isinstance(each, FunctionType) and each.__code__.co_filename.endswith(self._suffix)
        ]
        gc.freeze()

    def replace(self, source: str, function: str = "-") -> str:
        """Put the code of a changed file into them; a text says why that cannot be done.

        If the change is in no function, its texts become those of the module.
        """
        if not function:
            module = next(
                m for m in sys.modules.values() if getattr(m, "__file__", 0) == self._path
            )
            names = {name: getattr(module, name) for name in ("__name__", "__package__")}
            exec(compile(source, self._path, "exec", dont_inherit=True), names)
            vars(module).update({n: v for n, v in names.items() if isinstance(v, str)})
            return ""
        codes = codes_of(source, self._path)
        for function in self._functions:
            code = function.__code__
            lines, changed = self._lines[code.co_qualname], codes.get(code.co_qualname, [])
            if len(lines) != len(changed):
                return "has other functions"
            other = changed[lines.index(code.co_firstlineno)]
            if len(other.co_freevars) != len(code.co_freevars):
                return "has other variables"
            function.__code__ = other
        return ""


def codes_of(source: str, path: str) -> dict[str, list[CodeType]]:
    """The code of all functions in a file by their qualified name, in the order of their lines."""
    codes: dict[str, list[CodeType]] = {}
    unvisited = [compile(source, path, "exec", dont_inherit=True)]
    while unvisited:
        code = unvisited.pop()
        unvisited += [each for each in code.co_consts if isinstance(each, CodeType)]
        codes.setdefault(code.co_qualname, []).append(code)
    return {name: sorted(each, key=lambda c: c.co_firstlineno) for name, each in codes.items()}


def write_source(file: Path, source: str) -> None:
    """Write a module, and remove its byte code, which may be taken for that of the new text."""
    file.write_text(source, encoding="utf-8")
    for code in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        code.unlink()


def mutants(target: Target) -> Iterator[Mutant]:
    """Every small change to the functions of a target."""
    tree = ast.parse((ROOT / "src" / PACKAGE / target.file).read_text(encoding="utf-8"))
    for name, outermost in _outermost(tree):
        for function in ast.walk(outermost):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if target.functions and function.name not in target.functions:
                continue
            for node in _own(function):
                for change, changed in _changes(node):
                    line = getattr(node, "lineno", function.lineno)
                    yield Mutant(target, line, change, _with(tree, node, changed), name)
    if target.scripts:
        yield from _script_mutants(target, tree)


def _script_mutants(target: Target, tree: ast.Module) -> Iterator[Mutant]:
    """Every small change to the texts of a target that are SQL or Lua."""
    named = {id(node): name for name, outermost in _outermost(tree) for node in ast.walk(outermost)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for change, changed in _other_script(node.value):
                source = _with(tree, node, ast.Constant(changed))
                yield Mutant(target, node.lineno, change, source, named.get(id(node), ""))


def _outermost(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """The functions of a file that are in no other function, with their qualified names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        else:
            inside = f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix
            yield from _outermost(child, inside)


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


def _other_choice(node: ast.IfExp) -> Iterator[tuple[str, ast.AST]]:
    for chosen in (node.body, node.orelse):
        yield f"{ast.unparse(node)} -> {ast.unparse(chosen)}", copy.deepcopy(chosen)


def _no_filter(node: ast.comprehension) -> Iterator[tuple[str, ast.AST]]:
    for place, condition in enumerate(node.ifs):
        wider = copy.deepcopy(node)
        del wider.ifs[place]
        yield f"for {ast.unparse(node.target)} … if {ast.unparse(condition)} -> all", wider


def _no_call(node: ast.Expr) -> Iterator[tuple[str, ast.AST]]:
    """Without a statement that is a call, unless it only writes to the log."""
    text = ast.unparse(node)
    if isinstance(node.value, ast.Call | ast.Await) and not text.startswith("log."):
        yield f"{text} -> pass", ast.Pass()


def _other_script(text: str) -> Iterator[tuple[str, str]]:
    """Each change of a text in SQL or Lua: one operator, or in Lua one statement less."""
    start = text.rfind("WHERE") + 1
    if not IS_SCRIPT.search(text):
        return
    for operator in OPERATORS.finditer(text, start):
        other = OTHER_OPERATOR[operator[0]]
        before, after = text[: operator.start()], text[operator.end() :]
        start_of_line, end_of_line = before.rpartition("\n")[2], after.partition("\n")[0]
        shown = (f"{start_of_line}{each}{end_of_line}" for each in (operator[0], other))
        yield " -> ".join(shown), f"{before}{other}{after}"
    for statement in STATEMENT.finditer(text):
        yield (
            f"{statement[0].strip()} -> nothing",
            text[: statement.start()] + text[statement.end() :],
        )


IS_SCRIPT = re.compile(r"redis\.call|[=<>] \?|\bOR IGNORE\b|\bWHERE\b")
OTHER_OPERATOR = {
    " < ": " <= ", " <= ": " < ", " > ": " >= ", " == ": " ~= ", " ~= ": " == ", " = ?": " != ?",
    " != '": " = '", " and ": " or ", " or ": " and ", " not ": " ", " AND ": " OR ",
    " IN ('": " NOT IN ('", " DESC ": " ", "OR IGNORE": "OR REPLACE", "'(' .. ": "",
}  # fmt: skip
OPERATORS = re.compile("|".join(map(re.escape, OTHER_OPERATOR)))
STATEMENT = re.compile(r"^ *(redis\.call|close|if .*\bend$).*\n", re.MULTILINE)
CHANGES: dict[type[ast.AST], Callable[[Any], Iterator[tuple[str, ast.AST]]]] = {
    ast.Compare: _other_comparison,
    ast.BoolOp: _other_operator,
    ast.UnaryOp: _without_not,
    ast.If: _always_or_never,
    ast.Raise: _no_refusal,
    ast.Return: _other_answer,
    ast.IfExp: _other_choice,
    ast.comprehension: _no_filter,
    ast.Expr: _no_call,
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
