"""The pytest plugin, in projects of others."""

import json
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

from programs import tree_environment

PLUGIN = "portkey_admin_mcp.testing.pytest_plugin"
ROOT = Path(__file__).parents[2]


def run(folder, *options):
    """Run the tests of a folder with this plugin only, as its entry point would load it."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:cacheprovider", *options],
        cwd=folder,
        env=tree_environment({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "HOME": str(folder)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_entry_point_is_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    entry_points = project["entry-points"]["pytest11"]
    assert entry_points == {"portkey_emulator": PLUGIN}
    assert import_module(PLUGIN).portkey_emulator


PROJECT = """
import pytest
import httpx

SEEN = []


@pytest.mark.parametrize("number", range(6))
def test_each_test_has_an_organisation_as_new(portkey_emulator, number):
    SEEN.append(portkey_emulator.url)
    headers = {"x-portkey-api-key": portkey_emulator.key()}
    with httpx.Client(base_url=portkey_emulator.base_url, headers=headers, trust_env=False) as c:
        assert c.post("/admin/workspaces", json={"name": "Own"}).status_code == 200
        assert c.get("/admin/workspaces").json()["total"] == 2
    assert len(portkey_emulator.requests) == 2
    assert f"{portkey_emulator.now:%F}" == "2027-01-01"
    assert len(set(SEEN)) == 1
    portkey_emulator.fail(status=500, times=None)
    portkey_emulator.advance(60)


@pytest.mark.portkey_emulator(seed="acme", now="2026-11-16")
def test_a_test_can_have_another_organisation_and_time(portkey_emulator):
    assert portkey_emulator.find("workspaces", "Support")
    assert f"{portkey_emulator.now:%F}" == "2026-11-16"


@pytest.mark.portkey_emulator("seeds/own.yaml")
def test_a_file_is_looked_for_from_the_root_of_the_tests(portkey_emulator):
    assert portkey_emulator.find("configs", "Own")


@pytest.mark.portkey_emulator("seeds/none.yaml")
def test_a_wrong_seed_is_an_error_that_names_it(portkey_emulator):
    pass
"""
CONFIGURATION = """
[pytest]
addopts = --strict-markers --strict-config
filterwarnings = error
portkey_emulator_seed = empty
portkey_emulator_now = 2027-01-01
"""


def test_a_project_has_the_fixture_also_with_processes_side_by_side(tmp_path):
    (tmp_path / "pytest.ini").write_text(CONFIGURATION)
    (tmp_path / "test_own.py").write_text(PROJECT)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/own.yaml").write_text("configs: [{name: Own, config: {}}]")

    code, output = run(tmp_path, "-p", "xdist", "-n", "2")

    assert (code, "8 passed, 1 error" in output) == (1, True), output
    assert f"{tmp_path}/seeds/none.yaml: cannot be read: No such file or directory" in output


UNUSED = """
import json, sys

def pytest_sessionfinish():
    with open("modules.json", "w") as file:
        json.dump([*sys.modules], file)
"""


def test_a_project_that_does_not_use_it_loads_nothing(tmp_path):
    (tmp_path / "conftest.py").write_text(UNUSED)
    (tmp_path / "test_own.py").write_text("def test_it(): pass")

    code, output = run(tmp_path)

    assert code == 0, output
    modules = json.loads((tmp_path / "modules.json").read_text())
    ours = {name for name in modules if name.startswith("portkey_admin_mcp")}
    assert ours == {"portkey_admin_mcp", "portkey_admin_mcp.testing", PLUGIN}
    heavy = {"uvicorn", "httpx", "pydantic", "asyncio", "anyio", "yaml", "sqlite3", "click"}
    assert heavy.isdisjoint(modules)
