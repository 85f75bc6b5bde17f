"""The Python that this server runs on: how it was built, and an optimised one beside it.

An unoptimised CPython is a fifth slower. So tables name the build, and if the Python at hand is not
optimised, the comparison is made again with one that is, if this machine has one.

    python benchmarks/interpreters.py     # prints a JSON description of the Python that runs it
"""

import glob
import json
import os
import platform
import site
import subprocess
import sys
import sysconfig
import timeit
from functools import cache
from pathlib import Path
from typing import NamedTuple

PLACES = (
    *os.environ.get("PATH", "").split(os.pathsep),
    "/usr/bin",
    "/usr/local/bin",
    "/opt/*/bin",
    "~/.pyenv/versions/*/bin",
    "~/.local/share/uv/python/*/bin",
)
PROBE_TIMEOUT_S = 60
CLEARLY_FASTER = 0.9
"""The loop of an optimised build takes at most this part of the time, if its flags say nothing."""
ROWS = [{f"field {n}": n if n % 3 else f"text {n}" for n in range(10)}] * 50


class Interpreter(NamedTuple):
    """A CPython: `abi` decides whether it can import the same packages.

    `has_profile` says whether its build flags mention profile-guided optimisation, which some
    distributions leave out of them; `loop_us` is the time of a loop of pure Python.
    """

    path: str
    version: str
    abi: str
    has_profile: bool
    loop_us: float

    @property
    def text(self) -> str:
        """The version and the build, for a table."""
        flags = "with" if self.has_profile else "without"
        return (
            f"{self.version} (build flags {flags} profile-guided optimisation; "
            f"a loop of pure Python takes {self.loop_us:.0f} µs)"
        )


class _Shortener:
    def __init__(self, length: int) -> None:
        self.length = length

    def shortened(self, value: object) -> object:
        if isinstance(value, str):
            return value if len(value) <= self.length else value[: self.length]
        return value


def _loop() -> list[dict[str, object]]:
    """Work like that of a call: methods, dicts and short texts."""
    shorten = _Shortener(5).shortened
    return [{n: shorten(v) for n, v in row.items() if v is not None} for row in ROWS]


def this_interpreter() -> Interpreter:
    """The Python that runs this."""
    variables = sysconfig.get_config_vars()
    flags = " ".join(str(variables.get(name)) for name in ("CONFIG_ARGS", "PY_CFLAGS", "CFLAGS"))
    return Interpreter(
        sys.executable,
        platform.python_version(),
        str(variables.get("SOABI")),
        "--enable-optimizations" in flags or "-fprofile-use" in flags,
        min(timeit.repeat(_loop, number=100, repeat=30)) / 100 * 1e6,
    )


@cache
def described(path: str) -> Interpreter | None:
    """The interpreter at a path; None if it is too old, not a CPython, or does not run."""
    try:
        result = subprocess.run(
            [path, "-I", __file__], capture_output=True, timeout=PROBE_TIMEOUT_S, check=True
        )
        return Interpreter(*json.loads(result.stdout))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def optimised() -> Interpreter | None:
    """The fastest optimised CPython that imports the same packages; None if this one is optimised.

    None also if there is none.
    """
    this = this_interpreter()
    if this.has_profile:
        return None
    pattern = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folders = [folder for place in PLACES for folder in glob.glob(os.path.expanduser(place))]
    paths = {str(Path(folder, pattern).resolve()) for folder in folders}
    others = [other for path in sorted(paths) if (other := described(path)) is not None]
    candidates = [
        other
        for other in others
        if other.abi == this.abi
        and (other.has_profile or other.loop_us < this.loop_us * CLEARLY_FASTER)
    ]
    return min(candidates, key=lambda other: other.loop_us, default=None)


def command_on(interpreter: Interpreter, folder: Path) -> str:
    """The command of this server on another interpreter, in a new virtual environment.

    The environment has the packages of the Python that runs this.
    """
    subprocess.run([interpreter.path, "-m", "venv", "--without-pip", folder], check=True)
    packages = [str(Path(__file__).parents[1] / "src"), *site.getsitepackages()]
    (own,) = folder.glob("lib/python*/site-packages")
    # `addsitedir` also reads the .pth files of the packages.
    additions = [f"import site; site.addsitedir({path!r})\n" for path in packages]
    (own / "packages.pth").write_text("".join(additions))
    command = folder / "bin" / "portkey-admin-mcp"
    lines = [f"#!{folder}/bin/python", "from portkey_admin_mcp.__main__ import main"]
    command.write_text("\n".join([*lines, 'if __name__ == "__main__":', "    main()", ""]))
    command.chmod(0o755)
    return str(command)


if __name__ == "__main__":
    print(json.dumps(this_interpreter()))
