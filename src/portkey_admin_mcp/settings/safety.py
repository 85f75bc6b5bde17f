"""The settings of the door: what is asked, allowed, kept on record and hidden."""

from pathlib import Path
from typing import Literal

from pydantic import Field, FilePath

from .environment import CommaSeparated, EnvironmentSettings
from .settings import read_settings

Confirm = Literal["auto", "always", "never"]


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
        "outcome: `on` for `journal.db` in PORTKEY_STATE_DIR, the path of another file, or `off`. "
        "The sandbox keeps its own in memory.",
        examples=["/var/lib/portkey-admin-mcp/journal.db"],
    )
    policy_file: FilePath | None = Field(
        None,
        validation_alias="PORTKEY_POLICY_FILE",
        description="A YAML file of rules that deny calls or have a person confirm them; see "
        "docs/policy.md. Read at the start, and again at SIGHUP. It only narrows.",
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


def load_safety(env_file: Path | None = None, **overrides: object) -> SafetySettings:
    """Read these settings; see `settings.load_settings`."""
    return read_settings(SafetySettings, env_file, dict(overrides))
