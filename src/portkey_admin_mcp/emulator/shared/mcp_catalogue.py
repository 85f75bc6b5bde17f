"""What emulated MCP servers can do: each has its own capabilities, by what it is.

The emulator connects to no real MCP server. It knows an MCP server by the words in its slug, name
and address; of another one it makes up capabilities from its name.
"""

import re

from ..core.rows import Row

Capability = tuple[str, str, str]
"""Name, type and description."""
KNOWN: dict[tuple[str, ...], tuple[Capability, ...]] = {
    ("github", "gitlab"): (
        ("search_issues", "tool", "Find issues by words in them."),
        ("create_issue", "tool", "Create an issue."),
        ("delete_repository", "tool", "Delete a repository for good."),
        ("triage", "prompt", "Sort new issues."),
        ("readme", "resource", "The README of the repository."),
    ),
    ("linear", "jira", "asana"): (
        ("list_tickets", "tool", "List the tickets of a team."),
        ("create_ticket", "tool", "Create a ticket."),
        ("move_ticket", "tool", "Move a ticket to another state."),
        ("plan_sprint", "prompt", "Propose the tickets of the next sprint."),
        ("teams", "resource", "The teams and their states."),
    ),
    ("slack", "teams", "discord"): (
        ("list_channels", "tool", "List the channels."),
        ("read_channel", "tool", "Read the latest messages of a channel."),
        ("post_message", "tool", "Post a message to a channel."),
        ("catch_up", "prompt", "Summarise what was missed."),
    ),
    ("notion", "confluence", "docs", "wiki"): (
        ("search_pages", "tool", "Find pages by words in them."),
        ("read_page", "tool", "Read a page."),
        ("create_page", "tool", "Create a page."),
        ("page", "resource_template", "One page by its id."),
    ),
    ("postgres", "mysql", "sql", "database", "snowflake", "bigquery"): (
        ("list_tables", "tool", "List the tables."),
        ("describe_table", "tool", "Show the columns of a table."),
        ("run_query", "tool", "Run a query that only reads."),
        ("schema", "resource", "The schema of the database."),
    ),
    ("sentry", "datadog", "grafana"): (
        ("list_alerts", "tool", "List the open alerts."),
        ("get_trace", "tool", "Show one trace."),
        ("resolve_alert", "tool", "Mark an alert as resolved."),
        ("incident_report", "prompt", "Draft a report of an incident."),
    ),
    ("stripe", "payments", "billing"): (
        ("list_customers", "tool", "List the customers."),
        ("get_invoice", "tool", "Show one invoice."),
        ("refund_payment", "tool", "Refund a payment."),
        ("prices", "resource", "The prices of all products."),
    ),
    ("drive", "files", "dropbox", "filesystem"): (
        ("list_files", "tool", "List the files of a folder."),
        ("read_file", "tool", "Read a file."),
        ("write_file", "tool", "Write a file."),
        ("file", "resource_template", "One file by its path."),
    ),
    ("search", "browser", "web", "fetch"): (
        ("web_search", "tool", "Search the web."),
        ("fetch_page", "tool", "Fetch a page as text."),
    ),
    ("mail", "gmail", "outlook", "calendar"): (
        ("search_messages", "tool", "Find messages by words in them."),
        ("send_message", "tool", "Send a message."),
        ("list_events", "tool", "List the events of a day."),
        ("answer_politely", "prompt", "Draft an answer to a message."),
    ),
}
"""Words that tell what an MCP server is, and its capabilities."""


def capabilities_by_kind(integration: Row) -> tuple[Capability, ...]:
    """The capabilities of the MCP server of an integration."""
    texts = (integration["slug"], integration["name"], integration["url"])
    words = {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}
    for names, capabilities in KNOWN.items():
        if words & {*names}:
            return capabilities
    return _made_up(integration["name"])


def _made_up(name: str) -> tuple[Capability, ...]:
    stem = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "record"
    return (
        (f"search_{stem}", "tool", f"Search {name}."),
        (f"get_{stem}", "tool", f"Read one entry of {name}."),
        (f"update_{stem}", "tool", f"Change one entry of {name}."),
        (f"summarise_{stem}", "prompt", f"Summarise what is in {name}."),
        (f"{stem}_overview", "resource", f"An overview of {name}."),
    )
