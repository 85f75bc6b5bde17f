"""How a list is shown: the fields one needs to choose, no empty ones, as JSON or as CSV.

What `get_` tools answer is shown whole. So are rows asked for with `fields="*"`.
"""

import csv
import io
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from ...models.core.base import ABSENT, Record
from ...models.core.vocabulary import CommaSeparated
from .result_size import Answer, compact, fitted, with_short_texts

LONGEST_TEXT = 200
"""Characters shown of a long text in a row; its length is said."""
LONGEST_PART = 400
"""Characters of JSON that a list or an object inside a row may have before it is shortened."""
ALL = "*"
WHOLE_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z")
ENVELOPE = ("object",)
"""Fields that say nothing a caller does not know."""


class FormatArgument(BaseModel):
    """What every tool that answers with a table takes besides its own arguments."""

    format: Literal["csv"] = Field(ABSENT)


class FieldsArgument(BaseModel):
    """What a tool takes besides, if its rows are shown in short."""

    fields: CommaSeparated = Field(ABSENT)


def presentation_arguments(returns: type[Record]) -> dict[str, Any]:
    """The fields that a tool's arguments model gets for how its answer is shown."""
    groups: list[type[BaseModel]] = []
    if returns.rows_in:
        groups += [FieldsArgument] if summary_fields(returns) else []
        groups += [FormatArgument]
    return {n: (f.annotation, f) for group in groups for n, f in group.model_fields.items()}


@dataclass(frozen=True)
class Shown:
    """An answer as a client gets it: structured, as text, and a note of what was cut.

    `is_json` says that the text is the answer, as JSON.
    """

    answer: Answer
    text: str
    note: str
    is_json: bool = True


def shown(record: Record, asked: BaseModel, most_chars: int, *, is_for_code: bool = False) -> Shown:
    """Show an answer as its caller asked (`fields`, `format`), in at most `most_chars`.

    Code pays nothing for what it does not read, and relies on what is there: unless it asks for
    something else, it gets everything.
    """
    answer = record.answer()
    rows = answer.get(record.rows_in) if record.rows_in else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return _as_json(answer, most_chars)
    given = asked.model_fields_set
    if is_for_code and not given & {"fields", "format"}:
        return _as_json(answer, most_chars)
    text: str = getattr(asked, "fields", "") if "fields" in given else ""
    wanted = tuple(name.strip() for name in text.split(",") if name.strip())
    lean = _lean(answer, record.rows_in, rows, summary_fields(type(record)), wanted)
    if "format" not in given:
        return _as_json(lean, most_chars)
    return _as_csv(lean, record.rows_in, most_chars)


@cache
def summary_fields(returns: type[Record]) -> tuple[str, ...]:
    """The summary fields of the records in a list."""
    field = returns.model_fields.get(returns.rows_in)
    kinds = get_args(field.annotation) if field is not None else ()
    kind = kinds[0] if kinds and isinstance(kinds[0], type) else None
    is_record = kind is not None and issubclass(kind, Record)
    return kind.summary_fields if is_record else ()  # type: ignore[union-attr]  # is_record


def _as_json(answer: Answer, most_chars: int) -> Shown:
    text = compact(answer)
    if len(text) <= most_chars:
        return Shown(answer, text, "")
    kept, note = fitted(answer, most_chars)
    return Shown(kept, compact(kept), note)


def _lean(
    answer: Answer, name: str, rows: list[Answer], usual: tuple[str, ...], wanted: tuple[str, ...]
) -> Answer:
    """The answer with its rows in short, and the names of what else they hold."""
    if ALL in wanted:
        return answer
    around = {n: value for n, value in answer.items() if n not in ENVELOPE}
    if wanted:
        return {**around, name: [_chosen(row, usual[:1], wanted) for row in rows]}
    lean = [_short(row, usual) for row in rows]
    more = _more_fields(rows, {*usual, *ENVELOPE}) if usual else []
    return {**around, name: lean, **({"more_fields": more} if more else {})}


def _more_fields(rows: list[Answer], known: set[str]) -> list[str]:
    """The fields besides the known ones in which any row holds something."""
    others = {name for row in rows for name in row} - known
    return sorted(n for n in others if any(not _is_empty(row.get(n)) for row in rows))


def _chosen(row: Answer, identifier: tuple[str, ...], wanted: tuple[str, ...]) -> Answer:
    """A row with the fields that were asked for, whole, and what says which row it is."""
    names = dict.fromkeys((*identifier, *wanted))
    return {name: row[name] for name in names if name in row}


def _short(row: Answer, usual: tuple[str, ...]) -> Answer:
    """A row with its usual fields, where it has any of them, without empty or long values."""
    names = [name for name in usual if name in row] or [n for n in row if n not in ENVELOPE]
    return {name: _shortened(row[name]) for name in names if not _is_empty(row[name])}


def _is_empty(value: Any) -> bool:
    return not value and not isinstance(value, bool | int | float)


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        if value.endswith(".000Z") and WHOLE_SECONDS.fullmatch(value):
            return value.replace(".000", "")
        if len(value) <= LONGEST_TEXT:
            return value
    elif not isinstance(value, list | dict):
        return value
    short = with_short_texts(value, LONGEST_TEXT)
    if isinstance(short, list | dict) and len(compact(short)) > LONGEST_PART:
        return with_short_texts(compact(value), LONGEST_TEXT)
    return short


def _as_csv(answer: Answer, name: str, most_chars: int) -> Shown:
    """The rows as a table under `csv`, cut between rows where it would be too long."""
    rest = {n: value for n, value in answer.items() if n != name}

    def written(cut: Answer) -> str:
        return csv_text(cut.get(name, []))

    kept, note = fitted(answer, most_chars - len(compact(rest)), written)
    rest |= {"has_more": kept["has_more"]} if "has_more" in kept else {}
    table = csv_text(kept.get(name, []))
    texts = [text for text in (table, compact(rest) if rest else "") if text]
    return Shown({**rest, "csv": table}, "\n".join(texts), note, is_json=False)


def csv_text(rows: list[Answer]) -> str:
    """Rows as CSV with a header: a column for each field of any row, dots for objects inside."""
    if not rows:
        return ""
    flat = [_flat(row) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue()


def _flat(row: Answer, prefix: str = "") -> Answer:
    cells: Answer = {}
    for name, value in row.items():
        if isinstance(value, dict) and value:
            cells |= _flat(value, f"{prefix}{name}.")
        else:
            cells[prefix + name] = _cell(value)
    return cells


def _cell(value: Any) -> Any:
    """A value as one cell: JSON's words for truth, and a list of plain values with spaces."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        is_plain = not any(isinstance(item, list | dict) for item in value)
        return " ".join(map(str, value)) if is_plain else compact(value)
    if isinstance(value, str):
        # Python before 3.13 leaves a lone carriage return unquoted, which ends a row for readers.
        return value.replace("\r\n", "\n").replace("\r", "\n")
    return value
