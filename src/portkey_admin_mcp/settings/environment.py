"""Read settings from environment variables and .env files into a pydantic model."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, PrivateAttr
from pydantic.fields import FieldInfo

T = TypeVar("T")

WhyIgnored = Callable[[str], str | None]
"""Why the value of a variable is ignored, for the warning; None if it is used."""


class EnvironmentSettings(BaseModel):
    """A group of settings. The validation alias of each names the variables it is read from."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
    why_ignored: ClassVar[Mapping[str, WhyIgnored]] = {}
    """Variables that other programs set for themselves: a value that is not for us is ignored."""
    _warnings: list[str] = PrivateAttr(default_factory=list)
    _sources: dict[str, tuple[str, str]] = PrivateAttr(default_factory=dict)

    @classmethod
    def from_environment(cls, env_file: Path | None, overrides: Mapping[str, Any]) -> Self:
        """Read each setting from `overrides`, else from the environment, else from `env_file`.

        Names of variables are read in any case, and an empty variable counts as not set. Raises
        ValidationError, or OSError or UnicodeDecodeError if the file cannot be read. A value that
        is ignored (see `why_ignored`) counts as not set, and adds to `warnings`.
        """
        sources: dict[str, dict[str, Any]] = {
            "the command line": {name.lower(): value for name, value in overrides.items()},
            "the environment": _by_lower_name(os.environ),  # noqa: TID251  # the only reader
            f"{env_file}": _by_lower_name({} if env_file is None else _read_file(env_file)),
        }
        values: dict[str, Any] = {}
        places: dict[str, tuple[str, str]] = {}
        warnings: list[str] = []
        for field_name, field in cls.model_fields.items():
            names = variable_names(field)
            candidates = [
                (name, source[name.lower()], place)
                for place, source in sources.items()
                for name in names
                if name.lower() in source
            ]
            for name, value, place in candidates:
                reason = cls._reason_to_ignore(name, value)
                if reason is None:
                    values[names[0]] = value
                    places[field_name] = (name, place)
                    break
                warnings.append(f"{name} is ignored: {reason}")
        settings = cls.model_validate(values)
        settings._warnings.extend(warnings)
        settings._sources.update(places)
        return settings

    @property
    def sources(self) -> Mapping[str, tuple[str, str]]:
        """For each setting that is not at its default, its variable, and where that is set."""
        return self._sources

    @property
    def warnings(self) -> list[str]:
        """What to log once at start; no message contains the value of a variable."""
        return self._warnings

    @classmethod
    def _reason_to_ignore(cls, name: str, value: Any) -> str | None:
        check = cls.why_ignored.get(name)
        return check(value) if check is not None and isinstance(value, str) else None


def variable_names(field: FieldInfo) -> list[str]:
    """The environment variables that a setting is read from; the first that is set wins."""
    alias = field.validation_alias
    names = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [str(name) for name in names]


def names_set(env_file: Path | None) -> dict[str, str]:
    """The names of all variables that are set, and where each is; no values."""
    names = dict.fromkeys(() if env_file is None else names_in_file(env_file), f"{env_file}")
    return names | dict.fromkeys(os.environ, "the environment")  # noqa: TID251  # names only


def names_in_file(env_file: Path) -> list[str]:
    """The names of the variables that a file sets; raises OSError or UnicodeDecodeError."""
    return [name for name, value in _read_file(env_file).items() if value]


def _by_lower_name(variables: Mapping[str, str | None]) -> dict[str, str]:
    return {name.lower(): value for name, value in variables.items() if value}


def _read_file(env_file: Path) -> dict[str, str | None]:
    from dotenv import dotenv_values  # imported here, since most commands read no file

    return dotenv_values(env_file, encoding="utf-8")


def _split(value: Any) -> Any:
    """Split `"a, b"` into `("a", "b")`; return anything but a string unchanged."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _decoded(value: Any) -> Any:
    """The value of a text in JSON; any other text, which is then refused, unchanged."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Several values in one variable, separated by commas."""

JsonText = Annotated[T, BeforeValidator(_decoded)]
"""A value of this type, as JSON in one variable."""
