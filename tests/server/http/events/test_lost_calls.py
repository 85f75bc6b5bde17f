"""A client that follows a call does not wait longer than for the call's instance, or five minutes."""

import asyncio
import json
import time

import pytest
from mcp_types import JSONRPCResponse
from redis.asyncio import Redis

from asgi_client import Clock
from event_logs import ADA, hosting, rest_of
from portkey_admin_mcp.server.http.events.event_log import (
    CALL_TIMEOUT_S,
    Call,
    EventLogUnavailable,
    Subscriptions,
    UnknownEvent,
    cursor_of,
    event_id,
    new_stream_id,
    stream_key,
)
