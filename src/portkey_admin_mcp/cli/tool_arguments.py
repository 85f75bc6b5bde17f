"""Read the arguments of a tool from the words of a command line, typed by the tool's schema.

    name=value       text, number, true or false, null; a list with commas, or the name repeated
    name.part=value  a field of an object; name.0.part=value of the first object of a list
    name=@FILE       the contents of a file; @- is standard input, and @@ a text that begins with @
    name:=JSON       any JSON value; name:=@FILE reads it from a file

What a value cannot be is told by `server.calls.arguments`, which every call passes: a word that is
no number stays a text here. Errors are InputError, raised before anything is sent.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputError

Schema = Mapping[str, Any]
WORD = re.compile(r"([\w.-]+?)(:?=)(.*)", re.DOTALL)
INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
FLAGS = {"true": True, "false": False}


class Word(NamedTuple):
    """One argument of the command line. With `is_json`, the text is a JSON value."""

    name: str
    text: str
    is_json: bool
    is_from_file: bool


def read_words(words: Iterable[str], schema: Schema) -> dict[str, Any]:
    """The arguments that words such as `name=value` give."""
    by_name: dict[str, list[Word]] = {}
    for each in words:
        word = _split(each)
        by_name.setdefault(word.name, []).append(word)
    arguments: dict[str, Any] = {}
    for name, same in by_name.items():
        path = name.split(".")
        _put(arguments, path, _value(name, same, _node(schema, path)))
    with_lists: dict[str, Any] = _with_lists(arguments, schema)
    return with_lists


def read_json(source: str) -> dict[str, Any]:
    """The arguments in a JSON object: itself, a file, or `-` for standard input."""
    text = source if _is_inline(source) else _read(source, "--json")
    value = _json(text, "--json")
    if not isinstance(value, dict):
        raise InputError('--json must hold an object with the arguments: {"name": value}')
    return value


def _is_inline(source: str) -> bool:
    return source.lstrip().startswith("{")


def inline_secrets(words: Iterable[str], json_source: str | None = None) -> list[str]:
    """The names of arguments with a secret on the command line, which other users can read."""
    split = [_split(word, read=False) for word in words]
    inline = [word for word in split if not word.is_from_file]
    names = [word.name for word in inline if _has_secret(word)]
    if json_source is not None and _is_inline(json_source):
        fields = _json(json_source, "--json")
        names += [name for name in fields if _hides({name: fields[name]})]
    return names


def _has_secret(word: Word) -> bool:
    last = word.name.rpartition(".")[2]
    value = word.text
    if word.is_json or value.lstrip().startswith(("{", "[")):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return _hides({last: value})


def _hides(fields: dict[str, Any]) -> bool:
    """Whether a field of an object holds a secret, at any depth."""
    from ..portkey.masking import masked

    return bool(masked(fields) != fields)


def _split(text: str, *, read: bool = True) -> Word:
    match = WORD.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text[:60]!r} is no argument: write name=value, name:=JSON or name=@FILE"
        )
    name, sign, value = match.groups()
    if value.startswith("@@") and sign == "=":
        return Word(name, value[1:], is_json=False, is_from_file=False)
    if not value.startswith("@"):
        return Word(name, value, is_json=sign == ":=", is_from_file=False)
    content = _read(value[1:], name) if read else ""
    return Word(name, _without_end(content), is_json=sign == ":=", is_from_file=True)


def _read(path: str, name: str) -> str:
    try:
        if path == "-":
            return sys.stdin.read()
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "is no UTF-8 text"
        cure = "" if name == "--json" else f"; for a text that begins with @: {name}=@@…"
        raise InputError(f"{name}: the file {path!r} cannot be read ({problem}){cure}") from None


def _without_end(text: str) -> str:
    """A text without its last line break if it is one line, such as a key in a file."""
    line = text.removesuffix("\n").removesuffix("\r")
    return text if "\n" in line else line


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: this is no JSON ({error})") from None


def _node(schema: Schema, path: list[str]) -> Schema:
    """The schema at a path; empty if it says nothing of it, as inside a free-form object."""
    for part in path:
        is_item = part.isdecimal() and "array" in _types(schema)
        schema = schema.get("items", {}) if is_item else schema.get("properties", {}).get(part, {})
    return schema


def _with_lists(value: Any, schema: Schema) -> Any:
    """The value with a list for each object of numbered items, where the schema has a list."""
    if not isinstance(value, dict):
        return value
    if "array" in _types(schema) and all(name.isdecimal() for name in value):
        items = schema.get("items", {})
        return [_with_lists(value[name], items) for name in sorted(value, key=int)]
    return {name: _with_lists(item, _node(schema, [name])) for name, item in value.items()}


def _types(node: Schema) -> set[str]:
    types = node.get("type", ())
    return {types} if isinstance(types, str) else {*types}


def _value(name: str, words: list[Word], node: Schema) -> Any:
    if len(words) == 1:
        (word,) = words
        return _json(word.text, name) if word.is_json else _typed(name, word.text, node)
    if "array" not in _types(node) or any(word.is_json for word in words):
        raise InputError(f"{name} is given {len(words)} times, and takes one value")
    return [_typed(name, word.text, node.get("items", {})) for word in words]


def _typed(name: str, text: str, node: Schema) -> Any:
    """A text as the type that the schema names; as it is if it cannot be one."""
    types = _types(node)
    if text == "null" and types and ("null" in types or "string" not in types):
        if "null" not in types:
            raise InputError(f"{name} cannot be cleared with null: leave it out")
        return None
    if "string" in types or not types:
        return text
    if "array" in types:
        return _list(name, text, node.get("items", {}))
    if "object" in types:
        return _object(name, text, node)
    return _scalar(text, types)


def _scalar(text: str, types: set[str]) -> Any:
    if "boolean" in types and text.lower() in FLAGS:
        return FLAGS[text.lower()]
    if types & {"integer", "number"} and INTEGER.fullmatch(text):
        return int(text)
    if "number" in types and NUMBER.fullmatch(text):
        return float(text)
    return text


def _list(name: str, text: str, items: Schema) -> Any:
    if text.lstrip().startswith("["):
        return _json(text, name)
    if _types(items) & {"object", "array"}:
        field = next(iter(items.get("properties", ())), "field")
        raise InputError(
            f"{name} is a list of objects: give the fields of each, {name}.0.{field}=…, or JSON, "
            f"{name}:='[{{…}}]'"
        )
    return [_typed(name, part.strip(), items) for part in text.split(",") if part.strip()]


def _object(name: str, text: str, node: Schema) -> Any:
    if text.lstrip().startswith("{"):
        return _json(text, name)
    fields = ", ".join(f"{name}.{each}=…" for each in [*node.get("properties", {"field": {}})][:4])
    raise InputError(f"{name} is an object: give its fields, as {fields}, or JSON, {name}:='{{…}}'")


def _put(arguments: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    node = arguments
    for part in parents:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise InputError(f"{part} is given as a whole and in parts: give one of them")
    if last in node:
        raise InputError(f"{'.'.join(path)} is given as a whole and in parts: give one of them")
    node[last] = value
