"""What `install` tells a person about the entry that it wrote or printed."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ..clients.servers import LocalServer, Server
from ..clients.table import Client
from ..settings.environment import names_in_file
from .install_server import Choice


def notes(client: Client, server: Server) -> Iterator[str]:
    """What has been chosen for this client, and what a person has to do next."""
    if client.hint:
        yield client.hint
    yield from _about_secrets(client, server)
    if not isinstance(server, LocalServer):
        return
    if not shutil.which(server.command):
        yield f"{client.name} must find {server.command}, which is not on the PATH here."
    name, value = client.tool_setting or ("", "")
    if name and server.settings.get(name) == value:
        yield (
            f"{client.name} takes at most {client.max_tools} tools, so this has {name}={value}; "
            "for all tools, give --env PORTKEY_TOOL_MODE=full."
        )


def file_warnings(path: Path, secrets: list[str]) -> Iterator[str]:
    """What is dangerous about a configuration in which these secrets are written now."""
    if not secrets:
        return
    yield f"Warning: the key is readable in {path}, and in copies of this file."
    if _others_may_read(path):
        yield f"Warning: others on this machine may read it: chmod 600 {path}"


def env_file_warnings(choice: Choice) -> Iterator[str]:
    """What is wrong with the file of `--env-file`, for a server that needs a key."""
    if choice.env_file is None:
        return
    path = choice.env_file
    names = {name.upper() for name in (*names_in_file(path), *choice.env_key)}
    if "PORTKEY_API_KEY" not in names:
        yield f"Warning: there is no line PORTKEY_API_KEY=… in {path}, so the server has no key."
    if _others_may_read(path):
        yield f"Warning: others on this machine may read {path}: chmod 600 {path}"


def _about_secrets(client: Client, server: Server) -> Iterator[str]:
    """Where the client takes the key or the token from, and what a person does for it."""
    names = [secret.variable for secret in server.secrets if secret.value is None]
    listed = " and ".join(names)
    if not names:
        return
    if client.form.asks:
        yield f"{client.name} asks for {listed} at the first start."
    elif client.keeps_secrets:
        yield f"{client.name} asks for {listed}, and keeps the answer in the system's keyring."
    elif client.form.refers(server):
        yield f"Set {listed} in the environment that {client.name} starts in."
    elif isinstance(server, LocalServer):
        yield (
            f"{client.name} takes nothing from the environment. Put {names[0]}=… into a file that "
            "only you can read, and run this again with --env-file FILE. Or write the value in "
            f"place of YOUR_{names[0]}."
        )
    else:
        places = " and ".join(f"YOUR_{name}" for name in names)
        yield (
            f"{client.name} takes nothing from the environment: write the value in place of "
            f"{places}, and keep the file private."
        )


def _others_may_read(path: Path) -> bool:
    return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
