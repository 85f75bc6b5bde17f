"""Mustache templates: text with variables, sections and partials."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from pystache import Renderer, parser
from pystache.parser import ParsingError

from ..core.answers import Refusal

SIGNS = ("#", "^", "/", ">", "&", "!", "{")
KINDS = {"": "variables", "&": "variables", "#": "sections", "^": "sections", ">": "partials"}


def _tag_pattern(delimiters: Sequence[str]) -> re.Pattern[str]:
    """Pystache's pattern of a tag, which takes time in proportion to the length of a text.

    Pystache's own goes back and forth in a long run of blanks: 40 KB take seconds. Here a run is
    tried at its beginning only, and what was matched is never given back (`++`, `*+`).
    """
    opening, closing = map(re.escape, delimiters)
    new_delimiters, raw_name, name = (
        _words_before(end) for end in (rf"=\s*+{closing}", rf"\}}\s*+{closing}", closing)
    )
    return re.compile(
        rf"(?P<whitespace>(?<![ \t])[ \t]*+){opening}\s*+"
        rf"(?:(?P<change>=)\s*+(?P<delims>{new_delimiters})\s*+="
        rf"|(?P<raw>\{{)\s*+(?P<raw_name>{raw_name})\s*+\}}"
        rf"|(?P<tag>[!>&/#^]?)\s*+(?P<tag_key>{name}))"
        rf"\s*+{closing}"
    )


def _words_before(end: str) -> str:
    """The pattern of words with blanks between them, or of nothing, up to the first `end`."""
    word = rf"(?:(?!{end})\S)++"
    return rf"(?:{word}(?:\s++{word})*+)?+"


parser._compile_template_re = _tag_pattern


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
    if "{{" not in template:
        return template
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
    signs = [sign for sign, _name in _tags(template)]
    if signs.count("#") + signs.count("^") > signs.count("/"):
        raise Refusal(400, "Invalid template: a section is not closed")


def components(template: str) -> dict[str, list[str]]:
    """The names of variables, partials and sections in a template, each once, in order.

    Those before the first tag that is not closed.
    """
    names: dict[str, dict[str, None]] = {"variables": {}, "partials": {}, "sections": {}}
    with suppress(Refusal):
        for sign, name in _tags(template):
            if sign in KINDS and name:
                names[KINDS[sign]].setdefault(name)
    return {kind: list(names) for kind, names in names.items()}


def _tags(template: str) -> Iterator[tuple[str, str]]:
    """The tags of a template, each as its sign (empty for a variable) and its name.

    Refuses a tag that is not closed, as Mustache for JavaScript does. Takes time in proportion to
    the length of the template, unlike pystache for a template with such tags.
    """
    opening, closing, at = "{{", "}}", 0
    while (start := template.find(opening, at)) >= 0:
        begin = start + len(opening)
        sign = template[begin : begin + 1]
        ending = {"{": "}" + closing, "=": "=" + closing}.get(sign, closing)
        end = template.find(ending, begin + (ending != closing))
        if end < 0:
            raise Refusal(400, f"Invalid template: the tag at {start} is not closed")
        text = template[begin:end].strip()
        at = end + len(ending)
        if sign == "=":
            opening, closing = _delimiters(text.strip("= "), start)
        elif text[:1] in SIGNS:
            yield text[:1].replace("{", "&"), text[1:].strip()
        else:
            yield "", text


def _delimiters(text: str, start: int) -> tuple[str, str]:
    """The delimiters that a tag sets, such as `<% %>`."""
    names = text.split()
    if len(names) != 2:
        raise Refusal(400, f"Invalid template: the tag at {start} must name two delimiters")
    return names[0], names[1]
