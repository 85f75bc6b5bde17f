"""How programs that run models mark the shells that they open: the one table, and its sources.

A mark stops accidents and chooses the form of the output; it proves nothing.
"""

import os
from typing import NamedTuple


class AgentSign(NamedTuple):
    """A variable that a program sets for the commands it runs, and where that is said."""

    variable: str
    program: str
    source: str


AGENT_SIGNS = (
    AgentSign("AI_AGENT", "any", "convention of Vercel's detect-agent; Crush sets it"),
    AgentSign("CLAUDECODE", "Claude Code", "code.claude.com/docs/en/env-vars"),
    AgentSign("CLAUDE_CODE", "Claude Code", "Vercel's detect-agent"),
    AgentSign("CURSOR_AGENT", "Cursor", "Vercel's detect-agent; microsoft/vscode#311734"),
    AgentSign("CODEX_SANDBOX", "Codex", "Vercel's detect-agent; microsoft/vscode#316267"),
    AgentSign("CODEX_THREAD_ID", "Codex", "ascorbic/am-i-vibing 0.2.0"),
    AgentSign("GEMINI_CLI", "Gemini CLI", "the shell tool's page in Gemini CLI's documentation"),
    AgentSign("COPILOT_AGENT", "Copilot in VS Code", "microsoft/vscode#316267"),
    AgentSign("COPILOT_CLI", "Copilot CLI and cloud agent", "watson/is-ci#28"),
    AgentSign("OPENCODE", "OpenCode", "anomalyco/opencode#1775; checkly/checkly-cli#1261"),
    AgentSign("CLINE_ACTIVE", "Cline", "checkly/checkly-cli#1261"),
    AgentSign("GOOSE_TERMINAL", "goose", "aaif-goose/goose#7017"),
    AgentSign("CRUSH", "Crush", "charmbracelet/crush#2484"),
    AgentSign("AMP_CURRENT_THREAD_ID", "Amp", "microsoft/vscode#311734"),
    AgentSign("AUGMENT_AGENT", "Augment", "microsoft/vscode#311734"),
    AgentSign("ANTIGRAVITY_AGENT", "Antigravity", "microsoft/vscode#311734"),
    AgentSign("PI_CODING_AGENT", "pi", "earendil-works/pi#2867"),
)
"""Not among them: variables that people's own terminals have too (CURSOR_TRACE_ID, REPL_ID)."""
AGENT_VARIABLES = tuple(sign.variable for sign in AGENT_SIGNS)


def agent_variable() -> str | None:
    """The first variable that is set and marks a shell of an agent; None in a person's shell."""
    return next((name for name in AGENT_VARIABLES if os.environ.get(name)), None)  # noqa: TID251  # not ours
