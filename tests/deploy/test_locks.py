"""The locks, and what is published of the project: complete, and without addresses."""

import email
import re
import tarfile
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = [
    "requirements.lock",
    "requirements-runtime.lock",
    "requirements-build.lock",
    "requirements-schemas.lock",
    "requirements-dist.lock",
    "requirements-docs.lock",
]
SYSTEMS = {"linux": "x86_64", "darwin": "arm64"}
# Debian 12 has 3.11.2.
PYTHONS = ["3.11.2", "3.12.0", "3.13.0", "3.14.0"]


def locked(text: str) -> Iterator[Requirement]:
    """The requirements of a lock, without their hashes."""
    for line in re.findall(r"^(\w\S*==[^\\\n]*)", text, re.MULTILINE):
        yield Requirement(line)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_no_folder(root, lock):
    text = (root / lock).read_text()

    assert re.findall(r"://|@ |^-|/(?:home|root|work|tmp|opt)/", text, re.MULTILINE) == []


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-runtime.lock"])
def test_a_lock_has_what_its_packages_require_on_each_python(root, lock, system, python):
    environment = {
        "sys_platform": system,
        "platform_machine": SYSTEMS[system],
        "platform_system": system.title(),
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "extra": "",
    }
    packages = {
        canonicalize_name(package.name)
        for package in locked((root / lock).read_text())
        if package.marker is None or package.marker.evaluate(environment)
    }

    missing = {
        f"{name} requires {requirement}"
        for name in packages
        # A package that is for another Python or system is not installed here.
        for requirement in map(Requirement, requires_of(name))
        if requirement.marker is None or requirement.marker.evaluate(environment)
        if canonicalize_name(requirement.name) not in packages
    }

    assert missing == set()


def requires_of(name: str) -> list[str]:
    try:
        return requires(name) or []
    except ModuleNotFoundError:
        return []


@pytest.fixture(scope="session")
def sdist(root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    return Path(next(iter(SdistBuilder(str(root)).build(directory=str(folder)))))


def test_the_source_distribution_has_the_code_and_the_pages_and_nothing_else(sdist):
    with tarfile.open(sdist) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames()]

    tops = {name.split("/")[0] for name in names}
    assert tops - {".gitignore", "PKG-INFO"} == {
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "README.md",
        "SECURITY.md",
        "docs",
        "examples",
        "pyproject.toml",
        "src",
    }


def test_the_description_on_a_package_index_names_files_of_the_source_distribution(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
        file = archive.extractfile(next(n for n in archive.getnames() if n.endswith("/PKG-INFO")))
        metadata = email.message_from_bytes(file.read())

    description = metadata.get_payload()
    links = re.findall(r"\]\(([^)]*)\)", description)
    paths = re.findall(r" \(`([^`]+\.md)`\)", description)

    assert metadata["Description-Content-Type"] == "text/markdown"
    assert [link for link in links if not link.startswith("https://")] == []
    assert len(paths) > 20
    assert [path for path in paths if path not in names] == []
    assert metadata.get_all("Project-URL")
