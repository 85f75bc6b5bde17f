"""The scripts: what they refer to exists."""

import ast
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from each import for_each

ROOT = Path(__file__).parents[1]
MUTANTS = runpy.run_path(str(ROOT / "scripts/mutants.py"))
PACKAGE = ROOT / "src" / MUTANTS["PACKAGE"]
WHEELS = runpy.run_path(str(ROOT / "scripts/check_wheels.py"))
LOCK = (ROOT / "requirements-runtime.lock").read_text(encoding="utf-8")


@for_each(MUTANTS["TARGETS"], name_of=lambda target: target.file)
def test_the_files_functions_and_tests_of_a_target_of_mutants_exist(target):
    functions = {
        node.name
        for node in ast.walk(ast.parse((PACKAGE / target.file).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert set(target.functions) <= functions
    assert target.tests
    assert [test for test in target.tests if not (ROOT / test).exists()] == []


def test_the_tests_of_a_mutant_are_collected_though_its_package_is_imported_already(tmp_path):
    script, tests = ROOT / "scripts/mutants.py", ROOT / "tests/test_suggestions.py"
    done = subprocess.run(
        [sys.executable, script, "--worker", tests],
        input="{}\n",
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}/tests"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == '""\n'  # no test fails without a change


def test_the_check_of_wheels_reads_every_package_and_hash_of_a_lock():
    packages = WHEELS["read_lock"](LOCK)

    assert len(packages) == len(re.findall(r"^\w\S*==", LOCK, re.MULTILINE))
    assert sum(len(package.hashes) for package in packages) == LOCK.count("--hash=sha256:")


@pytest.mark.parametrize(
    ("system", "python", "needed", "not_needed"),
    [
        ("Linux x86_64, glibc", "3.11", {"async-timeout", "uvloop"}, set()),
        ("Linux aarch64, musl", "3.14", {"uvloop"}, {"async-timeout"}),
        ("Windows x86_64", "3.11", {"async-timeout"}, {"uvloop"}),
    ],
)
def test_the_check_of_wheels_asks_for_what_a_system_needs(system, python, needed, not_needed):
    packages = WHEELS["read_lock"](LOCK)

    names = {
        package.requirement.name
        for package in WHEELS["needed_on"](packages, WHEELS["SYSTEMS"][system], python)
    }

    assert needed <= names
    assert names.isdisjoint(not_needed)
