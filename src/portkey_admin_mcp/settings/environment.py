"""Read settings from environment variables and .env files into a pydantic model."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict
from pydantic.fields import FieldInfo

T = TypeVar("T")


class EnvironmentSettings(BaseModel):
    """A group of settings. The validation alias of each names the variables it is read from."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def from_environment(cls, env_file: Path | None, overrides: Mapping[str, Any]) -> Self:
        """Read each setting from `overrides`, else from the environment, else from `env_file`.

        Names of variables are read in any case, and an empty variable counts as not set. Raises
        ValidationError, or OSError or UnicodeDecodeError if the file cannot be read.
        """
        sources: list[dict[str, Any]] = [
            {name.lower(): value for name, value in overrides.items()},
            _by_lower_name(os.environ),  # noqa: TID251  # the one place that reads the values
            _by_lower_name({} if env_file is None else _read_file(env_file)),
        ]
        values: dict[str, Any] = {}
        for field in cls.model_fields.values():
            names = variable_names(field)
            keys = [name.lower() for name in names]
            set_values = [source[key] for source in sources for key in keys if key in source]
            if set_values:
                values[names[0]] = set_values[0]
        return cls.model_validate(values)


def variable_names(field: FieldInfo) -> list[str]:
    """The environment variables that a setting is read from; the first that is set wins."""
    alias = field.validation_alias
    names = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [str(name) for name in names]


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
