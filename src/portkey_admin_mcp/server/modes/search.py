"""Finding tools by what somebody wants: BM25 over names, descriptions and the words admins use."""

import re
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache

import snowballstemmer
from fastmcp.server.transforms.search.bm25 import _BM25Index

from ...domains import DOMAINS
from ...portkey.catalog import Tool
from .search_words import HINTS, PHRASES, SYNONYMS

WORD = re.compile(r"[a-z0-9]{2,}")
STOP_WORDS = """
the an of to in is it for on our we my us me do does did how can may are be like and or with by at
from that this there have has had been was were will would should one some any every each all more
not no into out up tell give let make them they their its when where why him her his she he you your
now right yet
"""
IGNORED = frozenset(STOP_WORDS.split())
"""Words that say nothing about what is wanted, though they stand in names and descriptions."""
OF_NAME, OF_HINTS, OF_DESCRIPTION, OF_DOMAIN = 3, 3, 1, 1
"""How much a word counts, by where it stands."""


class ToolSearch:
    """An index of some tools."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.names = [tool.name for tool in tools]
        self._index = _BM25Index(k1=1.2, b=0.6)
        self._index.build([" ".join(_words_of(tool)) for tool in tools])

    def find(self, query: str, most: int, among: Container[str] | None = None) -> list[str]:
        """The names of the tools that fit best, the best first, out of those `among`."""
        asked = " ".join(_asked(query))
        ranked = [self.names[place] for place in self._index.query(asked, len(self.names))]
        return [name for name in ranked if among is None or name in among][:most]


def _words_of(tool: Tool) -> Iterable[str]:
    yield from _stems(tool.name.replace("_", " ")) * OF_NAME
    yield from _stems(HINTS.get(tool.name, "")) * OF_HINTS
    yield from _stems(tool.description) * OF_DESCRIPTION
    yield from _stems(f"{tool.domain} {DOMAINS[tool.domain]}".replace("_", " ")) * OF_DOMAIN


def _asked(query: str) -> Iterable[str]:
    """The stems of a question, with what the catalogue says instead of them."""
    text = query.lower()
    for phrase, meant in PHRASES.items():
        if phrase in text:
            text += f" {meant}"
    for stem in dict.fromkeys(_stems(text)):
        yield stem
        yield from _stems(_synonyms().get(stem, ""))


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, str]:
    return {_STEMMER.stemWord(word): meant for word, meant in SYNONYMS.items()}


_STEMMER = snowballstemmer.stemmer("english")


def _stems(text: str) -> list[str]:
    words = (word for word in WORD.findall(text.lower()) if word not in IGNORED)
    return [_STEMMER.stemWord(word) for word in words]
