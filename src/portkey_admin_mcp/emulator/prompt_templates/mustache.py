"""Mustache templates: text with variables, sections and partials."""

import json
import re
from collections.abc import Callable
from typing import Any

from pystache import Renderer
from pystache.parser import ParsingError

from ..core.answers import Refusal

TAG = re.compile(r"\{\{\{?\s*([#^/>&!=]?)\s*([^{}]*?)\s*\}?\}\}")
KINDS = {"": "variables", "&": "variables", "#": "sections", "^": "sections", ">": "partials"}


class _Partials:
    """Gives pystache the partials that a template includes."""

    def __init__(self, find: Callable[[str], str | None]) -> None:
        self._find = find

    def get(self, name: str) -> str | None:
        text = self._find(name)
        _check_sections(text or "")
        return text


class _Text(Renderer):
    """Writes values as Mustache for JavaScript does: nothing for null, otherwise JSON."""

    def str_coerce(self, val: Any) -> str:
        return "" if val is None else json.dumps(val, ensure_ascii=False)


def render(template: str, variables: dict[str, Any], find: Callable[[str], str | None]) -> str:
    """Fill in a template; a missing variable or partial renders as nothing (an assumption).

    Nothing is escaped: the text is for a model, not for a browser. Raises Refusal for a template
    that cannot be read, or that includes itself.
    """
    _check_sections(template)
    writer = _Text(escape=lambda text: text, partials=_Partials(find), missing_tags="ignore")
    try:
        return str(writer.render(template, variables))
    except ParsingError as error:
        raise Refusal(400, f"Invalid template: {error}") from None
    except RecursionError:
        raise Refusal(400, "Invalid template: a partial includes itself") from None


def _check_sections(template: str) -> None:
    """Refuse a section that is not closed, because pystache renders such a template as nothing."""
    signs = [sign for sign, _name in TAG.findall(template)]
    if "=" not in signs and signs.count("#") + signs.count("^") > signs.count("/"):
        raise Refusal(400, "Invalid template: a section is not closed")


def components(template: str) -> dict[str, list[str]]:
    """The names of variables, partials and sections in a template, each once, in order."""
    names: dict[str, dict[str, None]] = {"variables": {}, "partials": {}, "sections": {}}
    for sign, name in TAG.findall(template):
        if sign in KINDS and name:
            names[KINDS[sign]].setdefault(name)
    return {kind: list(names) for kind, names in names.items()}
