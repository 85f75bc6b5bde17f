"""Add our server to the text of a client's JSON file, or remove it, and nothing else."""

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from . import jsonc
from .forms import Form, entry_of, inputs_of
from .servers import PROGRAM, Server

MODULE = PROGRAM.replace("-", "_")
PORTKEYS_OWN = re.compile(r"(.+\.)?portkey\.ai")
INPUT = re.compile(r"\$\{input:([^}]+)\}")

ADDRESS_FIELDS = ("url", "serverUrl", "httpUrl", "uri")
PROGRAM_FIELDS = ("command", "cmd")
"""The names that clients have for the address, and for the program."""

Owner = Literal["nobody", "ours", "other"]


def owner_of(text: str, form: Form, name: str) -> Owner:
    """Whose entry of this name a file holds; raises JsoncError.

    A program is ours if its command line names this package. An address is taken for ours, because
    it does not tell, unless it is one of Portkey itself.
    """
    entry = _entry(text, form, name)
    if entry is None:
        return "nobody"
    if not isinstance(entry, dict):
        return "other"
    address = address_of(entry)
    if address is not None:
        return "other" if PORTKEYS_OWN.fullmatch(_host(address)) else "ours"
    words = json.dumps([entry.get(key) for key in (*PROGRAM_FIELDS, "args")])
    return "ours" if PROGRAM in words or MODULE in words else "other"


def address_of(entry: Mapping[str, Any]) -> str | None:
    """The address that an entry of any client connects to; None if it starts a program."""
    addresses = (entry.get(field) for field in ADDRESS_FIELDS)
    return next((address for address in addresses if isinstance(address, str)), None)


def program_of(entry: Mapping[str, Any]) -> str:
    """The program that an entry of any client starts; empty if it names none."""
    command = next((entry[field] for field in PROGRAM_FIELDS if field in entry), "")
    if isinstance(command, dict):
        command = command.get("path", "")
    return str(command[0]) if isinstance(command, list) and command else str(command or "")


def with_server(text: str, form: Form, server: Server, name: str) -> str:
    """The text with the entry of a server, and what the client must ask for; raises JsoncError."""
    before = _referenced(text, form, name)
    for question in inputs_of(form, server, name):
        if not any(each.get("id") == question["id"] for _, each in _inputs(text)):
            text = jsonc.append_item(text, ("inputs",), question)
    text = jsonc.set_member(text, (*form.section, name), entry_of(form, server, name))
    return _without_unused(text, before)


def without_server(text: str, form: Form, name: str) -> str:
    """The text without that entry and without questions that only it refers to."""
    before = _referenced(text, form, name)
    return _without_unused(jsonc.remove(text, (*form.section, name)), before)


def shown_change(old: str, new: str, form: Form, name: str, secrets: list[str]) -> str:
    """The change as a diff, without the secrets of this server and the values of all others."""
    before, after = (_shown(text, form, name).splitlines() for text in (old, new))
    lines = difflib.unified_diff(before, after, "before", "after", lineterm="")
    text = "\n".join(lines)
    for secret in secrets:
        text = text.replace(json.dumps(secret, ensure_ascii=False)[1:-1], "*****")
    return text


def _shown(text: str, form: Form, name: str) -> str:
    ours = [
        ("inputs", place)
        for place, each in _inputs(text)
        if str(each.get("id")).startswith(f"{name}-")
    ]
    return jsonc.redacted(text, [(*form.section, name), *ours])


def _inputs(text: str) -> list[tuple[int, dict[str, Any]]]:
    """What the client is told to ask for, with the positions in the array."""
    inputs = jsonc.parse(text).get("inputs")
    items = inputs if isinstance(inputs, list) else []
    return [(place, each) for place, each in enumerate(items) if isinstance(each, dict)]


def _referenced(text: str, form: Form, name: str) -> list[str]:
    """The ids of our questions that the entry refers to."""
    ids = INPUT.findall(json.dumps(_entry(text, form, name)))
    return [id for id in dict.fromkeys(ids) if id.startswith(f"{name}-")]


def _without_unused(text: str, ids: list[str]) -> str:
    """The text without those of these questions that nothing refers to any more."""
    for id in ids:
        places = [place for place, each in _inputs(text) if each.get("id") == id]
        if f"${{input:{id}}}" not in text and places:
            text = jsonc.remove(text, ("inputs", places[0]))
    return text


def _entry(text: str, form: Form, name: str) -> Any:
    """The entry of this name; None if there is none."""
    value: Any = jsonc.parse(text)
    for step in (*form.section, name):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
