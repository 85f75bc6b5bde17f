"""The scripts: what they refer to exists."""

import ast
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MUTANTS = runpy.run_path(str(ROOT / "scripts/mutants.py"))
PACKAGE = ROOT / "src" / MUTANTS["PACKAGE"]


@pytest.mark.parametrize("target", MUTANTS["TARGETS"], ids=lambda target: target.file)
def test_the_files_functions_and_tests_of_a_target_of_mutants_exist(target):
    functions = {
        node.name
        for node in ast.walk(ast.parse((PACKAGE / target.file).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert set(target.functions) <= functions
    assert target.tests
    assert [test for test in target.tests if not (ROOT / test).exists()] == []
