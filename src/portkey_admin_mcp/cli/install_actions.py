"""What `install` and `uninstall` do to a file, and what they print."""

import codecs
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from ..clients.edits import owner_of, shown_change, with_server, without_server
from ..clients.files import FileChanged, read_bytes, replace_file
from ..clients.jsonc import JsoncError
from ..clients.places import file_of, shown_places, this_system
from ..clients.servers import LocalServer, Server
from ..clients.snippets import snippet
from ..clients.table import Client, Scope
from ..settings.folders import load_folders
from .install_server import require_references

PRIVATE_MODE = 0o600
SHARED_MODE = 0o644


@dataclass(frozen=True)
class Target:
    """An entry in a client's file."""

    client: Client
    scope: Scope
    name: str

    @cached_property
    def path(self) -> Path:
        """The file; raises UsageError if the client has none for a project."""
        try:
            return file_of(self.client, self.scope, load_folders(), Path.cwd(), this_system())
        except ValueError as error:
            raise click.UsageError(f"{error}.") from None

    @property
    def new_mode(self) -> int:
        """The mode of the file if it does not exist yet."""
        return SHARED_MODE if self.scope == "project" else PRIVATE_MODE


def print_configuration(client: Client, server: Server, name: str, scope: Scope) -> None:
    """Print the configuration on stdout, and on stderr where it goes."""
    places = shown_places(client)
    if scope == "project":
        if client.project_file is None:
            raise click.UsageError(f"{client.name} has no configuration for a project.")
        places = [client.project_file]
    if len(places) == 1:
        click.echo(f"{client.name} reads {places[0]}. Add this to what is there:", err=True)
    else:
        click.echo(f"Add this to what is in the file of {client.name}.", err=True)
        click.echo("\n".join(places), err=True)
    click.echo(snippet(client.form, server, name))
    for note in _notes(client, server):
        click.echo(note, err=True)


def install_into(target: Target, server: Server, *, dry_run: bool, force: bool) -> None:
    """Write the entry of a server into the client's file."""
    client, form, name = target.client, target.client.form, target.name
    require_references(client, server)
    old, text = _read(target)
    with _snippet_if_refused(target, server):
        owner = owner_of(text, form, name)
        new = with_server(text, form, server, name)
    if owner == "other" and not force:
        raise click.ClickException(_others_entry(target, "replace"))
    if new == text:
        click.echo(f"{client.name} has this server already, in {target.path}. Nothing to do.")
        return
    secrets = [secret.value for secret in server.secrets if secret.value]
    if dry_run:
        click.echo(f"{target.path} would change:")
        click.echo(shown_change(text, new, form, name, secrets))
        return
    backup = _write(target, old, new)
    verb = "Replaced" if owner != "nobody" else "Added"
    click.echo(f"{verb} “{name}” in the configuration of {client.name}: {target.path}")
    _say_backup(backup)
    for note in [*_notes(client, server), *_warnings(target, secrets)]:
        click.echo(note, err=True)


def uninstall_from(target: Target, *, dry_run: bool, force: bool) -> None:
    """Remove the entry from the client's file."""
    client, form, name = target.client, target.client.form, target.name
    old, text = _read(target)
    try:
        owner = owner_of(text, form, name)
    except JsoncError as error:
        raise click.ClickException(
            f"{target.path} is not JSON ({error}), and was left as it is."
        ) from None
    if owner == "nobody":
        click.echo(f"There is no “{name}” in {target.path}. Nothing to do.")
        return
    if owner == "other" and not force:
        raise click.ClickException(_others_entry(target, "remove"))
    new = without_server(text, form, name)
    if dry_run:
        click.echo(f"{target.path} would change:")
        click.echo(shown_change(text, new, form, name, []))
        return
    backup = _write(target, old, new)
    click.echo(f"Removed “{name}” from the configuration of {client.name}: {target.path}")
    _say_backup(backup)


def _read(target: Target) -> tuple[bytes | None, str]:
    """The content of the file, and its text without a byte order mark."""
    try:
        old = read_bytes(target.path)
        return old, (old or b"").removeprefix(codecs.BOM_UTF8).decode()
    except OSError as error:
        raise click.ClickException(f"{target.path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{target.path} is not UTF-8, and was left as it is.") from None


def _write(target: Target, old: bytes | None, text: str) -> Path | None:
    mark = codecs.BOM_UTF8 if (old or b"").startswith(codecs.BOM_UTF8) else b""
    try:
        return replace_file(target.path, old, mark + text.encode(), target.new_mode)
    except FileChanged:
        raise click.ClickException(
            f"{target.client.name} changed {target.path} at the same time, so it was left as it "
            "is. Try again."
        ) from None
    except OSError as error:
        raise click.ClickException(f"{target.path} cannot be written: {error.strerror}.") from None


@contextmanager
def _snippet_if_refused(target: Target, server: Server) -> Iterator[None]:
    """Turn a JsoncError into an error message with the configuration to paste."""
    try:
        yield
    except JsoncError as error:
        text = snippet(target.client.form, server, target.name)
        raise click.ClickException(
            f"{target.path} cannot be changed ({error}), and was left as it is. Mend it, or add "
            f"this by hand:\n{text}"
        ) from None


def _others_entry(target: Target, verb: str) -> str:
    return (
        f"“{target.name}” in {target.path} is not an entry of this program. Give another --name, "
        f"or --force to {verb} it."
    )


def _say_backup(backup: Path | None) -> None:
    if backup is not None:
        click.echo(f"The file as it was: {backup}")


def _notes(client: Client, server: Server) -> list[str]:
    """What a person has to do next."""
    notes = [client.hint] if client.hint else []
    names = [secret.variable for secret in server.secrets if secret.value is None]
    if names and client.form.asks:
        notes.append(f"{client.name} asks for {' and '.join(names)} at the first start.")
    elif names and client.form.refers(server) and client.key != "goose":
        notes.append(f"Set {' and '.join(names)} in the environment that {client.name} starts in.")
    elif names and client.key != "goose":
        notes.append(
            f"{client.name} takes nothing from the environment: write the value in place of "
            f"YOUR_{names[0]}, or use --env-file FILE for a program that it starts."
        )
    if isinstance(server, LocalServer) and not shutil.which(server.command):
        notes.append(f"{client.name} must find {server.command}, which is not on the PATH here.")
    setting = client.settings.partition("=")[0]
    if setting and isinstance(server, LocalServer) and setting not in server.settings:
        notes.append(f"{client.name} takes few tools at once; see also --env {client.settings}")
    return notes


def _warnings(target: Target, secrets: list[str]) -> list[str]:
    """What is dangerous about the file now."""
    if not secrets:
        return []
    warnings = [f"Warning: the key is readable in {target.path}, and in copies of this file."]
    if os.name == "posix" and stat.S_IMODE(target.path.stat().st_mode) & 0o077:
        warnings.append(f"Warning: others on this machine may read it: chmod 600 {target.path}")
    return warnings
