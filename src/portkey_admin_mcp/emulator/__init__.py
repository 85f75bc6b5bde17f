"""A small Portkey that keeps its data in memory or in a file: the same endpoints and refusals.

What lives here: one file for each domain of `domains.py`, with its endpoints, its example data
(`seed`), and its tables with what a deletion does to them (`TABLES`). Besides these:

- `core/`: routing, storage, deletion, the control API, and the seeds; no rule of a single domain
- `shared/`: rules that several domains follow
- `traffic/`: the month of requests behind logs and analytics
- `prompt_templates/`: fills in prompts and keeps their versions

No code of the client of Portkey belongs here: the emulator and the client share `domains.py` only.
"""

from importlib import import_module
from types import ModuleType

from ..domains import DOMAINS


def domain_modules() -> list[ModuleType]:
    """The modules of all domains, in the order of domains.py."""
    return [import_module(f"{__name__}.{name}") for name in DOMAINS]
