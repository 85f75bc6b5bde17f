"""How this program is started again: by a client later, or by a person in a terminal."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from .servers import PROGRAM

UV_CACHE = re.compile(r"(archive|environments|builds)-v\d+")


def launcher(*, uvx: bool = False, is_shared: bool = False, has_code: bool = False) -> list[str]:
    """The words that start this program later, from another working directory.

    uvx and `pipx run` keep an environment only for a while, so that what was started by them is
    started by them again. With `is_shared`, uvx and pipx are named without their path on this
    machine; with `has_code`, uvx installs the extra `code`, too.
    """
    place = Path(sys.prefix).parts
    if uvx or any(UV_CACHE.fullmatch(part) for part in place):
        package = ["--from", f"{PROGRAM}[code]"] if has_code else []
        return [_found("uvx", is_shared=is_shared), *package, PROGRAM]
    if "pipx" in place and "venvs" not in place:
        return [_found("pipx", is_shared=is_shared), "run", PROGRAM]
    script = Path(sys.executable).with_name(f"{PROGRAM}{'.exe' if sys.platform == 'win32' else ''}")
    installed = str(script) if script.exists() else shutil.which(PROGRAM)
    if installed:
        return [str(Path(installed).absolute())]
    return [sys.executable, "-m", PROGRAM.replace("-", "_")]


def typed_command() -> str:
    """What a person types into a terminal to start this program, quoted for its shell.

    A program is named without its path if the PATH leads to it.
    """
    program, *words = launcher(is_shared=True)
    name = Path(program).stem if sys.platform == "win32" else Path(program).name
    on_path = shutil.which(name)
    if on_path is not None and Path(on_path).absolute() == Path(program):
        program = name
    join = subprocess.list2cmdline if sys.platform == "win32" else shlex.join
    return join([program, *words])


def _found(program: str, *, is_shared: bool) -> str:
    """The path of a program, because applications have another PATH; its name in shared files."""
    path = None if is_shared else shutil.which(program)
    return str(Path(path).absolute()) if path else program
