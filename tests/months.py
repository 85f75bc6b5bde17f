"""Requests to models in an emulator: a small seeded month at any time, or those of a test."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from portkey_admin_mcp.emulator.core.app import Emulator, InProcess
from portkey_admin_mcp.emulator.traffic.month import (
    POSITIONS,
    RECIPES,
    make_indexes,
    make_tables,
    month_rows,
)
from portkey_admin_mcp.portkey.api import Portkey
from portkey_admin_mcp.settings.settings import Settings

SMALL = 4_000
"""The requests of a small month."""
DEFAULTS = dict.fromkeys(POSITIONS, 0) | {
    "metadata": "{}",
    "ai_org": "openai",
    "user": None,
    "virtual_key": None,
    "config": None,
    "prompt_slug": None,
    "status": 200,
    "cache": "disabled",
    "weighted_feedback": None,
    "request": None,
    "response": None,
}


def drawn_starts(count: int, seed: str) -> list[datetime]:
    """Times across hours, weekdays, months and years."""
    generator = random.Random(seed)
    first = datetime(2025, 1, 1, tzinfo=UTC)
    return [first + timedelta(minutes=generator.randrange(4 * 366 * 24 * 60)) for _ in range(count)]


def small_month(end: datetime) -> Emulator:
    """The seeded organisation at a time, with a twelfth of the month's requests."""
    emulator = Emulator("acme", lambda: end)
    recipe = emulator.store.table(RECIPES)["month"]
    fill(emulator, (row for row, _score in month_rows(recipe, SMALL)))
    return emulator


def fill(emulator: Emulator, rows: Iterable[tuple[Any, ...] | dict[str, Any]]) -> None:
    """Let these be all requests of an emulator: in the order of the columns, or by their names."""
    database = emulator.store.database
    make_tables(database)
    marks = ", ".join("?" * len(POSITIONS))
    values = [
        [{**DEFAULTS, **row}[name] for name in POSITIONS] if isinstance(row, dict) else row
        for row in rows
    ]
    database.executemany(f"insert into requests values ({marks})", values)
    make_indexes(database)
    emulator.store.has_requests = True


def client_of(emulator: Emulator, key: str = "owner") -> Portkey:
    """A client with a seeded key by its name, or with any other key, at the emulator's time."""
    secret = SecretStr(emulator.keys().get(key, key))
    settings = Settings(PORTKEY_API_KEY=secret)
    return Portkey(settings, InProcess(emulator), emulator.store.now)
