"""What `install` and `uninstall` do to a file, and what they print."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import click

from ..clients.edits import owner_of, shown_change, with_server, without_server
from ..clients.files import FileChanged, read_bytes, replace_file
from ..clients.forms import Form
from ..clients.jsonc import JsoncError
from ..clients.local_scope import local_form, other_folders
from ..clients.places import file_of, shown_places, this_system
from ..clients.servers import Server
from ..clients.snippets import snippet
from ..clients.table import Client, Scope
from ..settings.folders import load_folders
from .install_notes import file_warnings, notes
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

    @cached_property
    def local_form(self) -> Form | None:
        """The form of the client's entries for this folder alone; None if it has none."""
        return local_form(self.client, Path.cwd())

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
    for note in notes(client, server):
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
    for note in [*notes(client, server), *file_warnings(target.path, secrets)]:
        click.echo(note, err=True)


def warn_of_local_entry(target: Target) -> None:
    """Say if the client uses another entry in this folder, which it prefers to the target's."""
    user = replace(target, scope="user")
    if user.local_form is None:
        return
    try:
        owner = owner_of(_read(user)[1], user.local_form, target.name)
    except JsoncError:
        return
    if owner != "nobody":
        click.echo(
            f"Warning: for this folder, {user.path} has another “{target.name}”, in the local "
            f"scope of {target.client.name}, which is used here instead of this one. "
            f"`claude mcp remove {target.name} --scope local` removes it.",
            err=True,
        )


def uninstall_from(target: Target, *, dry_run: bool, force: bool) -> None:
    """Remove the entry from the client's file, also from its entries for this folder alone."""
    client, name = target.client, target.name
    old, text = _read(target)
    local = target.local_form if target.scope == "user" else None
    forms = [client.form, *([local] if local else [])]
    try:
        owners = [owner_of(text, form, name) for form in forms]
        others = other_folders(client, text, name, Path.cwd()) if local else []
    except JsoncError as error:
        raise click.ClickException(
            f"{target.path} is not JSON ({error}), and was left as it is."
        ) from None
    taken = {"ours", "other"} if force else {"ours"}
    removed = [form for form, owner in zip(forms, owners, strict=True) if owner in taken]
    if removed:
        _remove(target, removed, old, text, dry_run=dry_run)
    elif "other" in owners:
        raise click.ClickException(_others_entry(target, "remove"))
    else:
        click.echo(f"There is no “{name}” in {target.path}. Nothing to do.")
    if others:
        click.echo(
            f"“{name}” is still there for {', '.join(others)}. In each of these folders, "
            f"`claude mcp remove {name} --scope local` removes it.",
            err=True,
        )


def _remove(
    target: Target, forms: list[Form], old: bytes | None, text: str, *, dry_run: bool
) -> None:
    """Write the text without the entries of these forms, or show what would change."""
    client, name = target.client, target.name
    new = text
    for form in forms:
        new = without_server(new, form, name)
    if dry_run:
        click.echo(f"{target.path} would change:")
        click.echo(shown_change(text, new, client.form, name, []))
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
