"""The image: its Dockerfile, the versions in it, its health check."""

import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from programs import require_program


@pytest.fixture(scope="session")
def dockerfile(root: Path) -> list[tuple[str, str]]:
    """The instructions of the last stage, as pairs of name and arguments."""
    text = re.sub(r"\\\n", " ", (root / "Dockerfile").read_text())
    lines = [line.split(maxsplit=1) for line in text.splitlines() if re.match("[A-Z]", line)]
    pairs = [(name, rest.strip()) for name, rest in lines]
    last = max(at for at, (name, _) in enumerate(pairs) if name == "FROM")
    return pairs[last:]


def pins(lock: str) -> dict[str, str]:
    """Each version in a lock, with its hashes."""
    version = r"^(\S+==\S+)(?: ;[^\\\n]*)?"
    return dict(re.findall(version + r"((?: ?\\\n    --hash=\S+)+)", lock, re.MULTILINE))


def test_a_linter_finds_nothing_in_the_dockerfile(root):
    installed = Path(sys.executable).with_name("hadolint")
    linter = str(installed) if installed.exists() else require_program("hadolint")

    result = subprocess.run(
        [linter, "--no-color", "Dockerfile"], cwd=root, check=False, capture_output=True, text=True
    )

    assert (result.returncode, result.stdout) == (0, "")


def test_the_image_runs_as_a_user_named_by_number(dockerfile):
    users = [rest for name, rest in dockerfile if name == "USER"]

    assert users == ["10001:10001"]
    assert dockerfile.index(("USER", users[0])) > max(
        at for at, (name, _) in enumerate(dockerfile) if name in ("RUN", "COPY")
    )


def test_the_image_listens_on_all_addresses_and_leaves_the_port_to_the_platform(dockerfile):
    words = shlex.split(next(rest for name, rest in dockerfile if name == "ENV"))
    env = dict(word.split("=", 1) for word in words)

    assert env["MCP_HOST"] == env["PORTKEY_EMULATOR_HOST"] == "0.0.0.0"
    assert env["PYTHONDONTWRITEBYTECODE"] == "1"
    assert env.keys().isdisjoint({"PORT", "MCP_PORT"})
    assert ("EXPOSE", "3000") in dockerfile


def test_the_command_of_the_image_receives_signals(dockerfile):
    commands = dict(dockerfile)

    assert json.loads(commands["ENTRYPOINT"]) == ["portkey-admin-mcp"]
    assert json.loads(commands["CMD"]) == ["http"]


def test_both_stages_are_of_the_base_that_a_build_can_choose(root):
    text = (root / "Dockerfile").read_text()

    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)

    assert stages == ["${BASE}", "${BASE}"]
    assert text.index("ARG BASE=python:3.13-slim\n") < text.index("FROM")


def test_the_files_that_the_image_copies_exist_and_are_not_ignored(root):
    text = (root / "Dockerfile").read_text()
    allowed = [line[1:] for line in (root / ".dockerignore").read_text().split() if line[0] == "!"]

    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE)
        for source in line.split()[:-1]
    ]

    assert copied
    assert [source for source in copied if not (root / source).exists()] == []
    assert set(copied) <= set(allowed)
    assert ".env" not in allowed


def test_the_image_installs_only_locked_versions(root):
    text = re.sub(r"\\\n\s*", "", (root / "Dockerfile").read_text())

    installs = re.findall(r"pip (?:--python \S+ )?(?:install|wheel) [^&\n]*", text)

    assert len(installs) == 4
    for install in installs:
        assert "--no-deps --require-hashes" in install or "--no-index --no-deps" in install


@pytest.mark.parametrize("lock", ["requirements-runtime.lock", "requirements-build.lock"])
def test_the_locks_of_the_image_are_part_of_the_lock_for_development(root, lock):
    large = pins((root / "requirements.lock").read_text())
    small = pins((root / lock).read_text())

    assert small
    assert small.items() <= large.items()


def test_the_image_has_the_dependencies_and_extras_and_nothing_of_the_tests(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    locked = {pin.split("==")[0] for pin in pins((root / "requirements-runtime.lock").read_text())}

    extras = project["optional-dependencies"]
    lines = project["dependencies"] + extras["code"] + extras["otel"]
    needed = {re.split(r"[^\w.-]", line)[0].lower() for line in lines}

    assert needed <= locked
    assert locked.isdisjoint({"pytest", "mypy", "ruff", "hypothesis", "hatchling"})


# Its health check


class Health(BaseHTTPRequestHandler):
    """Answers /health with `status`."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def health() -> Iterator[Callable[[int], int]]:
    servers = []

    def answering(status: int) -> int:
        handler = type("Answering", (Health,), {"status": status})
        server = HTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server.server_port

    yield answering
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("variable", ["MCP_PORT", "PORT"])
@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_follows_the_status_of_health(root, health, variable, status, healthy):
    # The proxy in the environment is for calls to Portkey, not to loopback.
    environment = {variable: str(health(status)), "HTTP_PROXY": "http://127.0.0.1:9"}

    done = subprocess.run(
        [sys.executable, "deploy/healthcheck.py"],
        cwd=root,
        env=environment,
        check=False,
        capture_output=True,
    )

    assert (done.returncode == 0) is healthy


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        ("python /bin/portkey-admin-mcp emulator", {"PORTKEY_EMULATOR_PORT": "PORT"}),
        ("init -- portkey-admin-mcp emulator --no-traffic --port PORT", {"MCP_PORT": "9"}),
        ("/bin/portkey-admin-mcp emulator --port=PORT", {"PORTKEY_EMULATOR_PORT": "9"}),
        ("/bin/portkey-admin-mcp http --port PORT", {"MCP_PORT": "9"}),
        ("/bin/portkey-admin-mcp http --env-file emulator", {"MCP_PORT": "PORT"}),
        ("/sbin/init", {"MCP_PORT": "PORT"}),
    ],
)
def test_the_health_check_asks_what_the_command_serves(root, health, tmp_path, command, variables):
    port = str(health(200))
    command_line = tmp_path / "cmdline"
    command_line.write_text(command.replace("PORT", port).replace(" ", "\0") + "\0")

    done = subprocess.run(
        [sys.executable, "deploy/healthcheck.py", str(command_line)],
        cwd=root,
        env={name: value.replace("PORT", port) for name, value in variables.items()},
        check=False,
        capture_output=True,
    )

    assert done.returncode == 0, done.stderr
