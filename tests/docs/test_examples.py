"""Every example in the Markdown runs, or is listed in NOT_RUN with the reason.

A new code block or command that does neither fails. Servers are started once for all commands;
where an example names a port, a free one takes its place.
"""

import contextlib
import json
import logging
import re
import shlex
import shutil
import socket
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from doctest import ELLIPSIS, DocTestParser, DocTestRunner
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
import yaml
from click.testing import CliRunner

from certificates import Authority
from each import for_each
from initialization import INITIALIZE
from markdown_examples import ROOT, Block, blocks, page_commands, pages, spans, text_of
from portkey_admin_mcp import models
from portkey_admin_mcp.cli.command_line import main as command_line
from portkey_admin_mcp.emulator.core import app as _emulator  # noqa: F401  # fills CONTROLS
from portkey_admin_mcp.emulator.core.control import CONTROLS
from portkey_admin_mcp.emulator.core.seed import start_from
from portkey_admin_mcp.server.mcp.skills.front_matter import read as read_front_matter
from portkey_admin_mcp.server.mcp.skills.front_matter import split
from portkey_admin_mcp.settings.environment import variable_names
from portkey_admin_mcp.settings.hosting import Hosting, load_hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings, load_settings
from programs import COMMAND, require_program, tree_environment

T = TypeVar("T")
TIMEOUT_S = 30
TOKEN = "a-token-of-the-tests"
NAME = "portkey-admin-mcp"
NO_ENGINE = "needs a Docker engine; tests/deploy checks the files"
NO_ACCOUNT = "needs an account and a cluster or platform; tests/deploy checks the manifests"
NOT_RUN = {
    r"(docker (build|buildx|run|compose)|podman build)\b": NO_ENGINE,
    r"(gcloud|kubectl|fly|vercel)\b": NO_ACCOUNT,
    r"for s in portkey-api-key": NO_ACCOUNT,
    r"for name in PORTKEY_API_KEY": NO_ACCOUNT,
    r"printf \S+ \| vercel\b": NO_ACCOUNT,
    r"curl -fsS http://localhost:8080/ready": "asks the service that `docker compose up` starts",
    r"claude mcp add --transport http": "needs Claude Code; check-http calls such an address",
    rf"uvx {NAME}@1\.2\.3 --version": "installs a version that is published",
    r"(claude|codex|gemini|copilot|opencode) mcp list": "needs the client; "
    "tests/clients/test_read_back.py runs it",
    rf"uvx {NAME} demo": "tests/cli/test_main.py runs it",
    r"pipx install (\.|portkey-admin-mcp)$": "installs; the image's build steps do the same",
    r"npx -y portkey-admin-mcp$": "starts the TypeScript server; make bench installs and runs it",
    rf"pip install '{NAME}\[(code|testing)\]'": "downloads; a test compares the extras",
    r"cosign sign\b": "needs a registry with the image, and a person who signs",
    r"\.ci/run": "runs these tests, among others",
    rf"{NAME} doctor$": "needs a key; tests/cli/test_doctor.py runs it",
    rf"{NAME} demo": "tests/cli/test_main.py runs it",
    rf"{NAME} policy\b": "needs a policy; tests/safety/test_policy_cli.py runs it",
    rf"{NAME} journal\b": "needs a journal; tests/safety/test_journal.py runs it",
    rf"{NAME} (approvals|approve|deny|freeze|thaw)\b": "needs a request or a person; "
    "tests/cli/test_approvals.py runs them",
    rf"{NAME} http --workers 2": "tests/server/http/test_serve.py runs workers",
    r"python scripts/extract_facts\.py DIRECTORY": "reads files of Portkey that are not here",
    r"python benchmarks/emulator_store\.py": "measures for a minute",
}
"""Commands that are not run here: a pattern for the beginning of the command, and why."""
SAMPLE_VALUES = {
    "PORTKEY_API_KEY": "pk-0123456789",
    "MCP_AUTH_TOKEN": TOKEN,
    "MCP_REDIS_URL": "redis://127.0.0.1:6379/0",
    "MCP_EVENT_ENCRYPTION_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "CLERK_ISSUER": "https://clerk.example.com",
    "CLERK_AUDIENCE": "https://mcp.example.com/mcp",
    "MCP_OIDC_ISSUER": "https://login.example.com",
    "MCP_OIDC_AUDIENCE": "https://mcp.example.com/mcp",
}
"""Settings that others require."""
CLASSES = (Settings, SafetySettings, Hosting)
FIELDS = {
    name: (cls, field)
    for cls in CLASSES
    for field in cls.model_fields.values()
    for name in variable_names(field)
}
PAGES = pages()
GENERATED_PAGES = [
    str(file.relative_to(ROOT))
    for file in sorted((ROOT / "docs").rglob("*.md"))
    if str(file.relative_to(ROOT)) not in PAGES
]
COMMANDS = sorted({command for page in PAGES for command in page_commands(page)})


class Servers(NamedTuple):
    """The URLs of running servers: HTTP without authentication and with it, and the emulator."""

    sandbox: str
    bearer: str
    emulator: str


class NotRun(NamedTuple):
    """Why a command is not run."""

    pattern: str
    reason: str


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """`http --sandbox`, `http` with a bearer token, and `emulator --state`, started together."""
    ports = free_ports(3)
    bearer = {"PORTKEY_SANDBOX": "true", "MCP_AUTH_MODE": "bearer", "MCP_AUTH_TOKEN": TOKEN}
    with ExitStack() as stack:
        for arguments, environment in (
            (["http", "--sandbox", "--port", str(ports[0])], {}),
            (["http"], {**bearer, "MCP_PORT": str(ports[1])}),
            (["emulator", "--state", "portkey.sqlite", "--port", str(ports[2])], {}),
        ):
            stack.enter_context(running(arguments, environment, folder))
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        for url, path in zip(urls, ["/health", "/health", "/emulator/keys"], strict=True):
            wait_for(url + path)
        yield Servers(*urls)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def running(arguments: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    """A server in a process of its own, ended with the block."""
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=tree_environment({"HOME": str(folder), **environment}),
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


def wait_for(url: str) -> None:
    """Wait until a URL is answered with success."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            fetch(url)
        except URLError:
            assert time.monotonic() < deadline, f"{url} is not answered"
            time.sleep(0.05)
        else:
            return


def fetch(url: str, method: str = "GET", body: Any = None) -> str:
    """The text of an answer; raises HTTPError unless it is a success."""
    data = json.dumps(body).encode() if body is not None else None
    request = Request(url, data, {"Content-Type": "application/json"}, method=method)
    with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_S) as answer:
        return answer.read().decode()


# Commands


def test_examples_are_found():
    assert len(COMMANDS) > 50


@for_each(COMMANDS)
def test_a_command_runs_or_has_a_reason_not_to(command):
    assert rule_for(command) is not None, (
        "make it run in RUN or in RUN_WITH_SERVERS, or write into NOT_RUN why it cannot run here"
    )


def test_what_needs_a_running_server_runs(tmp_path):
    """In one test, so that the servers are started once, also if tests run in parallel."""
    commands = [each for each in COMMANDS if rule_for(each) in RUN_WITH_SERVERS.values()]
    problems = {}
    with running_servers(tmp_path) as servers:
        for command in commands:
            with suppress_failures() as failures:
                rule_for(command)(command, servers)
            problems[command] = "".join(failures)
        for page, request_line, body in REQUESTS:
            with suppress_failures() as failures:
                control_emulator(request_line, body, servers)
            problems[f"{page}: {request_line}"] = "".join(failures)

    assert {what: why for what, why in problems.items() if why} == {}
    assert len(problems) > 10


@contextmanager
def suppress_failures() -> Iterator[list[str]]:
    """Collect the message of a failure, so that the other examples are run too."""
    failures: list[str] = []
    try:
        yield failures
    except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
        failures.append(f"{type(error).__name__}: {error}")


def collect_failures(
    check: Callable[[T, Path], None], examples: Iterable[T], folders: pytest.TempPathFactory
) -> dict[str, str]:
    """Check each example in a folder of its own; the messages of those that fail."""
    problems = {}
    for example in examples:
        with suppress_failures() as failures:
            check(example, folders.mktemp("example"))
        problems[str(example)] = "".join(failures)
    return {example: message for example, message in problems.items() if message}


def test_every_reason_belongs_to_a_command():
    rules = [rule_for(command) for command in COMMANDS]

    assert {rule.pattern for rule in rules if isinstance(rule, NotRun)} == set(NOT_RUN)


@for_each([each for each in COMMANDS if NAME in each.split()[0]])
def test_the_options_of_a_command_exist(command):
    check_options(command)


def check_options(command: str) -> None:
    words = [word.strip("[]") for word in shlex.split(command)[1:]]
    subcommand = command_line.commands.get(words[0]) if words else None

    if subcommand is not None:
        subcommand.make_context(words[0], words[1:])
    else:
        command_line.make_context(NAME, words)


@pytest.mark.parametrize("folder", ["docs/recipes/", "docs/troubleshooting.md"])
def test_the_commands_of_generated_pages_exist(folder):
    """Recipes do what these commands do; an ID or a TOOL stands for any."""
    text = "".join(text_of(page) for page in GENERATED_PAGES if page.startswith(folder))
    commands = {c for c in re.findall(rf"(?<!`)`({NAME} [^`]+)`(?!`)", text) if "{" not in c}

    assert len(commands) >= 4
    for command in sorted(commands):
        check_options(command)


def rule_for(command: str) -> Any:
    """How to run a command; or why it is not run; None if nothing is known about it."""
    for pattern, reason in NOT_RUN.items():
        if re.match(pattern, command):
            return NotRun(pattern, reason)
    rules = {**RUN, **RUN_WITH_SERVERS}
    return next((run for pattern, run in rules.items() if re.fullmatch(pattern, command)), None)


def serve_on_stdio(command: str, _folder: Path) -> None:
    """The server answers initialize, and ends when its input does."""
    environment = {"PORTKEY_API_KEY": SAMPLE_VALUES["PORTKEY_API_KEY"]}
    answer_initialize(tuple(shlex.split(command.rpartition(NAME)[2])), tuple(environment.items()))


@cache
def answer_initialize(arguments: tuple[str, ...], environment: tuple[tuple[str, str], ...]) -> None:
    """A process in an empty home answers initialize; examples that start the same share it."""
    with TemporaryDirectory() as home:
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=json.dumps(INITIALIZE) + "\n",
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_S,
            env=tree_environment({"HOME": home, **dict(environment)}),
        )
    assert json.loads(done.stdout)["result"]["serverInfo"]["name"] == "portkey-admin"


def serve_over_http(command: str, servers: Servers) -> None:
    """The status page and the check of health are answered by the running service."""
    url = servers.sandbox if "--sandbox" in command else servers.bearer

    assert json.loads(fetch(f"{url}/health"))["status"] == "ok"
    assert "<html" in fetch(f"{url}/")


def serve_the_emulator(_command: str, servers: Servers) -> None:
    assert "owner" in json.loads(fetch(f"{servers.emulator}/emulator/keys"))


def curl(command: str, servers: Servers) -> None:
    """Ask the running server for the same path; without curl, ask from Python."""
    *options, address = shlex.split(command)
    path = re.sub(r"^https?://[^/]+", "", address)
    url = (servers.emulator if path.startswith("/emulator") else servers.sandbox) + path
    if shutil.which("curl"):
        words = [*options, "--fail", "--noproxy", "*", url]
        text = subprocess.run(words, capture_output=True, check=True, timeout=TIMEOUT_S).stdout
    else:
        text = fetch(url)
    assert isinstance(json.loads(text), dict)


def check_http(command: str, servers: Servers) -> None:
    url = servers.bearer if "--token" in command else servers.sandbox
    words = shlex.split(command.replace("$MCP_AUTH_TOKEN", TOKEN))[1:]
    place = words.index("--url") + 1
    words[place] = re.sub(r"^…$|^https?://[^/]+", url, words[place])

    with TemporaryDirectory() as home:
        run_command(words, Path(home))


def make(command: str, _folder: Path) -> None:
    """Each target is in the Makefile; what they do is run by CI."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert set(command.split()[1:]) <= set(targets)


def add_to_claude(command: str, folder: Path) -> None:
    """The command that Claude Code would start."""
    serve_on_stdio(command.partition(" -- ")[2], folder)


def write_env_file(command: str, folder: Path) -> None:
    """The file that the shell writes holds settings."""
    require_program("openssl")
    script = command.replace("…", SAMPLE_VALUES["PORTKEY_API_KEY"]) + "\n"
    subprocess.run(["sh", "-c", script], cwd=folder, check=True, timeout=TIMEOUT_S)
    load_env_file(folder / ".env", {"MCP_EVENT_STORE": "redis", "REDIS_URL": "redis://x"})


def random_secret(command: str, _folder: Path) -> None:
    """What openssl prints is accepted as a key for events, or as a token."""
    require_program("openssl")
    done = subprocess.run(
        shlex.split(command), capture_output=True, text=True, check=True, timeout=TIMEOUT_S
    )
    secret = done.stdout.strip()
    if "base64" in command:
        Hosting(MCP_EVENT_STORE="redis", REDIS_URL="redis://x", MCP_EVENT_ENCRYPTION_KEY=secret)
    else:
        Hosting(MCP_AUTH_MODE="bearer", MCP_AUTH_TOKEN=secret)


def run_command(words: list[str], folder: Path) -> str:
    """Run the command in this process, with a folder as home and working directory.

    Returns its output; fails unless it succeeds.
    """
    variables = {"HOME": str(folder), "PORTKEY_STATE_DIR": str(folder / "state")}
    root, ours = logging.getLogger(), logging.getLogger("portkey_admin_mcp")
    handlers, root_level, level = root.handlers[:], root.level, ours.level
    with contextlib.chdir(folder):
        result = CliRunner().invoke(command_line, words, env=variables)
    root.handlers[:], root.level, ours.level = handlers, root_level, level
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def list_tools(command: str, folder: Path) -> None:
    """The tools are listed without a key; a digest is one line."""
    expected = r"sha256:[0-9a-f]{64}" if "--digest" in command else r"(?s).*\blist_configs\b.*"
    assert re.fullmatch(expected, run_command(shlex.split(command)[1:], folder))


def call_tool(command: str, folder: Path) -> None:
    """What is called, described or printed needs no key, and succeeds."""
    assert run_command(shlex.split(command)[1:], folder)


def install(command: str, folder: Path) -> None:
    """In an empty home, a configuration is written, or printed and nothing is written."""
    words = shlex.split(command.rpartition(f"{NAME} ")[2].replace("~", str(folder)))
    (folder / "portkey.env").write_text("PORTKEY_API_KEY=pk-0123456789\n", encoding="utf-8")

    assert run_command(words, folder)
    text = "".join(file.read_text() for file in folder.rglob("*.json"))
    is_written = words[0] == "install" and "--print" not in words
    assert ("portkey" in text) == is_written


def use_skills(command: str, folder: Path) -> None:
    """The command succeeds; what it writes is below the home of this test."""
    run_command(shlex.split(command)[1:], folder)


RUN: dict[str, Callable[[str, Path], None]] = {
    rf"(\.venv/bin/|printf … \| |uvx |pipx run )?{NAME}( --sandbox)?": serve_on_stdio,
    rf"(\.venv/bin/|uvx )?{NAME} (un)?install .+": install,
    rf"{NAME} tools( --digest)?": list_tools,
    rf"{NAME} (call|completion|describe|doctor|tools) .*": call_tool,
    rf"{NAME} skills (list|install|remove)\b.*": use_skills,
    r"make [a-z -]+": make,
    rf"claude mcp add [\w-]+ -- (uvx )?{NAME} --sandbox": add_to_claude,
    r"(?s)cat > \.env <<END.*": write_env_file,
    r"openssl rand -(hex|base64) 32": random_secret,
}
"""How a command is run in a directory of its own, by a pattern for all of the command."""
RUN_WITH_SERVERS: dict[str, Callable[[str, Servers], None]] = {
    rf"{NAME}( |-)http( --sandbox)?": serve_over_http,
    rf"{NAME} check-http .*": check_http,
    rf"{NAME} emulator( .*)?": serve_the_emulator,
    r"curl -f?sS? \S+": curl,
}
"""How a command is run that starts or calls a server."""


@pytest.mark.parametrize("run", RUN.values(), ids=lambda run: run.__name__)
def test_commands_without_a_server_run(run, tmp_path_factory):
    commands = [command for command in COMMANDS if rule_for(command) is run]

    assert commands
    assert collect_failures(run, commands, tmp_path_factory) == {}


# Blocks


def check_shell(block: Block, _folder: Path) -> None:
    """Its commands are tested one by one."""
    assert block.text.strip()


def check_json(block: Block, folder: Path) -> None:
    check_client_configuration(json.loads(block.text), folder)


def check_client_configuration(configuration: Any, folder: Path) -> None:
    """The command of each server in a client's configuration starts a server."""
    for entry in configuration["mcpServers"].values():
        start_entry(entry, folder)


def start_entry(entry: dict[str, Any], folder: Path) -> None:
    command, *arguments = [entry["command"], *entry.get("args", ())]
    if command == "uvx":
        command, *arguments = arguments
    assert command == NAME
    variables = {
        name: SAMPLE_VALUES[name] if value == "…" else value
        for name, value in entry.get("env", {}).items()
    }
    assert set(variables) <= set(FIELDS)
    answer_initialize(tuple(arguments), tuple(variables.items()))


def check_dotenv(block: Block, folder: Path) -> None:
    lines = [line.partition("=") for line in block.text.splitlines() if not line.startswith("#")]
    text = "".join(
        f"{name}={SAMPLE_VALUES[name] if value == '…' else value}\n" for name, _, value in lines
    )
    (folder / ".env").write_text(text, encoding="utf-8")
    assert {name for name, _, _ in lines} <= set(FIELDS)
    load_env_file(folder / ".env", {})


def load_env_file(file: Path, overrides: dict[str, str]) -> None:
    """Both kinds of settings accept a file, with `overrides` for the service."""
    assert load_settings(file).api_key is not None
    hosting = load_hosting(file, MCP_HOST="0.0.0.0", **{"MCP_AUTH_MODE": "bearer", **overrides})
    hosting.require_access_control(sandbox=False)


def check_yaml(block: Block, _folder: Path) -> None:
    """It parses, and the settings in it exist; tests/deploy checks what they say together.

    A seed file is one that the emulator can start from.
    """
    documents = list(yaml.safe_load_all(block.text))
    assert documents
    if "start" in documents[0]:
        start_from(documents[0])
    assert {*setting_names(documents)} <= set(FIELDS)


def setting_names(value: Any) -> Iterator[str]:
    """The names of environment variables in a manifest: keys, or `name` or `key` of an entry."""
    if isinstance(value, list):
        for item in value:
            yield from setting_names(item)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", key):
            yield key
        if key in ("name", "key") and item != "Host" and VALUES & set(value):
            yield item
        yield from setting_names(item)


VALUES = {"value", "valueFrom", "sync", "fromService"}
"""The fields of an entry that give an environment variable its value, on any platform."""


def check_toml(block: Block, _folder: Path) -> None:
    """It parses, and the settings in it exist."""
    assert {*setting_names([tomllib.loads(block.text)])} <= set(FIELDS)


def check_nginx(block: Block, folder: Path) -> None:
    """nginx accepts deploy/nginx.conf with these lines in its `server`."""
    nginx = require_program("nginx")
    key, certificate = Authority(folder).issue("nginx")[:2]
    lines = block.text.replace("/etc/nginx/tls/key.pem", str(key))
    lines = lines.replace("/etc/nginx/tls/cert.pem", str(certificate))
    conf = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
    conf = conf.replace(" /tmp/", f" {folder}/").replace("listen 8080;", f"listen 8080;\n{lines}")
    conf = re.sub(r"server mcp-\d:3000 ", "server 127.0.0.1:3000 ", conf)
    (folder / "nginx.conf").write_text(conf, encoding="utf-8")
    words = [nginx, "-t", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr


def check_python(block: Block, _folder: Path) -> None:
    """It is a part of the example project, which `make example` runs; or a doctest.

    There, the values after `>>>` are those that the page shows; every model is known by its name.
    """
    if any(block.text in file.read_text() for file in (ROOT / "examples").rglob("*.py")):
        return
    modules = walk_packages(models.__path__, f"{models.__name__}.")
    names = {n: v for each in modules for n, v in vars(import_module(each.name)).items()}
    test = DocTestParser().get_doctest(block.text, names, str(block), block.page, block.line)
    report: list[str] = []
    DocTestRunner(optionflags=ELLIPSIS).run(test, out=report.append)

    assert test.examples, "write it as a doctest, so that it can be run"
    assert "".join(report) == ""


def check_skill(block: Block, _folder: Path) -> None:
    """The text of a partial that is served as a skill."""
    assert read_front_matter(split(block.text)[0])["name"]


def check_mermaid(block: Block, _folder: Path) -> None:
    """A diagram; the paths it names exist."""
    for path in re.findall(r"\b([a-z_/]+/)(?=<br/>)", block.text):
        assert find_path(path), path


CHECKS: dict[str, Callable[[Block, Path], None]] = {
    "sh": check_shell,
    "json": check_json,
    "dotenv": check_dotenv,
    "yaml": check_yaml,
    "toml": check_toml,
    "nginx": check_nginx,
    "python": check_python,
    "mermaid": check_mermaid,
    "markdown": check_skill,
}
"""How a block is checked, by its language."""


BLOCKS = [block for page in PAGES for block in blocks(page)]


@for_each(BLOCKS)
def test_a_block_has_a_language(block):
    assert block.language in CHECKS, "name the language of the block, and add a check for it"


@pytest.mark.parametrize("language", CHECKS)
def test_the_blocks_of_a_language_are_right(language, tmp_path_factory):
    examples = [block for block in BLOCKS if block.language == language]

    assert examples
    assert collect_failures(CHECKS[language], examples, tmp_path_factory) == {}


# Code in the text


@for_each(PAGES)
def test_a_setting_with_a_value_is_accepted(page):
    examples = re.findall(r"^([A-Z][A-Z_]+)=(\S+)$", "\n".join(spans(page)), re.MULTILINE)
    for name, value in examples:
        if name in FIELDS and "…" not in value:
            cls = FIELDS[name][0]
            assert cls(**{**sample_settings(cls), name: value})


def sample_settings(cls: Any) -> dict[str, str]:
    return {name: value for name, value in SAMPLE_VALUES.items() if FIELDS[name][0] is cls}


def test_a_configuration_in_the_text_starts_a_server(tmp_path):
    examples = [s for page in PAGES for s in spans(page) if s.startswith('{"mcpServers"')]

    assert examples
    for text in examples:
        check_client_configuration(json.loads(text), tmp_path)


REQUESTS = [
    (page, match[1], match[2])
    for page in PAGES
    for match in re.finditer(r"`((?:GET|POST) /emulator/[^`]*)`(?: `(\{[^`]*)`)?", text_of(page))
]


def control_emulator(request_line: str, body: str | None, servers: Servers) -> None:
    """The request succeeds; one with placeholders is only compared with those that exist."""
    method, _, target = request_line.partition(" ")
    body = "{}" if body == "{…}" else body
    if "{" in target or "…" in (body or ""):
        known = {re.sub(r"\{\w+\}", "{}", endpoint) for endpoint in CONTROLS}
        path = re.sub(r"\{\w+\}", "{}", request_line.partition("?")[0])
        assert path in known or target.startswith("/emulator/files/")
    else:
        fetch(servers.emulator + target, method, json.loads(body) if body else None)


PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
FILES = [
    f"/{path.relative_to(ROOT)}{'/' * path.is_dir()}"
    for folder in (
        "src",
        "tests",
        "docs",
        "scripts",
        "benchmarks",
        "deploy",
        "examples",
        "api",
        "public",
    )
    for path in (ROOT / folder).rglob("*")
] + [f"/{path.name}{'/' * path.is_dir()}" for path in ROOT.iterdir()]
NO_PATHS = (
    "/", "~", "application/", "text/", "vendor/", "service.yaml", "portkey-admin-mcp.yaml",
    "fly.toml", "render.yaml", "openapi.yaml", "dist/", ".claude.json",
)  # fmt: skip
"""What looks like a path and is none of this repository: URL paths, media types, users' files."""


def find_path(path: str) -> bool:
    """Whether this is a file or folder of the repository, or the end of its path."""
    return any(file.endswith(f"/{path}") for file in FILES)


@for_each([page for page in PAGES if page != "CHANGELOG.md"])
def test_paths_in_the_text_exist(page):
    suffixes = (".py", ".json", ".md", ".yaml", ".toml", ".lock", ".conf", ".jsonl", "/")
    paths = {
        span
        for span in spans(page)
        if PATH.fullmatch(span) and span.endswith(suffixes) and not span.startswith(NO_PATHS)
    }

    missing = {path for path in paths if not find_path(path)}
    assert missing == set(), "these paths do not exist: name them from the root, or the package"


@pytest.mark.parametrize("page", ["docs/security.md"])
def test_tests_in_the_text_exist(page):
    tests = [match for s in spans(page) if (match := re.fullmatch(r"(\S+\.py)::(test_\w+)", s))]

    missing = [
        match[0]
        for match in tests
        if not (file := ROOT / "tests" / match[1]).exists()
        or f"def {match[2]}(" not in file.read_text(encoding="utf-8")
    ]
    assert len(tests) > 50
    assert missing == [], "name the test from the folder of tests, as file::test"


def test_every_decision_is_in_the_list():
    folder = ROOT / "docs/decisions"
    listed = set(re.findall(r"\]\((\S+\.md)\)", text_of("docs/decisions/README.md")))

    assert {file.name for file in folder.glob("*.md")} - {"README.md"} == listed


@for_each([*PAGES, *GENERATED_PAGES])
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    folder = (ROOT / page).parent

    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        file = folder / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)
    assert broken == []


def anchors(file: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_costs_that_the_readme_names_are_those_of_the_budget():
    budget = json.loads((ROOT / "tests/snapshots/budget.json").read_text(encoding="utf-8"))

    readme = " ".join(text_of("README.md").split())
    assert f"about {round(sum(budget['tools'].values()), -3):,} tokens" in readme
    for mode in ("search", "code"):
        assert f"for {budget['modes'][mode]['list']:,} tokens" in readme


def test_the_extras_that_are_named_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {e for page in PAGES for e in re.findall(rf"{NAME}\[(\w+)\]", text_of(page))}

    assert extras
    assert extras <= set(project["optional-dependencies"])
