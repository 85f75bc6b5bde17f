"""`doctor --setting`: what a setting is for, with its default and an example."""

from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from ...settings.environment import EnvironmentSettings, variable_names
from ...suggestions import suggest

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def groups() -> tuple[type[EnvironmentSettings], ...]:
    """The three groups of settings."""
    from ...settings.hosting import Hosting
    from ...settings.safety import SafetySettings
    from ...settings.settings import Settings

    return Settings, SafetySettings, Hosting


def describe_settings(text: str) -> list[dict[str, Any]]:
    """The setting of this name; else all whose names contain the text. Raises UsageError."""
    fields = [field for group in groups() for field in group.model_fields.values()]
    text = text.upper()
    matches = [field for field in fields if text in variable_names(field)]
    matches = matches or [
        field for field in fields if any(text in name for name in variable_names(field))
    ]
    if not matches:
        near = suggest(text, [name for field in fields for name in variable_names(field)])
        near = near or "--setting PORTKEY and --setting MCP list most"
        raise click.UsageError(f"no setting has {text!r} in its name; {near}")
    return [_described(field) for field in matches]


def shown(setting: dict[str, Any]) -> str:
    """A description for a person."""
    name, *aliases = setting["names"]
    title = click.style(name, bold=True) + (f" (also {', '.join(aliases)})" if aliases else "")
    lines = [title, click.wrap_text(setting["description"], 100, "  ", "  ")]
    if setting.get("choices"):
        lines.append(f"  One of: {', '.join(setting['choices'])}")
    lines.append(f"  Default: {setting.get('default', 'none')}")
    lines += [f"  Example: {name}={example}" for example in setting.get("examples", ())]
    return "\n".join(lines)


def _described(field: "FieldInfo") -> dict[str, Any]:
    default = field.default
    setting = {
        "names": variable_names(field),
        "description": field.description,
        "choices": _choices(field.annotation),
        "default": "" if default in (None, (), {}) else _in_environment(default),
        "examples": [str(example) for example in field.examples or ()],
    }
    return {name: value for name, value in setting.items() if value}


def _choices(annotation: Any) -> list[str]:
    """What a setting may be, if it is one of a few words."""
    kinds = [annotation, *get_args(annotation)]
    literal = next((kind for kind in kinds if get_origin(kind) is Literal), NoneType)
    return [str(choice) for choice in get_args(literal)]


def _in_environment(value: Any) -> str:
    """A value as it is written in a variable."""
    return str(value).lower() if isinstance(value, bool) else str(value)
