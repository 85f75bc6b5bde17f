"""Find tools by intent: BM25 over names, descriptions and the words of administrators."""

import re
import sqlite3
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache

import snowballstemmer

from ...domains import DOMAINS
from ..offer.offer import ListedTool
from .search_words import HINTS, PHRASES, SYNONYMS

WORD = re.compile(r"[a-z0-9]{2,}")
STOP_WORDS = frozenset(
    word
    for line in (
        "the an of to in is it for on our we my us me do does did how can may are be like and or",
        "with by at from that this there have has had been was were will would should one some",
        "any every each all more not no into out up tell give let make them they their its when",
        "where why him her his she he you your now right yet",
    )
    for word in line.split()
)
"""Words that are ignored, because they do not distinguish tools."""
NAME_WEIGHT, HINTS_WEIGHT = 5, 3
"""How often a word of the name or the hints counts; elsewhere it counts once."""


class ToolSearch:
    """An index of some tools: SQLite's full-text index in memory, over the stems of words."""

    def __init__(self, tools: Sequence[ListedTool]) -> None:
        # Used by one thread at a time, but not always the one that built it.
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute("CREATE VIRTUAL TABLE tools USING fts5(name UNINDEXED, stems)")
        rows = ((tool.name, " ".join(_stems_of(tool))) for tool in tools)
        self._database.executemany("INSERT INTO tools VALUES (?, ?)", rows)

    def find(self, query: str, limit: int, among: Container[str] | None = None) -> list[str]:
        """The names of the tools that fit best, the best first, out of those `among`."""
        terms = " OR ".join(f'"{stem}"' for stem in _query_stems(query))
        if not terms:
            return []
        rows = self._database.execute(
            "SELECT name FROM tools WHERE tools MATCH ? ORDER BY rank, rowid", (terms,)
        )
        return [name for (name,) in rows if among is None or name in among][:limit]


def _stems_of(tool: ListedTool) -> list[str]:
    return [
        *_stems(tool.name.replace("_", " ")) * NAME_WEIGHT,
        *_stems(HINTS.get(tool.name, "")) * HINTS_WEIGHT,
        *_stems(tool.description),
        *_stems(f"{tool.domain} {DOMAINS[tool.domain]}".replace("_", " ")),
    ]


def _query_stems(query: str) -> Iterable[str]:
    """The stems of a query and of the catalogue's words for the same things."""
    text = query.lower()
    for phrase, meaning in PHRASES.items():
        if phrase in text:
            text += f" {meaning}"
    for stem in dict.fromkeys(_stems(text)):
        yield stem
        yield from _stems(_synonyms().get(stem, ""))


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, str]:
    return {_STEMMER.stemWord(word): meaning for word, meaning in SYNONYMS.items()}


_STEMMER = snowballstemmer.stemmer("english")


def _stems(text: str) -> list[str]:
    words = (word for word in WORD.findall(text.lower()) if word not in STOP_WORDS)
    return [_STEMMER.stemWord(word) for word in words]
