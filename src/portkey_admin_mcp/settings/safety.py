"""The settings of the door: what is asked, allowed, kept on record and hidden."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, FilePath, model_validator

from .environment import CommaSeparated, EnvironmentSettings
from .settings import read_settings

Confirm = Literal["auto", "always", "never"]
PRINCIPAL = re.compile(r"[a-z]+:\S+")
Sink = Literal["auto", "result", "file", "page", "mask"]


class SafetySettings(EnvironmentSettings):
    """Settings of every change that the tools make; read once by a command, and passed down."""

    confirm: Confirm = Field(
        "auto",
        validation_alias="PORTKEY_CONFIRM",
        description="Which changes a person must confirm. `auto`: those of high risk, which cannot "
        "be undone or cut off people or services. `always`: every change. `never`: none, for "
        "automation; the log says so.",
        examples=["always"],
    )
    dry_run: bool = Field(
        False,
        validation_alias="PORTKEY_DRY_RUN",
        description="Answer every change with what it would do, as `preview_change` does, and "
        "send nothing that changes something.",
        examples=["true"],
    )
    state_dir: Path | None = Field(
        None,
        validation_alias="PORTKEY_STATE_DIR",
        description="The directory for approvals, freezes and the change journal of this machine. "
        "If not set, the usual one of the user: `~/.local/state/portkey-admin-mcp` on Linux.",
        examples=["/var/lib/portkey-admin-mcp"],
    )
    journal: str = Field(
        "on",
        validation_alias="PORTKEY_JOURNAL",
        description="The change journal, which records every change before it is sent and with its "
        "outcome: `on` for `journal.db` in PORTKEY_STATE_DIR, or for Redis if the HTTP service "
        "keeps events or counts there; the path of another file; or `off`. With `on` the sandbox "
        "keeps its own in memory.",
        examples=["/var/lib/portkey-admin-mcp/journal.db"],
    )
    approvers: CommaSeparated = Field(
        (),
        validation_alias="MCP_APPROVERS",
        description="The principals of the HTTP service who may approve changes, freeze and thaw: "
        "`bearer:NAME` for a name in MCP_AUTH_TOKENS, `clerk:USER_ID`, `oidc:ISSUER#SUB`. If "
        "not set, each may, but nobody approves their own request, and only who froze thaws.",
        examples=["bearer:mo,clerk:user_2x"],
    )
    four_eyes: bool = Field(
        False,
        validation_alias="MCP_FOUR_EYES",
        description="Whoever asked for a change may not approve it, even if MCP_APPROVERS names "
        "them. Approvals are then given through the HTTP service only.",
        examples=["true"],
    )
    secret_sink: Sink = Field(
        "auto",
        validation_alias="PORTKEY_SECRET_SINK",
        description="Where a secret goes that Portkey shows once, such as a new key. `result`: "
        "into the answer. `file`: into a new file that only this user can read; the answer names "
        "it. `page`: onto a page of the HTTP service, which shows it once, within ten minutes, to "
        "the caller who asked for it. `mask`: nowhere. `auto`: `page` where the HTTP service "
        "authenticates its callers and any instance can serve the page (one instance with "
        "sessions, or Redis); else `result`.",
        examples=["file"],
    )
    secret_dir: Path | None = Field(
        None,
        validation_alias="PORTKEY_SECRET_DIR",
        description="The directory of the files of PORTKEY_SECRET_SINK=file. If not set, `secrets` "
        "in PORTKEY_STATE_DIR.",
        examples=["/run/portkey-secrets"],
    )
    policy_file: FilePath | None = Field(
        None,
        validation_alias="PORTKEY_POLICY_FILE",
        description="A YAML file of rules that deny calls or have a person confirm them; "
        "`portkey-admin-mcp policy check` checks it. Read at the start, and again at SIGHUP. It "
        "only narrows.",
        examples=["/etc/portkey-admin-mcp/policy.yaml"],
    )
    workspaces: CommaSeparated = Field(
        (),
        validation_alias="PORTKEY_WORKSPACES",
        description="The only workspaces that tools may read and change, by id or slug. Tools for "
        "the whole organisation are then not offered. With one, it is filled in where a tool "
        "takes a workspace.",
        examples=["ws-support-8be7ec"],
    )

    @model_validator(mode="after")
    def _check_approvers(self) -> Self:
        wrong = [name for name in self.approvers if not PRINCIPAL.fullmatch(name)]
        if wrong:
            raise ValueError(
                f"MCP_APPROVERS must name principals with their kind, like bearer:{wrong[0]}"
            )
        return self


def load_safety(env_file: Path | None = None, **overrides: object) -> SafetySettings:
    """Read these settings; see `settings.load_settings`."""
    return read_settings(SafetySettings, env_file, dict(overrides))
