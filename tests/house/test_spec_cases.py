"""The cases that reach every field of every operation, for a judge of Portkey's OpenAPI file.

Such a judge calls each tool with the smallest and the largest arguments that its schema allows;
where rules cross fields, it takes the arguments of `spec_cases.json`.
"""

import json

import pytest

from drawn_calls import TOOLS, Drawn
from openapi import TESTS

CASES = json.loads((TESTS / "spec_cases.json").read_text(encoding="utf-8"))


def test_the_cases_are_of_tools_that_exist():
    assert CASES.keys() <= TOOLS.keys()


@pytest.mark.parametrize("name", CASES)
def test_each_case_is_sent(name):
    for arguments in CASES[name]:
        assert Drawn(name).sent(arguments), arguments
