"""The config language: what works passes untouched, what cannot is refused by its path."""

import json
import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from each import for_each
from portkey_admin_mcp.models.core.gateway_config import (
    MAX_DEPTH,
    MAX_PROBLEMS,
    MAX_SPELLING_CHECKS,
    check_gateway_config,
)
from texts import any_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text(), inner, max_size=4),
    max_leaves=15,
)
CODES = st.lists(st.integers(100, 599), max_size=3)


def spelt(snake: str) -> st.SearchStrategy[str]:
    """A key in either of its spellings."""
    first, *rest = snake.split("_")
    return st.sampled_from([snake, first + "".join(word.title() for word in rest)])


@st.composite
def with_keys(draw, required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    """An object with these keys, each in one of its spellings, and a few of a provider's own."""
    fields = draw(st.fixed_dictionaries(required, optional=optional))
    own = draw(st.dictionaries(st.sampled_from(["vertex_region", "awsSecretKey", "x"]), JSON))
    return own | {draw(spelt(name)): value for name, value in fields.items()}


RETRY = with_keys(
    {"attempts": st.integers(0, 5)},
    {"on_status_codes": CODES, "use_retry_after_header": st.booleans()},
)
CACHE = with_keys(
    {"mode": st.sampled_from(["simple", "semantic"])},
    {"max_age": st.none() | st.integers(1, 10**6) | st.floats(0.1, 10**6)},
)
TARGET = with_keys(
    {},
    {
        "provider": any_text(),
        "virtual_key": any_text(),
        "api_key": any_text() | st.none(),
        "weight": st.integers(0, 9) | st.floats(0, 9),
        "retry": RETRY,
        "cache": CACHE,
        "override_params": st.dictionaries(any_text(), JSON, max_size=3),
        "drop_params": st.lists(any_text(), max_size=2),
        "request_timeout": st.integers(1, 10**6),
        "custom_host": any_text(),
        "forward_headers": st.lists(any_text(), max_size=2),
        "metadata": st.dictionaries(any_text(), any_text(), max_size=2),
        "input_guardrails": st.lists(any_text() | st.dictionaries(any_text(), JSON), max_size=2),
        "before_request_hooks": st.lists(st.dictionaries(any_text(), JSON), max_size=2),
    },
)


@st.composite
def routed(draw, target: st.SearchStrategy[Any]) -> dict[str, Any]:
    """A strategy over targets that have names."""
    targets = draw(st.lists(target, min_size=1, max_size=3))
    named = [{**target, "name": f"t{number}"} for number, target in enumerate(targets)]
    name = st.sampled_from([target["name"] for target in named])
    mode = draw(st.sampled_from(["loadbalance", "fallback", "conditional"]))
    strategy: dict[str, Any] = {"mode": mode, draw(spelt("on_status_codes")): draw(CODES)}
    if mode == "conditional":
        query = st.dictionaries(any_text(), JSON, max_size=2)
        rule = st.fixed_dictionaries({"query": query, "then": name})
        strategy |= {"conditions": draw(st.lists(rule, min_size=1)), "default": draw(name)}
    return {**draw(TARGET), "strategy": strategy, "targets": named}


CONFIG = st.recursive(TARGET, routed, max_leaves=4)


def refused(config: dict[str, Any]) -> str:
    """The words with which a config is refused."""
    with pytest.raises(ValueError) as caught:
        check_gateway_config(config)
    return str(caught.value)


@settings(max_examples=30)
@given(config=CONFIG)
def test_a_config_that_works_passes_untouched(config):
    before = deepcopy(config)

    check_gateway_config(config)

    assert json.dumps(config) == json.dumps(before)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"provider": "openai", "strategy": {"mode": "single"}},
        {"strategy": None, "targets": None, "retry": None, "cache": None},
        {"passthrough": True, "cache": {"mode": "simple"}},
        {"targets": [{"passthrough": True, "targets": [{}]}]},
        {"api_version": "1", "target_language": "ja", "default_input_guardrails": ["g"]},
        {"model_config": 1, "model_fields": 2, "_keys_are_spelled_correctly": 3, "__class__": 4},
    ],
)
def test_a_config_may_be_small_or_odd(config):
    check_gateway_config(config)


CANNOT_WORK = [
    ({"cache": {}}, "config.cache.mode: field required"),
    ({"cache": {"mode": "smart"}}, "config.cache.mode: input should be 'simple' or 'semantic'"),
    ({"cache": "simple"}, "config.cache: input should be an object"),
    (
        {"cache": {"mode": "simple", "max_age": 0}},
        "config.cache.max_age: input should be greater than 0",
    ),
    (
        {"cache": {"mode": "simple", "maxAge": "60"}},
        "config.cache.maxAge: input should be a valid number",
    ),
    ({"retry": {}}, "config.retry.attempts: field required"),
    (
        {"retry": {"attempts": 6}},
        "config.retry.attempts: input should be less than or equal to 5",
    ),
    ({"retry": {"attempts": True}}, "config.retry.attempts: input should be a valid integer"),
    (
        {"retry": {"attempts": 1, "onStatusCodes": [429, 99]}},
        "config.retry.onStatusCodes.1: input should be greater than or equal to 100",
    ),
    (
        {"retry": {"attempts": 1, "on_status_codes": [600]}},
        "config.retry.on_status_codes.0: input should be less than or equal to 599",
    ),
    ({"targets": [{}, 1]}, "config.targets.1: input should be an object"),
    ({"targets": {}}, "config.targets: input should be a valid list"),
    ({"targets": []}, "config.targets: list should have at least 1 item"),
    (
        {"targets": [{"weight": -1}]},
        "config.targets.0.weight: input should be greater than or equal to 0",
    ),
    (
        {"targets": [{"weight": float("inf")}]},
        "config.targets.0.weight: input should be a finite number",
    ),
    ({"request_timeout": 0}, "config.request_timeout: input should be greater than or"),
    ({"api_key": 1}, "config.api_key: input should be a valid string"),
    ({"input_guardrails": ["g", 1]}, "config.input_guardrails.1: a guardrail is a slug, or an"),
    ({"strategy": {"mode": "fallbak"}}, "config.strategy.mode: input should be 'single', "),
    ({"strategy": {"mode": "fallback"}}, "config: strategy fallback needs targets"),
    (
        {"targets": [{"strategy": {"mode": "loadbalance"}}]},
        "config.targets.0: strategy loadbalance needs targets",
    ),
    (
        {"strategy": {"mode": "conditional"}, "targets": [{}]},
        "config.strategy: mode conditional needs conditions: [{query, then}]",
    ),
    (
        {
            "strategy": {"mode": "conditional", "conditions": [{"query": {}, "then": "b"}]},
            "targets": [{"name": "a"}, {"name": "c"}, {}],
        },
        "config: strategy.conditions.0.then names no target; the names are: a, c",
    ),
    (
        {"strategy": {"mode": "fallback", "default": "b"}, "targets": [{}]},
        "config: strategy.default names no target; the names are: none has a name",
    ),
    (
        {"passthrough": True, "targets": [{}]},
        "config: passthrough cannot be combined with targets or strategy",
    ),
    (
        {"targets": [{"virtual_key": "a", "virtualKey": "b"}]},
        "config.targets.0: virtual_key is also given as virtualKey; remove one of them",
    ),
]


@for_each(CANNOT_WORK)
def test_a_config_that_cannot_work_is_refused_by_its_path(case):
    config, message = case
    assert refused(config).startswith(message)


@pytest.mark.parametrize(
    ("config", "place", "wrong", "right"),
    [
        ({"strategi": {}}, "config", "strategi", "strategy"),
        ({"target": []}, "config", "target", "targets"),
        ({"overrideParam": {}}, "config", "overrideParam", "overrideParams"),
        ({"targets": [{"virtual-key": "x"}]}, "config.targets.0", "virtual-key", "virtual_key"),
        (
            {"retry": {"attempts": 1, "on_status_code": []}},
            "config.retry",
            "on_status_code",
            "on_status_codes",
        ),
    ],
)
def test_a_misspelt_key_is_refused_with_the_right_one(config, place, wrong, right):
    assert refused(config) == f"{place}: unknown key {wrong!r}; did you mean {right}?"


def test_any_number_of_unknown_keys_is_accepted_in_a_short_time():
    began = time.process_time()
    check_gateway_config({f"k{number}": 1 for number in range(60_000)})

    assert time.process_time() - began < 2


def test_so_many_unknown_keys_are_compared_and_no_more():
    unknown = {f"k{number}": 1 for number in range(MAX_SPELLING_CHECKS)}
    *all_but_one, _last = unknown

    check_gateway_config({**unknown, "strategi": {}})
    assert "did you mean strategy?" in refused({**dict.fromkeys(all_but_one, 1), "strategi": {}})


def test_the_keys_of_all_objects_in_a_config_are_counted_together():
    def config(count):
        unknown = {f"k{number}": 1 for number in range(count)}
        return {"targets": [unknown, {"strategi": {}}]}

    check_gateway_config(config(MAX_SPELLING_CHECKS))
    # Half as many, since pydantic runs the validators of these objects twice.
    assert "did you mean strategy?" in refused(config(MAX_SPELLING_CHECKS // 2 - 1))


def test_a_key_that_is_there_in_both_spellings_is_refused_after_any_number_of_unknown_ones():
    unknown = {f"k{number}": 1 for number in range(MAX_SPELLING_CHECKS + 1)}
    config = {**unknown, "requestTimeout": 1, "request_timeout": 2}

    assert "remove one of them" in refused(config)


def test_a_misspelt_key_that_is_longer_than_needed_is_cut():
    key = "strict_open_ai_compliance" + "e" * 5
    longest = "beforeRequestHooks" + "x" * 5

    assert refused({key: True}).startswith(f"config: unknown key {key[:40]!r};")
    assert f"unknown key {longest!r};" in refused({longest: []})


def test_all_problems_are_told_up_to_a_number():
    targets = [{"weight": -1} for _ in range(MAX_PROBLEMS + 3)]

    problems = refused({"targets": targets}).split("; ")

    assert [problem.partition(":")[0] for problem in problems] == [
        f"config.targets.{number}.weight" for number in range(MAX_PROBLEMS)
    ]


def nested(levels: int) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for _ in range(levels - 1):
        config = {"x": config}
    return config


def test_a_config_may_be_nested_deep_but_not_without_end():
    check_gateway_config(nested(MAX_DEPTH))

    for levels in (MAX_DEPTH + 1, 100_000):
        assert refused(nested(levels)) == f"config: nested more than {MAX_DEPTH} levels deep"


KNOWN = st.sampled_from(["strategy", "mode", "conditions", "query", "then", "default"]) | (
    st.sampled_from(["targets", "name", "weight", "retry", "attempts", "cache", "maxAge"])
)
ODD = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KNOWN, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=40)
@given(config=st.dictionaries(KNOWN | any_text(), ODD))
def test_any_object_passes_or_is_refused_in_words(config):
    try:
        check_gateway_config(config)
    except ValueError as error:
        assert type(error) is ValueError
        assert str(error).startswith("config")


SECRET = "sk-s3cret"
WITH_SECRET = st.recursive(
    st.just(SECRET) | st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN | any_text(), inner),
    max_leaves=15,
)


@settings(max_examples=40)
@given(config=st.dictionaries(KNOWN.filter(lambda key: key != "name"), WITH_SECRET, min_size=1))
def test_no_refusal_repeats_a_value(config):
    try:
        check_gateway_config(config)
    except ValueError as error:
        assert SECRET not in str(error)
