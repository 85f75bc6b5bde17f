"""Fail if a package of the image's lock has no wheel for a system that we support.

Without a wheel, pip compiles the package, which needs a C or Rust compiler. `make lock` runs this
after it has written the locks. It asks pip, and so whatever package index pip is set up with, which
wheel it would take on each system and Python; nothing is installed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-runtime.lock"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
GLIBC_MINORS = range(5, 29)
"""Minor versions of glibc 2; 2.28 is that of Debian 10 and RHEL 8."""

EXCEPTIONS = {
    ("cryptography", "macOS x86_64"): "pyproject.toml asks for an older version there",
}
"""Packages that may lack a wheel on a system, and why."""


class System(NamedTuple):
    """A system, as the markers of requirements and the tags of wheels name it."""

    sys_platform: str
    machine: str
    tags: tuple[str, ...]


SYSTEMS = {
    **{
        f"Linux {machine}, {libc}": System("linux", machine, tags)
        for machine in ("x86_64", "aarch64")
        for libc, tags in {
            "glibc": (
                f"manylinux2014_{machine}",
                *(f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS),
            ),
            "musl": (f"musllinux_1_1_{machine}", f"musllinux_1_2_{machine}"),
        }.items()
    },
    "macOS arm64": System("darwin", "arm64", ("macosx_14_0_arm64",)),
    "macOS x86_64": System("darwin", "x86_64", ("macosx_14_0_x86_64",)),
    "Windows x86_64": System("win32", "AMD64", ("win_amd64",)),
}


class Locked(NamedTuple):
    """One package of a lock: its requirement, with a marker if any, and its files' SHA-256."""

    requirement: Requirement
    hashes: frozenset[str]


def read_lock(text: str) -> list[Locked]:
    """The packages of a lock that pip-compile wrote."""
    blocks = re.findall(
        r"^(\w[^\\\n]*?) ?\\\n((?: +--hash=sha256:\w+ ?\\?\n)+)", text, re.MULTILINE
    )
    return [
        Locked(Requirement(requirement), frozenset(re.findall(r"sha256:(\w+)", hashes)))
        for requirement, hashes in blocks
    ]


def needed_on(packages: Iterable[Locked], system: System, python: str) -> Iterator[Locked]:
    """The packages whose marker is true on a system, with the first release of a Python."""
    environment = {
        "sys_platform": system.sys_platform,
        "platform_machine": system.machine,
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    for package in packages:
        marker = package.requirement.marker
        if marker is None or marker.evaluate(environment):
            yield package


class Answer(NamedTuple):
    """What pip found for one system and Python."""

    wheels: dict[str, str]
    """The URL of each package's wheel, by the package's normalised name."""
    missing: set[str]
    """The names of the packages without a wheel whose hash is in the lock."""


def find_wheels(packages: list[Locked], system: System, python: str) -> Answer:
    """Which wheel pip would take for each package, on a system."""
    missing: set[str] = set()
    while True:
        rest = [package for package in packages if name_of(package) not in missing]
        answer = ask_pip(rest, system, python)
        if isinstance(answer, list):
            break
        # pip stops at the first package without a wheel.
        missing.add(answer)
    hashes = frozenset[str]().union(*(package.hashes for package in rest))
    files = {canonicalize_name(item["metadata"]["name"]): item["download_info"] for item in answer}
    wheels = {name: file["url"] for name, file in files.items()}
    return Answer(
        wheels,
        missing.union(
            name
            for name, file in files.items()
            if file["archive_info"]["hashes"]["sha256"] not in hashes
        ),
    )


def name_of(package: Locked) -> str:
    """The package's normalised name."""
    return canonicalize_name(package.requirement.name)


def ask_pip(packages: list[Locked], system: System, python: str) -> list[dict[str, Any]] | str:
    """What pip would install on a system, or the name of a package that has no wheel there.

    Raises RuntimeError if pip fails for another reason.
    """
    pins = [f"{p.requirement.name}{p.requirement.specifier}" for p in packages]
    with tempfile.TemporaryDirectory() as target:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"),
                *("--quiet", "--disable-pip-version-check", "--report", "-", "--target", target),
                *("--no-deps", "--only-binary", ":all:", "--python-version", python),
                *(f"--platform={tag}" for tag in system.tags),
                *pins,
            ],
            check=False,
            capture_output=True,
            text=True,
        )
    if done.returncode == 0:
        items: list[dict[str, Any]] = json.loads(done.stdout)["install"]
        return items
    name = re.search(r"No matching distribution found for ([\w.-]+?)==", done.stderr)
    if name is None:
        raise RuntimeError(done.stderr)
    return canonicalize_name(name[1])


def find_lacking(packages: list[Locked]) -> dict[tuple[str, str], list[str]]:
    """The Python versions for which a package has no wheel, by the names of package and system."""
    environments = list(product(SYSTEMS, PYTHONS))

    def find(environment: tuple[str, str], candidates: list[Locked]) -> Answer:
        system, python = SYSTEMS[environment[0]], environment[1]
        return find_wheels(list(needed_on(candidates, system, python)), system, python)

    first = find(environments[0], packages)
    portable = {name for name, url in first.wheels.items() if url.endswith("-none-any.whl")}
    specific = [package for package in packages if name_of(package) not in portable]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rest = pool.map(lambda environment: find(environment, specific), environments[1:])
        answers = [first, *rest]
    lacking: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (system, python), answer in zip(environments, answers, strict=True):
        for name in answer.missing:
            lacking[name, system].append(python)
    return lacking


def main() -> int:
    """Print what lacks a wheel; return 1 if that is more than EXCEPTIONS allows."""
    packages = read_lock(LOCK.read_text())
    lacking = find_lacking(packages)
    for (name, system), pythons in sorted(lacking.items()):
        reason = EXCEPTIONS.get((name, system), "lock another version, or add it to EXCEPTIONS")
        print(f"{name} has no wheel for {system}, Python {', '.join(pythons)}: {reason}")
    print(f"{len(packages)} packages, {len(SYSTEMS)} systems, {len(PYTHONS)} Python versions")
    return int(not lacking.keys() <= EXCEPTIONS.keys())


if __name__ == "__main__":
    sys.exit(main())
