"""What an unknown name was meant to be: near names, few of them, at a small price."""

import time

from portkey_admin_mcp.suggestions import MAX_NAME_LENGTH, suggest

KNOWN = ["create_config", "update_config", "delete_config", "list_workspaces"]


def test_the_nearest_names_are_suggested_best_first():
    assert suggest("update_confg", KNOWN, limit=1) == "did you mean update_config?"
    assert suggest("delete_confi", KNOWN).startswith("did you mean delete_config or ")


def test_no_more_names_are_suggested_than_the_limit():
    assert suggest("config", [f"config{n}" for n in range(9)]).count("config") == 2
    assert suggest("config", [f"config{n}" for n in range(9)], limit=4).count("config") == 4


def test_nothing_is_suggested_if_no_name_is_near():
    assert suggest("xyz", KNOWN) == ""
    assert suggest("", KNOWN) == ""
    assert suggest("update_config", []) == ""


def test_the_cutoff_says_how_alike_names_must_be():
    assert suggest("config", KNOWN, cutoff=0.95) == ""
    assert suggest("config", KNOWN, cutoff=0.3) != ""


def test_only_the_beginning_of_a_long_name_is_compared():
    name = "a" * MAX_NAME_LENGTH

    assert suggest(name + "b" * 100_000, [name]) == f"did you mean {name}?"
    assert suggest("b" * MAX_NAME_LENGTH + name * 9, [name]) == ""


def test_a_name_of_a_million_characters_costs_no_more_than_a_short_one():
    began = time.process_time()
    suggest("update_config" * 100_000, KNOWN * 50)

    assert time.process_time() - began < 1
