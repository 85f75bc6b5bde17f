"""A small Portkey that keeps its data in memory or in a file: the same endpoints and refusals.

What lives here: one file for each domain of `domains.py`, with its endpoints, its tables (`TABLES`)
and its example data (`seed`), and

- `core/`: routing, storage, the control API, and the seeds; knows no rule of a single domain
- `shared/`: rules that several domains follow
- `traffic/`: the month of requests behind logs and analytics
- `prompt_templates/`: how prompts are filled in and versioned

Nothing of the client belongs here: the two share `domains.py` only.
"""

from importlib import import_module
from types import ModuleType

from ..domains import DOMAINS


def domain_modules() -> list[ModuleType]:
    """The modules of all domains, in the order of domains.py."""
    return [import_module(f"{__name__}.{name}") for name in DOMAINS]
