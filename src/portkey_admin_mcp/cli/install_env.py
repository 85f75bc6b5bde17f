"""The settings that `install --env` writes, if the server takes their names and values."""

import re
from collections.abc import Iterable, Mapping
from typing import get_args

import click
from pydantic import SecretStr, ValidationError

from ..clients.table import chooses_tools
from ..errors import ConfigurationError
from ..settings.environment import EnvironmentSettings, variable_names
from .options import describe_setting

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LOOKS_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)


def settings_of(texts: Iterable[str]) -> dict[str, str]:
    """The variables of these NAME=VALUE; raises BadParameter, also for secrets and wrong values."""
    settings = dict(map(_setting, texts))
    for model in _models():
        _check_values(model, settings)
    if chooses_tools(settings):
        _check_tools(settings)
    return settings


def _setting(text: str) -> tuple[str, str]:
    """A NAME=VALUE; raises BadParameter, also for secrets."""
    name, equals, value = text.partition("=")
    if not equals or not VARIABLE.fullmatch(name):
        raise click.BadParameter(
            "write NAME=VALUE, like PORTKEY_TOOL_MODE=search", param_hint="--env"
        )
    is_secret = _known_settings().get(name)
    if is_secret is None and name.startswith("PORTKEY_"):
        raise click.BadParameter(
            f"there is no setting {name}. {describe_setting()}", param_hint="--env"
        )
    if is_secret or (is_secret is None and LOOKS_SECRET.search(name)):
        raise click.BadParameter(
            f"{name} looks like a secret, which belongs in no file; use --env-key {name}",
            param_hint="--env",
        )
    return name, value


def _models() -> tuple[type[EnvironmentSettings], ...]:
    from ..settings.safety import SafetySettings
    from ..settings.settings import Settings

    return Settings, SafetySettings


def _known_settings() -> dict[str, bool]:
    """The settings of a server, and whether each is a secret."""
    return {
        name: SecretStr in (field.annotation, *get_args(field.annotation))
        for model in _models()
        for field in model.model_fields.values()
        for name in variable_names(field)
    }


def _check_values(model: type[EnvironmentSettings], settings: Mapping[str, str]) -> None:
    """Require values that these settings take; raises BadParameter.

    Rules for several settings are left to the server, because it may have others from a file. So
    are paths, because the configuration may be for another machine.
    """
    try:
        model.model_validate({name: value for name, value in settings.items() if value})
    except ValidationError as error:
        for problem in error.errors():
            if problem["loc"] and not problem["type"].startswith("path_"):
                raise click.BadParameter(
                    f"{problem['loc'][0]}: {_uncapitalised(problem['msg'])}", param_hint="--env"
                ) from None


def _check_tools(settings: Mapping[str, str]) -> None:
    """Require names of tools and toolsets that there are; raises BadParameter."""
    from ..server.loading import load_offer
    from ..server.offer.selection import selected_tools
    from ..settings.settings import Settings

    chosen = {name: value for name, value in settings.items() if chooses_tools([name])}
    try:
        selected_tools(Settings.model_validate(chosen), [*load_offer().tools.values()])
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="--env") from None


def _uncapitalised(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}"
