"""Checks of secrets: whether a text can be one, and whether it is long enough to be masked."""

import re

MIN_MASKED_LENGTH = 8
"""Shorter secrets are not masked: they are parts of ordinary words, which would become `***`."""

PLACEHOLDER = re.compile(
    r".*\$\{.*\}.*|\$\(.*\)|\$\w+(:\w+)?|%\w+%|\{\{.*\}\}|<.*>|undefined|null|None", re.DOTALL
)
"""What clients and shells pass on in place of a variable that they did not expand."""

SCHEME = re.compile(r"(authorization:\s*)?bearer\s", re.IGNORECASE)
QUOTES = ("'", '"')


def check_secret(name: str, secret: str, kind: str) -> None:
    """Check that a secret can be sent in a header and is no placeholder; raises ValueError if not.

    `name` is the setting and `kind` what it holds (`key` or `token`), for the error message, which
    never contains the secret.
    """
    if PLACEHOLDER.fullmatch(secret):
        raise ValueError(
            f"{name} is a placeholder that was not replaced, so no {kind}: write the {kind} "
            "itself, or set the variable that it names where this server is started"
        )
    if SCHEME.match(secret):
        raise ValueError(
            f"{name} begins with the word Bearer, which belongs to the header; write only the "
            f"{kind} that follows it"
        )
    if not re.fullmatch("[!-~]+", secret) or secret.startswith(QUOTES) or secret.endswith(QUOTES):
        raise ValueError(
            f"{name} contains a space, a line break, quotes or another character that {kind}s "
            f"do not have; copy the {kind} again, without quotes"
        )
