"""What `install` configures, from its options: a command that can be started later, or a URL."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
from pydantic import Field, SecretStr

from ..clients.launcher import launcher
from ..clients.servers import (
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    HostedServer,
    LocalServer,
    Secret,
    Server,
    token_secret,
)
from ..clients.table import Client, chooses_tools
from ..settings.addresses import check_url
from ..settings.environment import EnvironmentSettings, names_in_file
from .install_env import VARIABLE, settings_of

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,12}")
"""Models know a tool as `mcp__<name>__<tool>`, and some take no more than 64 characters."""


class Written(EnvironmentSettings):
    """The secrets that `--write-key` takes from the environment."""

    key: SecretStr | None = Field(None, validation_alias=KEY_VARIABLE)
    token: SecretStr | None = Field(None, validation_alias=TOKEN_VARIABLE)


@dataclass(frozen=True)
class Choice:
    """The options that say what to configure."""

    url: str | None = None
    bearer: bool = False
    caller_key: bool = False
    sandbox: bool = False
    uvx: bool = False
    env: tuple[str, ...] = ()
    env_key: tuple[str, ...] = ()
    env_file: Path | None = None
    write_key: bool = False


def check_name(name: str) -> None:
    """Require a name that clients and models take; raises BadParameter."""
    if not NAME.fullmatch(name):
        raise click.BadParameter(
            "use at most 13 letters, digits, - and _, and begin with a letter, because models "
            "see it in the name of every tool",
            param_hint="--name",
        )


def server_for(client: Client, choice: Choice, *, is_shared: bool) -> Server:
    """The server to configure; raises UsageError for options that do not fit together.

    It has the setting that the client's limit on tools asks for, unless --env, --env-key or the
    file of --env-file choose tools. With `is_shared`, the configuration is one that others use on
    their machines.
    """
    _check_together(choice, is_shared=is_shared)
    server = _hosted(choice) if choice.url else _local(choice, is_shared=is_shared)
    if not _file_chooses_tools(choice):
        server = client.adapted(server)
    if isinstance(server, HostedServer) and client.form.hosted is None:
        raise click.UsageError(
            f"{client.name} takes no address from its file. Add it there under Customize, "
            f"Connectors, Add custom connector: {server.url}. It must be reachable from the "
            "internet, and use OAuth or no sign-in."
        )
    return server


def require_references(client: Client, server: Server) -> None:
    """Require that the client can refer to the secrets of a server; raises UsageError."""
    missing = [secret.variable for secret in server.secrets if secret.value is None]
    if not missing or client.form.refers(server):
        return
    raise click.UsageError(
        f"{client.name} cannot take {' and '.join(missing)} from the environment. Put "
        f"{KEY_VARIABLE}=… into a file that only you can read, and name it: --env-file FILE. Or "
        "have the key written into the configuration: --write-key. Or try it first: --sandbox."
    )


def _check_together(choice: Choice, *, is_shared: bool) -> None:
    local = {
        "--sandbox": choice.sandbox,
        "--uvx": choice.uvx,
        "--env": choice.env,
        "--env-key": choice.env_key,
        "--env-file": choice.env_file,
    }
    hosted = {"--bearer": choice.bearer, "--caller-key": choice.caller_key}
    unused = [name for name, value in (local if choice.url else hosted).items() if value]
    if unused:
        other = "is for a program that the client starts, not for --url"
        raise click.UsageError(f"{', '.join(unused)} {other if choice.url else 'needs --url'}.")
    if choice.sandbox and (choice.env_key or choice.env_file or choice.write_key):
        raise click.UsageError(
            "--sandbox needs no key: leave out --env-key, --env-file, --write-key."
        )
    if choice.write_key and choice.url and not (choice.bearer or choice.caller_key):
        raise click.UsageError("--write-key needs --bearer or --caller-key, or there is no key.")
    if choice.write_key and choice.env_file:
        raise click.UsageError("Give --write-key or --env-file, not both.")
    if choice.write_key and is_shared:
        raise click.UsageError(
            "--write-key would put the key into a file of the project, which others get. Use "
            "--scope user, or leave out --write-key."
        )


def _hosted(choice: Choice) -> HostedServer:
    url = choice.url or ""
    try:
        check_url("--url", urlsplit(url)._replace(query="").geturl())
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    if urlsplit(url).path in ("", "/"):
        raise click.UsageError(f"--url must be the endpoint: {url.rstrip('/')}/mcp")
    written = _written(choice)
    token = token_secret(_value(written.token, TOKEN_VARIABLE, choice))
    key = Secret(KEY_VARIABLE, _value(written.key, KEY_VARIABLE, choice))
    return HostedServer(url, token if choice.bearer else None, key if choice.caller_key else None)


def _local(choice: Choice, *, is_shared: bool) -> LocalServer:
    settings = settings_of(choice.env)
    command, *arguments = launcher(
        uvx=choice.uvx, is_shared=is_shared, has_code=settings.get("PORTKEY_TOOL_MODE") == "code"
    )
    if choice.sandbox:
        return LocalServer(command, (*arguments, "--sandbox"), settings)
    passed_on = tuple(Secret(_variable(name), label=name) for name in choice.env_key)
    if choice.env_file is not None:
        arguments += ["--env-file", str(choice.env_file.absolute())]
        return LocalServer(command, tuple(arguments), settings, passed_on)
    key = Secret(KEY_VARIABLE, _value(_written(choice).key, KEY_VARIABLE, choice))
    others = tuple(secret for secret in passed_on if secret.variable != KEY_VARIABLE)
    return LocalServer(command, tuple(arguments), settings, (key, *others))


def _file_chooses_tools(choice: Choice) -> bool:
    """Whether the file of `--env-file` chooses tools; raises UsageError if it cannot be read."""
    if choice.env_file is None:
        return False
    try:
        return chooses_tools(names_in_file(choice.env_file))
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(
            f"--env-file: {choice.env_file} cannot be read; it must be readable, and UTF-8 text."
        ) from None


def _variable(name: str) -> str:
    if not VARIABLE.fullmatch(name):
        raise click.BadParameter(
            "give the name of an environment variable, not its value", param_hint="--env-key"
        )
    return name


def _written(choice: Choice) -> Written:
    return Written.from_environment(None, {}) if choice.write_key else Written.model_validate({})


def _value(secret: SecretStr | None, variable: str, choice: Choice) -> str | None:
    """The value to write into the file, asked for if it is not in the environment."""
    is_sent = choice.bearer if variable == TOKEN_VARIABLE else choice.caller_key or not choice.url
    if not choice.write_key or not is_sent:
        return None
    if secret is not None:
        return secret.get_secret_value()
    if not sys.stdin.isatty():
        raise click.UsageError(f"--write-key takes the key from {variable}, which is not set.")
    return str(click.prompt(variable, hide_input=True, err=True))
