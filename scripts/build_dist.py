"""Build everything that is published, into `dist/`, and try it as a new user would.

Builds the wheel and the source distribution, and the bundle for Claude Desktop (MCPB). Then it
installs the wheel into an empty environment with the locked packages, and runs the program; and
unpacks the bundle, and starts it by its manifest. The image is built by `make image-check`.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcp_bundle import NAME, mcpb, write_bundle

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
TOOLS = ROOT / "build" / "dist" / "bin"
"""Programs of requirements-dist.lock: uv, which starts the bundle, and twine."""
TIMEOUT_S = 300


def main() -> None:
    """Build and try everything; ends with an error at the first thing that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-only", action="store_true", help="try nothing")
    build_only = parser.parse_args().build_only
    shutil.rmtree(DIST, ignore_errors=True)
    wheel, bundle, version = build_all()
    if not build_only:
        try_all(wheel, bundle, version)
    files = sorted(each for each in DIST.iterdir() if each.is_file())
    sums = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}" for each in files]
    (DIST / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    for each in files:
        print(f"dist/{each.name}  {each.stat().st_size / 1000:,.0f} kB")
    print("dist/SHA256SUMS. How to publish them: docs/release.md")


def build_all() -> tuple[Path, Path, str]:
    """The wheel, the bundle with it, and their version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    with step("wheel and source distribution"):
        wheel, sdist = build()
    version = wheel.name.split("-")[1]
    with step("their descriptions"):
        run(TOOLS / "twine", "check", "--strict", wheel, sdist)
    bundle = DIST / f"{NAME}-{version}.mcpb"
    with step("bundle, validated by the official tool"):
        write_bundle(wheel, version, project["description"], ROOT / "build" / "bundle", bundle)
    return wheel, bundle, version


def try_all(wheel: Path, bundle: Path, version: str) -> None:
    """Start what was built, in an empty folder."""
    with tempfile.TemporaryDirectory() as empty:
        with step("wheel in an empty environment"):
            try_wheel(wheel, version, Path(empty))
        with step("bundle, unpacked and started by its manifest"):
            try_bundle(bundle, version, Path(empty))


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print what is done, and how long it took."""
    print(f"· {name} …", end="", flush=True)
    started = time.monotonic()
    try:
        yield
    except (subprocess.SubprocessError, AssertionError) as error:
        print(" failed")
        printed = [str(getattr(error, each, "") or "") for each in ("stdout", "stderr")]
        sys.exit("\n".join([str(error), *printed]))
    print(f" {time.monotonic() - started:.0f} s")


def build() -> tuple[Path, Path]:
    """The wheel and the source distribution; the same bytes for the same commit."""
    committed = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(committed, cwd=ROOT, capture_output=True, text=True, check=False)
    date = {"SOURCE_DATE_EPOCH": done.stdout.strip()} if done.returncode == 0 else {}
    run(sys.executable, "-m", "hatchling", "build", "-d", DIST, env=date)
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, sdist


def try_wheel(wheel: Path, version: str, folder: Path) -> None:
    """Install the wheel with the locked packages, and run the program on the sandbox."""
    environment = folder / "env"
    uv = TOOLS / "uv"
    run(uv, "venv", "--quiet", "--python", sys.executable, environment)
    install = [uv, "pip", "install", "--quiet", "--python", environment, "--no-deps"]
    run(*install, "--require-hashes", "-r", ROOT / "requirements-runtime.lock")
    run(*install, wheel)
    program = environment / "bin" / NAME
    home = folder / "home"
    home.mkdir()
    answer = run(program, "--version", env={"HOME": str(home)})
    assert version in answer, answer
    try_server([str(program), "--sandbox"], {"HOME": str(home)})


def try_bundle(bundle: Path, version: str, folder: Path) -> None:
    """Unpack the bundle, and start it as its manifest says, with the sandbox chosen."""
    unpacked = folder / "bundle"
    mcpb("unpack", str(bundle), str(unpacked))
    manifest = json.loads((unpacked / "manifest.json").read_text())
    assert manifest["version"] == version
    values = {name: field.get("default", "") for name, field in manifest["user_config"].items()}
    values["sandbox"] = True
    config = manifest["server"]["mcp_config"]
    places = {"${__dirname}": str(unpacked)}
    for name, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        places[f"${{user_config.{name}}}"] = text
    command = [filled(each, places) for each in (config["command"], *config["args"])]
    environment = {name: filled(text, places) for name, text in config["env"].items()}
    home = folder / "home"
    try_server(command, {**environment, "HOME": str(home), "UV_CACHE_DIR": str(folder / "uv")})


def filled(text: str, places: dict[str, str]) -> str:
    """The text with its placeholders replaced, as the client does."""
    for place, value in places.items():
        text = text.replace(place, value)
    return text


def try_server(command: list[str], environment: dict[str, str]) -> None:
    """Start an MCP server, list its tools, and call one."""
    path = f"{TOOLS}:{os.environ['PATH']}"  # noqa: TID251  # to find uv
    params = {"protocolVersion": "2025-11-25", "capabilities": {}}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": {**params, "clientInfo": CLIENT}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
        {"id": 3, "method": "tools/call", "params": {"name": "list_workspaces", "arguments": {}}},
    ]
    lines = "".join(json.dumps({"jsonrpc": "2.0", **each}) + "\n" for each in messages)
    answers = run(*command, env={**environment, "PATH": path}, input=lines).splitlines()
    results = {each["id"]: each["result"] for each in map(json.loads, answers)}
    assert results[1]["serverInfo"]["name"], results[1]
    assert len(results[2]["tools"]) > 150, len(results[2]["tools"])
    assert not results[3]["isError"], results[3]


CLIENT = {"name": "make dist", "version": "1"}


def run(*command: Any, env: dict[str, str] | None = None, input: str = "") -> str:
    """Run a program without settings of this server but those in `env`; its output.

    Raises CalledProcessError or TimeoutExpired.
    """
    environment = dict(os.environ)  # noqa: TID251  # for programs of others
    inherited = {
        name: value for name, value in environment.items() if not name.startswith(OWN_SETTINGS)
    }
    return subprocess.run(
        [str(each) for each in command],
        cwd=ROOT,
        env={**inherited, **(env or {})},
        input=input,
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    ).stdout


OWN_SETTINGS = ("PORTKEY_", "MCP_", "CLERK_", "VIRTUAL_ENV", "PYTHONPATH")


if __name__ == "__main__":
    main()
