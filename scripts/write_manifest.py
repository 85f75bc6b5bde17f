"""Write the manifest: what the server offers, so that a list can be sent without an import.

`make docs` writes it. With --check nothing is written, and the exit code is 1 if it differs. The
fields that results have only since revision 2026-07-28 are read from the SDK's server.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.server.calls.tool_calls import ToolCalls
from portkey_admin_mcp.server.mcp.app import AdminServer
from portkey_admin_mcp.server.mcp.definitions import build_offer
from portkey_admin_mcp.server.mcp.modern_fields import record_modern_fields
from portkey_admin_mcp.server.offer.offer import FILE


def main() -> int:
    """Write the manifest, or print that it is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if out of date")
    check = parser.parse_args().check
    offer = build_offer()
    server = AdminServer(ToolCalls(offer, no_client))
    text = offer.with_modern_fields(asyncio.run(record_modern_fields(server))).manifest()
    file = Path(FILE)
    is_current = file.exists() and file.read_text(encoding="utf-8") == text
    if not is_current:
        print(f"{'out of date' if check else 'written'}: {file.name}")
        if not check:
            file.write_text(text, encoding="utf-8")
    return 1 if check and not is_current else 0


def no_client() -> Portkey:
    """Stands for the client of the API, which is not needed because no tool is called."""
    raise AssertionError("the manifest calls no tool")


if __name__ == "__main__":
    sys.exit(main())
