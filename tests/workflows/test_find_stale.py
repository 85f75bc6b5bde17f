"""`find_stale` by objects whose use is known, and by what is planted in the month of requests."""

from datetime import UTC, datetime, timedelta

import pytest
import quicktok
from organisations import END, FIRST, Organisation
from starts import drawn_starts, small_month

from portkey_admin_mcp.server.calls.executor import Executor
from portkey_admin_mcp.portkey.catalog import tool_of
from portkey_admin_mcp.workflows.find_stale import find_stale
