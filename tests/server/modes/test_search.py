"""Finding tools by intent, and the short list of the search mode."""

import csv
import json
import random
import sqlite3
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
import quicktok
from mcp import Client

from mcp_texts import texts
from portkey_admin_mcp.domains import DOMAINS, TOOLSETS
from portkey_admin_mcp.server.calls.result_size import compact
from portkey_admin_mcp.server.loading import load_offer
from portkey_admin_mcp.server.mcp.definitions import all_tools
from portkey_admin_mcp.server.modes.mode import MAX_QUERY_CHARS
from portkey_admin_mcp.server.modes.search import MAX_CORRECTIONS, ToolSearch, phrases
from portkey_admin_mcp.server.modes.search_mode import SearchMode
from servers import build_calls, build_server

SENTENCES = Path(__file__).parents[2] / "search"
INTENTS = json.loads((SENTENCES / "intents.json").read_text(encoding="utf-8"))
TOOLS = all_tools()
DOMAIN = {tool.name: tool.domain for tool in TOOLS}
MAX_ANSWER_TOKENS = 500
MAX_OVERFITTING = 10
"""Percentage points that recall on our own sentences may exceed that on held-out plain ones."""
GOALS = {"plain": (85, 95), "query": (85, 95), "own_words": (75, 90), "typo": (65, 80)}
"""The right tool is among the first three, and the first eight, for this percentage."""


@cache
def o200k():
    """The encoding that counts tokens; loading it takes a while."""
    return quicktok.get_encoding("o200k_base")


def held_out():
    """Sentences of others, who saw neither the phrases nor the descriptions, by style.

    Set 1 served once to choose between two lists of phrases, set 2 for nothing but this.
    """
    sentences = defaultdict(list)
    with (SENTENCES / "held_out.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            sentences[row["style"]].append((row["sentence"], {*row["tools"].split(",")}))
    return sentences


HELD_OUT = held_out()


@pytest.fixture(scope="module")
def search():
    """An index of all tools."""
    return ToolSearch([*load_offer().tools.values()])


def recall(find, sentences, count):
    """The percentage of sentences for which a right tool is among the first `count`."""
    hits = [bool({*find(sentence)[:count]} & {*tools}) for sentence, tools in sentences]
    return 100 * sum(hits) / len(hits)


def test_the_sentences_name_existing_tools_of_every_domain():
    names = {name for tools in INTENTS.values() for name in tools}
    held = {name for rows in HELD_OUT.values() for _sentence, tools in rows for name in tools}

    assert names | held <= set(DOMAIN)
    assert {DOMAIN[name] for name in names} == set(DOMAINS)
    assert set(HELD_OUT) == set(GOALS)
    assert sum(map(len, HELD_OUT.values())) >= 120


@pytest.fixture(scope="module")
def find(search):
    """The names found for a sentence, the best first. Several tests look for the same ones."""
    return cache(lambda sentence: [*search.find(sentence)])


@pytest.mark.parametrize("style", GOALS)
def test_the_right_tool_is_among_the_first_for_sentences_that_never_shaped_the_search(find, style):
    at_three, at_eight = GOALS[style]
    assert recall(find, HELD_OUT[style], 3) >= at_three
    assert recall(find, HELD_OUT[style], 8) >= at_eight


def test_our_own_sentences_are_found_no_better_than_those_of_others(find):
    own = recall(find, INTENTS.items(), 3)
    others = recall(find, HELD_OUT["plain"] + HELD_OUT["query"], 3)
    assert own >= 85
    assert own - others <= MAX_OVERFITTING


def test_the_phrases_find_more_than_names_and_descriptions(find):
    """Plain BM25 over stems of names and descriptions, as most servers have it."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE plain USING fts5(tool, tokenize = 'porter unicode61')")
    names = [tool.name for tool in TOOLS]
    texts_of_tools = [(f"{t.name.replace('_', ' ')} {t.description}",) for t in TOOLS]
    database.executemany("INSERT INTO plain VALUES (?)", texts_of_tools)

    def find_plainly(sentence):
        terms = " OR ".join(f'"{word}"' for word in sentence.replace('"', " ").split())
        rows = database.execute(
            "SELECT rowid FROM plain WHERE plain MATCH ? ORDER BY rank", [terms]
        )
        return [names[row - 1] for (row,) in rows]

    sentences = [row for rows in HELD_OUT.values() for row in rows]
    assert recall(find, sentences, 3) >= recall(find_plainly, sentences, 3) + 20


def misspelled(sentence, rng):
    """The sentence with one letter doubled, left out, swapped or replaced in one long word."""
    words = sentence.split()
    long_words = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not long_words:
        return sentence
    at = rng.choice(long_words)
    word = words[at]
    i = rng.randrange(1, len(word) - 1)
    words[at] = rng.choice(
        [
            word[:i] + word[i] + word[i:],
            word[:i] + word[i + 1 :],
            word[: i - 1] + word[i] + word[i - 1] + word[i + 1 :],
            word[:i] + rng.choice("aeiost") + word[i + 1 :],
        ]
    )
    return " ".join(words)


def test_a_misspelled_word_is_read_as_the_nearest_known_one(find):
    rng = random.Random(7)  # the same misspellings every time
    sentences = [(misspelled(sentence, rng), tools) for sentence, tools in INTENTS.items()]

    changed = [sentence for sentence, _tools in sentences if sentence not in INTENTS]
    assert len(changed) >= 0.9 * len(INTENTS)
    assert recall(find, sentences, 8) >= recall(find, INTENTS.items(), 8) - 5


def test_a_query_of_unknown_words_costs_only_a_few_corrections(search, monkeypatch):
    corrected = []
    monkeypatch.setattr(
        "portkey_admin_mcp.server.modes.search.nearest",
        lambda word, *_arguments, **_options: corrected.append(word) or [],
    )

    found = [*search.find(" ".join(f"qq{i}zz" for i in range(5_000)))]

    assert found == []
    assert len(corrected) == MAX_CORRECTIONS


@pytest.mark.parametrize("query", ["", "?!", "zzzz qqqq", "the of and", "é" * 5000, '" OR x*'])
def test_a_query_without_meaning_finds_nothing(search, query):
    assert [*search.find(query)] == []


def test_every_tool_has_three_to_eight_phrases_of_its_own():
    counts = {name: len(phrases().get(name, ())) for name in DOMAIN}
    all_phrases = [phrase for texts in phrases().values() for phrase in texts]

    wrong = {name: count for name, count in counts.items() if not 3 <= count <= 8}
    assert wrong == {}, (
        "write three to eight phrases for these tools in "
        "src/portkey_admin_mcp/server/modes/phrases.json: CONTRIBUTING.md says which"
    )
    assert set(phrases()) == set(DOMAIN), "these tools are gone: delete their phrases"
    assert len(set(all_phrases)) == len(all_phrases)


@pytest.fixture
def searched(api):
    """A client of a server in search mode."""
    return lambda **more: Client(build_server(lambda: api, mode="search", **more))


async def test_the_list_is_short_and_stays_the_same(searched):
    async with searched() as client:
        before = (await client.list_tools()).tools
        await client.call_tool("search_tools", {"query": "spend"})
        after = (await client.list_tools()).tools

    assert [tool.name for tool in before] == [*ALWAYS_IN_ORDER, "search_tools", "call_tool"]
    assert before == after
    definitions = [
        {"name": t.name, "description": t.description, "inputSchema": t.input_schema}
        for t in before
    ]
    assert sum(len(o200k().encode(compact(each))) for each in definitions) <= 1_500
    assert all(None not in t.annotations.model_dump().values() for t in before)


ALWAYS_IN_ORDER = [tool.name for tool in TOOLS if tool.name in SearchMode.listed]


async def test_the_list_names_every_tool_offered_and_no_other(searched):
    reads = [tool for tool in TOOLS if tool.effect == "read"]
    async with searched() as client:
        everything = (await client.list_tools()).tools
    async with searched(offered=reads) as client:
        only_reads = (await client.list_tools()).tools

    for listed, tools in ((everything, TOOLS), (only_reads, reads)):
        (description,) = (tool.description for tool in listed if tool.name == "search_tools")
        assert names_in(description.partition("\n\n")[2]) == {tool.name for tool in tools}


def names_in(lines):
    """The names in lines such as `configs: list_configs, get|create_config`."""
    return {
        f"{verb}_{noun}".rstrip("_")
        for line in lines.splitlines()
        for group in line.partition(": ")[2].split(", ")
        for verbs, _, noun in [group.partition("_")]
        for verb in verbs.split("|")
    }


async def test_a_tool_is_found_with_its_arguments_and_called(searched, workspace):
    async with searched() as client:
        answer = await client.call_tool("search_tools", {"query": "make a new prompt folder"})
        first, others = texts(answer)[0].split("\n\n")
        name = first.partition(":")[0]
        result = await client.call_tool(
            "call_tool",
            {"name": name, "arguments": {"name": "New", "workspace_id": workspace("Support")}},
        )

    assert name == "create_collection"
    assert "\nname: string" in first
    assert len(others.splitlines()) == 1 + 7
    assert answer.structured_content is None
    assert not result.is_error
    assert json.loads(texts(result)[0])["id"]
    assert result.structured_content is None


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("create_config", ["create_config"]),
        ("create_prompt, update_prompt", ["create_prompt", "update_prompt"]),
        ('["get_user"]', ["get_user"]),
    ],
)
async def test_names_of_tools_get_their_arguments_and_nothing_else(searched, query, names):
    async with searched() as client:
        answer = await client.call_tool("search_tools", {"query": query})

    signatures = texts(answer)[0].split("\n\n")
    assert [signature.partition(":")[0] for signature in signatures] == names


async def test_a_name_within_a_sentence_comes_first(searched):
    async with searched() as client:
        answer = await client.call_tool("search_tools", {"query": "arguments of get_trace"})

    assert texts(answer)[0].startswith("get_trace: ")


async def test_if_nothing_fits_the_domains_are_named(searched):
    async with searched() as client:
        answer = await client.call_tool("search_tools", {"query": "zzzz"})

    assert all(domain in texts(answer)[0] for domain in TOOLSETS)
    assert not answer.is_error


async def test_no_answer_costs_more_than_its_budget(searched):
    sentences = [*INTENTS, *DOMAIN, *(f"how does {name} work?" for name in DOMAIN), "zzzz"]
    costs = {}
    async with searched() as client:
        for sentence in sentences:
            answer = await client.call_tool("search_tools", {"query": sentence})
            costs[sentence] = len(o200k().encode(texts(answer)[0]))

    assert {s: cost for s, cost in costs.items() if cost > MAX_ANSWER_TOKENS} == {}


@pytest.mark.parametrize("tool", ["search_tools", "search"])
async def test_of_a_long_query_only_the_beginning_is_read(api, monkeypatch, tool):
    queries = []
    monkeypatch.setattr(ToolSearch, "find", lambda _self, query: queries.append(query) or [])
    calls = build_calls(lambda: api, mode="search" if tool == "search_tools" else "code")

    outcome = await calls(tool, {"query": "list_configs " * 500_000})

    assert outcome.texts[0].startswith("list_configs")
    assert sum(map(len, queries)) <= MAX_QUERY_CHARS


async def test_hidden_tools_may_be_called_by_name_as_well(searched):
    async with searched() as client:
        answer = await client.call_tool("list_integrations", {})

    assert not answer.is_error


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("list_config", "There is no tool 'list_config'. Did you mean list_configs or"),
        ("zzz", "There is no tool 'zzz'. search_tools finds tools by what you want to do."),
        ("search_tools", "Call search_tools by itself, not with call_tool."),
    ],
)
async def test_an_unknown_tool_is_refused_with_the_nearest_or_where_to_look(searched, name, advice):
    async with searched() as client:
        answer = await client.call_tool("call_tool", {"name": name})

    assert answer.is_error
    assert answer.content[0].text.startswith(advice)


async def test_arguments_that_do_not_fit_are_named(searched):
    async with searched() as client:
        answer = await client.call_tool("search_tools", {"query": "", "limt": 3})

    assert answer.is_error
    assert "query: String should have at least 1 character" in answer.content[0].text
    assert "limt: there is no such argument; did you mean limit?" in answer.content[0].text
    assert "call search_tools again" in answer.content[0].text


async def test_only_what_is_offered_is_found_and_called(searched):
    reads = [tool for tool in TOOLS if tool.effect == "read"]
    async with searched(offered=reads) as client:
        answer = await client.call_tool("search_tools", {"query": "delete a prompt", "limit": 20})
        named = await client.call_tool("search_tools", {"query": "delete_prompt"})
        refused = await client.call_tool("call_tool", {"name": "delete_prompt"})

    assert "\nget_prompt(prompt_id): " in texts(answer)[0]
    assert not any(f"\n{tool.name}(" in texts(answer)[0] for tool in TOOLS if tool not in reads)
    assert not texts(named)[0].startswith("delete_prompt")
    assert refused.is_error


async def test_a_refusal_is_advice_through_the_proxy_too(searched):
    async with searched() as client:
        answer = await client.call_tool("call_tool", {"name": "get_user", "arguments": {}})

    assert answer.is_error
    assert "user_id: is required" in answer.content[0].text
