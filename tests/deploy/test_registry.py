"""`server.json`, the entry of the MCP registry, and what the registry checks beside it."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from pydantic import SecretStr

from portkey_admin_mcp import __version__
from portkey_admin_mcp.server.http.pages.server_card import DESCRIPTION, NAME, TITLE
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests/schemas/server.schema.json").read_text())
BOUNDARY = r"(?=\s|<|-->|$)"


@pytest.fixture(scope="module")
def entry():
    return json.loads((ROOT / "server.json").read_text())


@pytest.fixture(scope="module")
def packages(entry):
    return {package["registryType"]: package for package in entry["packages"]}


def test_the_entry_follows_the_schema_that_it_names(entry):
    Draft7Validator(SCHEMA, format_checker=Draft7Validator.FORMAT_CHECKER).validate(entry)

    assert entry["$schema"] == SCHEMA["$id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "no namespace"), ("version", 1), ("description", ""), ("packages", [{}])],
)
def test_the_schema_refuses_a_wrong_entry(entry, field, value):
    assert not Draft7Validator(SCHEMA).is_valid({**entry, field: value})


def test_it_says_what_the_package_and_the_server_card_say(entry, packages):
    assert entry["version"] == packages["pypi"]["version"] == __version__
    assert packages["oci"]["identifier"].endswith(f"/{NAME}:{__version__}")
    assert packages["pypi"]["identifier"] == NAME
    assert packages.keys() == {"pypi", "oci"}
    assert "remotes" not in entry
    assert entry["name"].endswith(f"/{NAME}")
    assert (entry["title"], entry["description"]) == (TITLE, DESCRIPTION)


def test_the_registry_finds_the_name_in_the_description_of_the_package_and_in_the_image(entry):
    hooks = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["metadata"][
        "hooks"
    ]
    description = (ROOT / "README.md").read_text()
    for each in hooks["fancy-pypi-readme"]["substitutions"]:
        description = re.sub(each["pattern"], each["replacement"], description)
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert len(re.findall(rf"mcp-name: {re.escape(entry['name'])}{BOUNDARY}", description)) == 1
    assert f'io.modelcontextprotocol.server.name="{entry["name"]}"' in dockerfile


def test_each_variable_is_a_setting_and_secret_where_that_is(packages):
    fields = {
        alias: field
        for model in (Settings, SafetySettings)
        for field in model.model_fields.values()
        for alias in aliases_of(field)
    }
    for package in packages.values():
        for variable in package["environmentVariables"]:
            is_secret = SecretStr.__name__ in str(fields[variable["name"]].annotation)
            assert variable.get("isSecret", False) == is_secret
            if variable.get("format") == "boolean":
                default = fields[variable["name"]].default
                assert variable["default"] == json.dumps(default)


def aliases_of(field):
    alias = field.validation_alias
    return getattr(alias, "choices", None) or [alias]


def test_the_image_serves_on_standard_input_and_output(packages):
    named = {each["name"]: each["value"] for each in packages["oci"]["runtimeArguments"]}
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert f'ENTRYPOINT ["{named["--entrypoint"]}"]' in dockerfile
    assert f'VOLUME ["{named["--volume"].partition(":")[2]}"]' in dockerfile
