"""The configurations of clients on this machine that name this server, and what is wrong there."""

import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import yaml

from ...clients.edits import address_of, owner_of, program_of
from ...clients.forms import Form
from ...clients.jsonc import JsoncError, parse
from ...clients.launcher import typed_command
from ...clients.local_scope import local_form
from ...clients.places import file_of, this_system
from ...clients.servers import KEY_VARIABLE, SERVER_NAME, TOKEN_VARIABLE
from ...clients.table import CLIENTS, Client, Scope
from ...settings.addresses import is_loopback
from ...settings.folders import Folders
from .findings import Area, Finding

AREA = Area("clients")
REFERENCES = ("$", "{", "%", "YOUR_")
"""How a reference to a variable, and the place of one, begin."""
SECRETS = (KEY_VARIABLE, TOKEN_VARIABLE, "MCP_AUTH_TOKEN")
OTHERS_MAY_READ = 0o044


def check_clients(folders: Folders, project: Path) -> Iterator[Finding]:
    """Each entry of this server in the file of a client, of this user and of this project."""
    entries = 0
    files: set[tuple[str, Path]] = set()
    for client in CLIENTS:
        for scope in get_args(Scope):
            try:
                file = file_of(client, scope, folders, project, this_system())
            except ValueError:
                continue
            if not file.is_file() or (client.key, file.resolve()) in files:
                continue  # in the home directory, the file of a project may be that of the user
            files.add((client.key, file.resolve()))
            for finding in _file(client, file, project):
                entries += 1
                yield finding
    if not entries:
        names = ", ".join(client.key for client in CLIENTS if client.can_install)
        cure = f"`{typed_command()} install CLIENT` writes one, for {names}"
        yield AREA.skipped("configurations", f"no file of {len(CLIENTS)} clients names it; {cure}")


def _file(client: Client, file: Path, project: Path) -> Iterator[Finding]:
    """What a file says of this server; nothing if it does not name it."""
    name = f"{client.name}, {file}"
    try:
        text = file.read_text(encoding="utf-8")
        section = _section(client.form, text)
        local = local_form(client, project)
        local_section = _section(local, text) if local else {}
    except OSError as error:
        yield AREA.warning(name, f"cannot be read ({error.strerror})", "Give this user access.")
        return
    except (JsoncError, tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        yield AREA.failed(
            name,
            f"is no {client.form.language.upper()}, so {client.name} cannot read it: {where}",
            "Correct the file; it was not changed.",
        )
        return
    for entry_name, entry in section.items():
        if _is_ours(client, entry_name, entry):
            yield _entry(client, file, f"{name}: {entry_name}", entry)
    for entry_name, entry in local_section.items():
        if _is_ours(client, entry_name, entry):
            label = f"{name}: {entry_name}, which it prefers in this folder"
            yield _entry(client, file, label, entry)


def _section(form: Form, text: str) -> dict[str, Any]:
    """The servers in a file, by name."""
    if form.language == "toml":
        value: Any = tomllib.loads(text)
    elif form.language == "yaml":
        value = yaml.safe_load(text)
    else:
        value = parse(text)
    for step in form.section:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _is_ours(client: Client, name: str, entry: Any) -> bool:
    document: Any = {name: entry}
    for step in reversed(client.form.section):
        document = {step: document}
    owner = owner_of(json.dumps(document, default=str), client.form, name)
    # An address does not tell whose service it is, so there the name decides.
    return owner == "ours" and (address_of(entry) is None or name == SERVER_NAME)


def _entry(client: Client, file: Path, name: str, entry: Mapping[str, Any]) -> Finding:
    """What is wrong with an entry, the worst first; else what it starts."""
    again = f"Correct it, or run `{typed_command()} install {client.key}` again."
    if not client.can_install:
        again = f"Correct it; `{typed_command()} install --print {client.key}` shows how."
    values = {**_mapping(entry, "env"), **_mapping(entry, "environment")}
    headers = {**_mapping(entry, "headers"), **_mapping(entry, "http_headers")}
    texts = [*values.values(), *headers.values()]
    if places := [str(text) for text in texts if "YOUR_" in str(text)]:
        detail = f"still holds a placeholder: {places[0][:60]}"
        return AREA.failed(name, detail, "Put the key in its place, or a reference to a variable.")
    url = address_of(entry)
    if url is not None:
        return _hosted(name, url, headers, again)
    command = program_of(entry)
    if not command or not _is_found(command):
        return AREA.failed(name, f"starts {command or 'nothing'}, which is not there", again)
    written = [key for key, text in values.items() if _is_written(key, str(text))]
    if written:
        return _with_secret(file, name, written)
    return AREA.ok(name, f"starts {command}")


def _with_secret(file: Path, name: str, written: list[str]) -> Finding:
    """A file with a key in it: worse if other users may read it."""
    mode = file.stat().st_mode & 0o777
    readable = os.name == "posix" and mode & OTHERS_MAY_READ
    return AREA.warning(
        name,
        f"the value of {written[0]} stands in the file"
        + (f", which other users may read (mode {mode:o})" if readable else ""),
        "Name a variable of the environment instead, and rotate the key if others had access."
        if readable
        else "Name a variable of the environment instead, or keep the file private.",
    )


def _hosted(name: str, url: str, headers: Mapping[str, Any], again: str) -> Finding:
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        detail = f"connects to {shown} without TLS, so others on the way can read the token"
        return AREA.failed(name, detail, f"Use https. {again}")
    if any(
        _is_written(TOKEN_VARIABLE, str(text).partition("Bearer ")[2]) for text in headers.values()
    ):
        cure = "Name a variable of the environment instead, or keep the file private."
        return AREA.warning(name, "a token stands in the file", cure)
    return AREA.ok(name, f"connects to {shown}; `{typed_command()} check-http` checks it")


def _is_written(variable: str, text: str) -> bool:
    """Whether a secret itself stands there, and no reference to it."""
    return variable in SECRETS and bool(text) and not text.startswith(REFERENCES)


def _mapping(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def _is_found(command: str) -> bool:
    return shutil.which(os.path.expanduser(command)) is not None
