"""Seed files: an organisation's objects in YAML or JSON, created through the emulator's endpoints.

    start: empty
    workspaces:
      - name: Growth
    virtual_keys:
      - {name: OpenAI, workspace: Growth, provider: openai, key: sk-test}
    configs:
      - name: Main
        workspace: Growth
        config: {virtual_key: "${virtual_keys.OpenAI.slug}"}

Each entry is the body of the request that creates the object. `seed_objects.py` says what it may
hold besides.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .store import moment

Document = dict[str, list[dict[str, Any]]]
"""Objects by collection: each is the body of a request, with what an entry may hold besides."""
SETTINGS = ("start", "traffic")
"""What a seed file may name besides objects."""
SUFFIXES = (".yaml", ".yml", ".json")


class SeedError(ValueError):
    """A seed is wrong; the message names the place in it, and the cure."""


def read_seed_file(path: Path) -> Mapping[str, Any]:
    """The decoded content of a seed file. Raises SeedError."""
    import yaml  # imported here, because few emulators read a file

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SeedError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SeedError(f"{path}: is not text in UTF-8") from None
    try:
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise SeedError(f"{path}: is not {kind}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise SeedError(f"{path}: must be a mapping of collections, such as 'workspaces:'")
    return content


def check_document(content: Mapping[str, Any], collections: Mapping[str, Any]) -> Document:
    """The objects of a decoded seed, with times as text. Raises SeedError if its form is wrong."""
    document: Document = {}
    for name, entries in content.items():
        if name in SETTINGS:
            continue
        if name not in collections:
            raise SeedError(f"{name}: no such collection; {advice(str(name), collections)}")
        if not isinstance(entries, list):
            raise SeedError(f"{name}: must be a list of objects; begin each with '- name: …'")
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict):
                raise SeedError(f"{name}[{index}]: must be an object with fields, such as 'name'")
        document[name] = json.loads(json.dumps(entries, default=_time_as_text))
    return document


def advice(name: str, names: Mapping[str, Any] | set[str]) -> str:
    """What to write instead of a name that is none of `names`."""
    near = get_close_matches(name, [*names], 1, 0.6)
    return f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(sorted(names))}"


def _time_as_text(value: Any) -> str:
    """A time or a date, which YAML reads without quotes."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    raise SeedError(f"{value!r}: only text, numbers, lists and mappings can be stored")
