"""The deployment files and the pages about them, compared with the code and each other."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from portkey_admin_mcp.server.http.pages import paths
from portkey_admin_mcp.settings.environment import EnvironmentSettings, variable_names
from portkey_admin_mcp.settings.hosting import Hosting
from portkey_admin_mcp.settings.safety import SafetySettings
from portkey_admin_mcp.settings.settings import Settings

PAGES = ["docker", "compose", "cloud-run", "fly-and-render", "kubernetes", "vercel", "README"]
FILES = ["Dockerfile", "compose.yaml", "vercel.json", "api/index.py", "deploy/healthcheck.py"]
VARIABLE = re.compile(r"(?<!\.)\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
OTHERS = {
    *("PIP_NO_CACHE_DIR", "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_ROOT_USER_ACTION"),
    *("PORTKEY_EMULATOR_HOST", "PORTKEY_EMULATOR_PORT"),
}
"""Variables of pip, and of the command `emulator`."""
SECRETS = {
    "PORTKEY_API_KEY": "pk-0123456789",
    "MCP_AUTH_TOKEN": "0123456789abcdef",
    "MCP_EVENT_ENCRYPTION_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "MCP_REDIS_URL": "redis://redis:6379/0",
}
KINDS: tuple[type[EnvironmentSettings], ...] = (Settings, SafetySettings, Hosting)


@pytest.fixture(scope="session")
def compose(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "compose.yaml").read_text())


@pytest.fixture(scope="session")
def vercel(root: Path) -> dict[str, Any]:
    return json.loads((root / "vercel.json").read_text())


@pytest.fixture(scope="session")
def first_block(root: Path) -> Callable[[str, str], str]:
    """The first block of a language in a page."""

    def block(page: str, language: str) -> str:
        text = (root / f"docs/deploy/{page}.md").read_text()
        return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[0]

    return block


@pytest.fixture(scope="session")
def deployment(first_block) -> dict[str, Any]:
    return next(iter(yaml.safe_load_all(first_block("kubernetes", "yaml"))))


@pytest.fixture(scope="session")
def environments(compose, deployment, first_block) -> dict[str, dict[str, str]]:
    """The variables that each file sets; secrets that it reads from elsewhere are filled in."""
    cloud_run = yaml.safe_load(first_block("cloud-run", "yaml"))
    render = yaml.safe_load(first_block("fly-and-render", "yaml"))
    return {
        "compose": {k: filled_in(v) for k, v in compose["x-instance"]["environment"].items()},
        "cloud-run": by_name(cloud_run["spec"]["template"]["spec"]["containers"][0]["env"]),
        "kubernetes": SECRETS | by_name(container_of(deployment)["env"]),
        "fly": SECRETS | tomllib.loads(first_block("fly-and-render", "toml"))["env"],
        "render": by_name(render["services"][0]["envVars"]),
    }


def filled_in(value: str) -> str:
    """The value in Compose when only the required variables are set."""
    value = re.sub(r"\$\{(\w+):\?[^}]*}", lambda match: SECRETS[match[1]], value)
    return re.sub(r"\$\{\w+:-([^}]*)}", r"\1", value)


def by_name(variables: list[dict[str, Any]]) -> dict[str, str]:
    return {
        name: str(v["value"]) if "value" in v else SECRETS[name]
        for v in variables
        for name in [v.get("name") or v["key"]]
    }


def container_of(deployment: dict[str, Any]) -> dict[str, Any]:
    return deployment["spec"]["template"]["spec"]["containers"][0]


# Compose


def test_the_two_instances_differ_in_their_address_and_in_who_builds_the_image(compose):
    one, two = ({**compose["services"][name]} for name in ("mcp-1", "mcp-2"))

    assert one.pop("networks") != two.pop("networks")
    assert (one.pop("build"), two.pop("pull_policy")) == (".", "never")
    assert one == two
    assert one["environment"]["MCP_SESSION_MODE"] == "stateless"


def test_compose_builds_the_image_once(compose):
    built = [name for name, service in compose["services"].items() if "build" in service]

    assert built == ["mcp-1"]
    assert compose["services"]["mcp-2"]["image"] == compose["services"]["mcp-1"]["image"]


def test_containers_have_no_rights_that_they_do_not_need(compose):
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_compose_requires_the_secrets_by_name(compose):
    environment = compose["x-instance"]["environment"]

    for name in ("PORTKEY_API_KEY", "MCP_AUTH_TOKEN", "MCP_EVENT_ENCRYPTION_KEY"):
        assert environment[name].startswith(f"${{{name}:?set {name}")


def test_only_nginx_is_published_and_only_nginx_is_trusted(compose):
    services = compose["services"]

    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    address = services["nginx"]["networks"]["front"]["ipv4_address"]
    assert compose["x-instance"]["environment"]["MCP_TRUST_PROXY"] == address
    assert compose["networks"]["store"]["internal"] is True
    assert services["redis"]["networks"] == ["store"]


def test_nginx_names_the_instances_of_compose(root, compose):
    upstream = re.findall(r"^\s*server (\S+):3000 ", (root / "deploy/nginx.conf").read_text(), re.M)

    assert upstream == [name for name in compose["services"] if name.startswith("mcp")]


# Vercel


def test_vercel_sends_every_page_to_the_entry_file(root, vercel):
    entries = {root / f"{rewrite['destination'][1:]}.py" for rewrite in vercel["rewrites"]}

    assert entries == {root / "api/index.py"}
    assert (root / "api/index.py").exists()
    assert vercel["functions"]["api/index.py"]["maxDuration"] == 300


def test_vercel_routes_every_public_page_but_metrics(vercel):
    sources = [re.escape(r["source"]).replace(":path\\*", ".*") for r in vercel["rewrites"]]

    not_routed = {
        page
        for page in paths.PAGES | {paths.MCP}
        if not any(re.fullmatch(source, page) for source in sources)
    }

    assert not_routed == {"/metrics"}


def test_vercel_serves_no_files_and_installs_the_lock(root, vercel):
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["vercel"]["scripts"]

    assert [file.name for file in (root / vercel["outputDirectory"]).iterdir()] == ["robots.txt"]
    assert scripts["install"].endswith("--no-deps --require-hashes -r requirements-runtime.lock")
    assert vercel.keys().isdisjoint({"installCommand"}), "Vercel ignores it for a function"


# Kubernetes


def test_kubernetes_runs_two_replicas_without_privileges(deployment):
    pod = deployment["spec"]["template"]["spec"]
    rights = container_of(deployment)["securityContext"]

    assert deployment["spec"]["replicas"] == 2
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (
        True,
        10001,
    )
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}


def test_the_probes_of_kubernetes_call_the_right_pages_by_the_address_of_the_pod(deployment):
    container = container_of(deployment)
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("liveness", "readiness")}

    assert {name: probe["path"] for name, probe in probes.items()} == {
        "liveness": "/health",
        "readiness": "/ready",
    }
    assert not any("httpHeaders" in probe for probe in probes.values())


def test_kubernetes_waits_longer_than_the_service_takes_to_stop(deployment, environments):
    pause = container_of(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
    shutdown = int(environments["kubernetes"]["MCP_SHUTDOWN_TIMEOUT_MS"]) / 1000

    assert (
        deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > pause + shutdown
    )


# All of them


@pytest.mark.parametrize("where", ["compose", "cloud-run", "kubernetes", "fly", "render"])
def test_each_file_sets_what_is_recommended_and_the_service_accepts_it(environments, where):
    variables = environments[where]
    names_of = [
        {n for field in k.model_fields.values() for n in variable_names(field)} for k in KINDS
    ]

    settings, _safety, hosting = (
        kind(
            **{
                name: value
                for name, value in (variables | {"MCP_HOST": "0.0.0.0"}).items()
                if name in names and value
            }
        )
        for kind, names in zip(KINDS, names_of, strict=True)
    )

    hosting.require_access_control(sandbox=False)
    assert settings.api_key is not None
    assert hosting.session_mode == "stateless"
    assert (hosting.event_store, hosting.rate_store) == ("redis", "redis")
    assert hosting.auth_mode == "bearer"
    assert hosting.public_base_url is not None
    assert hosting.trust_proxy
    assert hosting.ready_check == "local"


@pytest.mark.parametrize("file", FILES + [f"docs/deploy/{page}.md" for page in PAGES])
def test_every_variable_that_is_named_exists(root, file):
    ours = {
        name for kind in KINDS for f in kind.model_fields.values() for name in variable_names(f)
    }

    named = set(VARIABLE.findall((root / file).read_text()))

    assert named - ours - OTHERS == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_was_not_run(root, page):
    assert re.search(r"^(\* )?Not run", (root / f"docs/deploy/{page}.md").read_text(), re.M)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(root, page):
    file = root / f"docs/deploy/{page}.md"

    links = re.findall(r"\]\(([^)#:]+)\)", file.read_text())

    assert [link for link in links if not (file.parent / link).exists()] == []
