"""`spec_cases.json` has arguments that reach the fields which generated arguments cannot reach.

A check against Portkey's OpenAPI file calls each tool with the smallest and the largest arguments
that its schema allows. Where rules cross fields, it uses the arguments in `spec_cases.json`.
"""

import json

from drawn_calls import TOOLS, Drawn
from each import for_each
from openapi import TESTS

CASES = json.loads((TESTS / "spec_cases.json").read_text(encoding="utf-8"))


def test_the_cases_are_of_tools_that_exist():
    assert CASES.keys() <= TOOLS.keys()


@for_each(CASES)
def test_each_case_is_sent(name):
    for arguments in CASES[name]:
        assert Drawn(name).sent(arguments), arguments
