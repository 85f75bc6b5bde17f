"""The table of clients: where each keeps its configuration, and in which form.

docs/decisions/clients.md has the sources of these facts, and says which were verified, and how.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from . import forms
from .forms import Form
from .servers import LocalServer, Server

System = Literal["linux", "macos", "windows"]
Scope = Literal["user", "project"]

TOOL_CHOICES = {
    "PORTKEY_TOOL_MODE",
    "PORTKEY_TOOLSETS",
    "PORTKEY_TOOL_DOMAINS",
    "PORTKEY_TOOLS",
}
"""The settings that choose which tools a client sees."""
APPLICATION_SUPPORT = "~/Library/Application Support"


@dataclass(frozen=True)
class Location:
    """The path of a file on each system, with `~`, `$XDG_CONFIG_HOME` and `%APPDATA%`."""

    linux: str
    macos: str
    windows: str

    def on(self, system: System) -> str:
        """The path on a system."""
        path: str = getattr(self, system)
        return path


def chooses_tools(variables: Iterable[str]) -> bool:
    """Whether one of these variables, in any case, chooses which tools a client sees."""
    return not TOOL_CHOICES.isdisjoint(name.upper() for name in variables)


def in_home(path: str) -> Location:
    """A file under the home directory, which every system has."""
    return Location(f"~/{path}", f"~/{path}", "%USERPROFILE%\\" + path.replace("/", "\\"))


def in_application_data(folder: str, file: str) -> Location:
    """A file of an application, in the folder that each system has for these."""
    return Location(
        f"$XDG_CONFIG_HOME/{folder}/{file}",
        f"{APPLICATION_SUPPORT}/{folder}/{file}",
        f"%APPDATA%\\{folder}\\{file}".replace("/", "\\"),
    )


@dataclass(frozen=True)
class SkillFolders:
    """Where a client reads skills: in the home directory, and in the folder of a project."""

    user: str
    project: str


@dataclass(frozen=True)
class Client:
    """One client."""

    key: str
    """Its name in commands, and in the addresses on the status page."""
    name: str
    form: Form
    user_file: Location
    project_file: str | None = None
    """The file in a project, relative to its folder."""
    can_install: bool = False
    """Whether `install` changes the file itself."""
    hint: str = ""
    """What to do afterwards, or what to mind."""
    max_tools: int | None = None
    """How many tools it takes; None if it has no limit, or one that is above ours."""
    tool_setting: tuple[str, str] | None = None
    """The setting, with its value, that keeps the tools within `max_tools`."""
    keeps_secrets: bool = False
    """Whether it asks for variables that an entry names, and keeps them in the keyring."""
    has_local_scope: bool = False
    """Whether the user's file also has servers for single folders; see `local_scope`."""
    skills: SkillFolders | None = None
    """None if it reads no skills from files, or no folder is known."""

    def adapted(self, server: Server) -> Server:
        """The server with `tool_setting`, if the client starts it and nothing chooses its tools."""
        if self.tool_setting is None or not isinstance(server, LocalServer):
            return server
        if chooses_tools((*server.settings, *(secret.variable for secret in server.secrets))):
            return server
        name, value = self.tool_setting
        return replace(server, settings={name: value, **server.settings})


COPILOT_SKILLS = SkillFolders(".copilot/skills", ".github/skills")
"""VS Code reads the same folders as the command line of Copilot."""
VSCODE = Client(
    "vscode",
    "VS Code",
    forms.VSCODE,
    in_application_data("Code/User", "mcp.json"),
    ".vscode/mcp.json",
    can_install=True,
    hint="Run “MCP: List Servers” and start it.",
    max_tools=128,
    tool_setting=("PORTKEY_TOOLSETS", "default,governance"),
    skills=COPILOT_SKILLS,
)

CLIENTS = (
    Client(
        "claude-code",
        "Claude Code",
        forms.CLAUDE_CODE,
        in_home(".claude.json"),
        ".mcp.json",
        can_install=True,
        hint="Start a new session; /mcp shows the server.",
        has_local_scope=True,
        skills=SkillFolders(".claude/skills", ".claude/skills"),
    ),
    Client(
        "claude-desktop",
        "Claude Desktop",
        forms.CLAUDE_DESKTOP,
        in_application_data("Claude", "claude_desktop_config.json"),
        can_install=True,
        hint="Quit Claude Desktop and start it again.",
    ),
    Client(
        "cursor",
        "Cursor",
        forms.CURSOR,
        in_home(".cursor/mcp.json"),
        ".cursor/mcp.json",
        can_install=True,
        hint="Switch the server on under Settings, MCP.",
        max_tools=40,
        tool_setting=("PORTKEY_TOOL_MODE", "search"),
        skills=SkillFolders(".cursor/skills", ".cursor/skills"),
    ),
    VSCODE,
    replace(
        VSCODE,
        key="vscode-insiders",
        name="VS Code Insiders",
        user_file=in_application_data("Code - Insiders/User", "mcp.json"),
    ),
    Client(
        "codex",
        "Codex",
        forms.CODEX,
        in_home(".codex/config.toml"),
        ".codex/config.toml",
        hint="`codex mcp list` shows it.",
        skills=SkillFolders(".agents/skills", ".agents/skills"),
    ),
    Client(
        "gemini-cli",
        "Gemini CLI",
        forms.GEMINI,
        in_home(".gemini/settings.json"),
        ".gemini/settings.json",
        hint="`gemini mcp list` shows it, in a folder that Gemini trusts.",
        skills=SkillFolders(".gemini/skills", ".gemini/skills"),
    ),
    Client(
        "copilot-cli",
        "GitHub Copilot CLI",
        forms.COPILOT,
        in_home(".copilot/mcp-config.json"),
        hint="`copilot mcp list` shows it.",
        skills=COPILOT_SKILLS,
    ),
    Client(
        "windsurf",
        "Windsurf",
        forms.WINDSURF,
        in_home(".codeium/windsurf/mcp_config.json"),
        hint="Press the refresh button of the MCP servers.",
    ),
    Client(
        "zed",
        "Zed",
        forms.ZED,
        Location(
            "$XDG_CONFIG_HOME/zed/settings.json",
            "~/.config/zed/settings.json",
            "%APPDATA%\\Zed\\settings.json",
        ),
        ".zed/settings.json",
    ),
    Client(
        "goose",
        "goose",
        forms.GOOSE,
        Location(
            "$XDG_CONFIG_HOME/goose/config.yaml",
            "~/.config/goose/config.yaml",
            "%APPDATA%\\Block\\goose\\config\\config.yaml",
        ),
        keeps_secrets=True,
    ),
    Client(
        "opencode",
        "opencode",
        forms.OPENCODE,
        Location(
            "$XDG_CONFIG_HOME/opencode/opencode.json",
            "~/.config/opencode/opencode.json",
            "%USERPROFILE%\\.config\\opencode\\opencode.json",
        ),
        "opencode.json",
        hint="`opencode mcp list` shows it.",
    ),
    Client(
        "antigravity",
        "Antigravity",
        forms.ANTIGRAVITY,
        in_home(".gemini/config/mcp_config.json"),
        hint="Refresh the servers under MCP Servers, Manage MCP Servers.",
    ),
)
BY_KEY = {client.key: client for client in CLIENTS}
