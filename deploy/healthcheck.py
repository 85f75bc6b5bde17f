"""The image's HEALTHCHECK: exits with 0 if what this container serves answers /health.

That is the HTTP service or the emulator: the command line of process 1 says which, and on which
port if it has --port. It calls the loopback address, whose Host is always accepted, and uses no
proxy. With MCP_TLS_CA_PATH it would need a client certificate: run the container with
--no-healthcheck.
"""

import os
import ssl
import sys
from itertools import pairwise
from pathlib import Path
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

PROGRAM = "portkey-admin-mcp"

settings = os.environ  # noqa: TID251  # a script of its own: the package is not imported
command_line = Path(sys.argv[1] if len(sys.argv) > 1 else "/proc/1/cmdline")


def arguments() -> list[str]:
    """The arguments of the program, also if process 1 is an init process that has started it."""
    words = command_line.read_text(encoding="utf-8", errors="replace").split("\0")
    programs = [at for at, word in enumerate(words) if Path(word).name == PROGRAM]
    return words[programs[-1] + 1 :] if programs else []


def port_option(words: list[str]) -> str | None:
    """The value of --port."""
    for word, following in pairwise([*words, ""]):
        if word == "--port":
            return following
        if word.startswith("--port="):
            return word.removeprefix("--port=")
    return None


words = arguments()
if words[:1] == ["emulator"]:
    scheme, port = "http", settings.get("PORTKEY_EMULATOR_PORT") or "8788"
else:
    scheme = "https" if settings.get("MCP_TLS_CERT_PATH") else "http"
    port = settings.get("MCP_PORT") or settings.get("PORT") or "3000"
port = port_option(words) or port

# The certificate is not for this address, and nothing secret is sent.
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
opener.open(f"{scheme}://127.0.0.1:{port}/health", timeout=4).close()
