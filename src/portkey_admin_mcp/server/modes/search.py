"""Find tools by what a user wants: weighted BM25 over names, phrases and descriptions.

SQLite's full-text index does the work. `phrases.json` holds three to eight phrases for each tool:
ways to ask for it in words that its description lacks. docs/decisions/search.md tells what was
measured.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from ...domains import TOOLSETS
from ...suggestions import nearest
from ..offer.offer import ListedTool
from .signatures import first_sentence

PHRASES_FILE = Path(__file__).with_name("phrases.json")
WORD = re.compile(r"[^\W_]{2,}")
MAX_WORDS = 40
"""Words of a query that are looked up; further ones are ignored."""
MAX_CORRECTIONS = 8
"""Unknown words of a query that are replaced by the nearest word; each costs some 3 ms."""
MIN_SIMILARITY = 0.8
"""How alike a word and its correction must be, from 0 to 1."""
STOP_WORDS = frozenset(
    word
    for line in (
        "the an of to in is it for on our we my us me do does did how can may are be like and or",
        "with by at from that this there have has had been was were will would should one some",
        "any every each all more not no into out up tell give let make them they their its when",
        "where why him her his she he you your now right yet please hi hey hello thanks help could",
        "someone somebody anyone just really think maybe very also because since if than then",
        "these those about thing something anything today want need",
    )
    for word in line.split()
)
"""Words that are ignored, because they do not distinguish tools."""

COLUMNS = {"name": 2.0, "phrases": 1.0, "sentence": 1.0, "details": 0.5, "domain": 0.5}
"""What is indexed of a tool, and how much a word in it counts."""
TABLES = {"words": ("unicode61", 1.0), "stems": ("porter unicode61", 1 / 3)}
"""The same text by whole words and by stems, and how much each counts: `rating` is not `rate`."""
# ruff: noqa: S608  # The statements are made of the constants above.
FIND = "SELECT name FROM ({}) GROUP BY name ORDER BY sum(score), min(position)".format(
    " UNION ALL ".join(
        f"SELECT tool AS name, rowid AS position, {weight} * bm25({table}, 0, "
        f"{', '.join(map(str, COLUMNS.values()))}) AS score FROM {table} WHERE {table} MATCH :words"
        for table, (_tokenizer, weight) in TABLES.items()
    )
)


class ToolSearch:
    """An index of some tools, in memory."""

    def __init__(self, tools: Sequence[ListedTool]) -> None:
        # Used by one thread at a time, but not always the one that built it.
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        rows = [_row(tool) for tool in tools]
        for table, (tokenizer, _weight) in TABLES.items():
            columns = ", ".join(("tool UNINDEXED", *COLUMNS))
            self._database.execute(
                f"CREATE VIRTUAL TABLE {table} USING fts5({columns}, tokenize = '{tokenizer}')"
            )
            places = ", ".join("?" * (1 + len(COLUMNS)))
            self._database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        self._database.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, row)")
        indexed = self._database.execute("SELECT term FROM vocabulary")
        self._vocabulary = sorted(STOP_WORDS.union(word for (word,) in indexed))

    def find(self, query: str) -> Iterator[str]:
        """The names of all tools that have a word of the query, the best first."""
        words = self._corrected(_words(query))
        if not words:
            return
        terms = " OR ".join(f'"{word}"' for word in words)
        for (name,) in self._database.execute(FIND, {"words": terms}):
            yield name

    def _corrected(self, words: list[str]) -> list[str]:
        """The words, with the nearest one in the index for each that is not in it."""
        unknown = [word for word in words if not self._is_known(word)][:MAX_CORRECTIONS]
        corrections = {
            word: nearest(word, self._vocabulary, limit=1, cutoff=MIN_SIMILARITY)
            for word in unknown
        }
        corrected = (near for word in words for near in corrections.get(word) or [word])
        return [word for word in corrected if word not in STOP_WORDS]

    def _is_known(self, word: str) -> bool:
        rows = self._database.execute(
            "SELECT 1 FROM stems WHERE stems MATCH ? LIMIT 1", (f'"{word}"',)
        )
        return rows.fetchone() is not None


@cache
def phrases() -> dict[str, list[str]]:
    """The phrases of each tool."""
    texts: dict[str, list[str]] = json.loads(PHRASES_FILE.read_text(encoding="utf-8"))
    return texts


def _row(tool: ListedTool) -> tuple[str, ...]:
    """The name of a tool and the text of each column."""
    sentence = first_sentence(tool.description)
    return (
        tool.name,
        tool.name.replace("_", " "),
        ". ".join(phrases().get(tool.name, ())),
        sentence,
        tool.description.removeprefix(sentence),
        f"{tool.domain.replace('_', ' ')} {TOOLSETS[tool.domain]}",
    )


def _words(query: str) -> list[str]:
    words = (word for word in WORD.findall(query.lower()) if word not in STOP_WORDS)
    return list(dict.fromkeys(words))[:MAX_WORDS]
