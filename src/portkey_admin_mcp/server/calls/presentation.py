"""Present a list: its summary fields, without empty ones, as JSON or as CSV.

The answer of a `get_` tool is presented with all its fields, as are rows with `fields="*"`.
"""

import csv
import io
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, Field

from ...models.core.base import ABSENT, Record
from ...models.core.vocabulary import CommaSeparated
from .result_size import Answer, Limit, compact, cut_to_fit, with_short_texts
from .visible_text import visible

MAX_TEXT_LENGTH = 200
"""Maximum length of a text in a row, in characters; the rest is replaced by its length."""
MAX_PART_LENGTH = 400
"""Characters of JSON that a list or an object inside a row may have before it is shortened."""
ALL_FIELDS = "*"
WHOLE_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z")
WHOLE_SECONDS_LENGTH = 24
CONSTANT_FIELDS = ("object",)
"""Fields with the same value in every answer of a tool, which are left out."""
LABEL_FIELDS = ("name", "email", "prompt_version")
"""The fields by which people know a record, the first that it has."""
FORMULA = re.compile(
    r"""(?! [+-]? (\d[\d.,]* | \.\d+) (e[+-]?\d+)? %? \Z   # a number
          | @ [\w-]+ (/[\w.:/@-]*)? \Z)                    # a provider, or a model of it
        '* [=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
"""Cells that a spreadsheet may evaluate, as OWASP lists their beginnings (CSV injection).

Without brackets, quotes, `|` or `!`, text after `@` calls nothing and names no other file. A cell
that looks as if it was marked already is marked once more, so that one mark is always too many.
"""
FORMULA_NOTE = (
    "Cells that begin with '=, '+, '-, '@ or the like got the first ' here, so that no "
    "spreadsheet takes them for formulas: it is not part of the value."
)


class FormatArgument(BaseModel):
    """An argument of every tool that answers with a table."""

    format: Literal["csv"] = Field(default=ABSENT)


class FieldsArgument(BaseModel):
    """An argument of every tool whose rows have summary fields."""

    fields: CommaSeparated = Field(default=ABSENT)


def presentation_arguments(returns: type[Record]) -> dict[str, Any]:
    """The fields of a tool's arguments model that say how its answer is presented."""
    groups: list[type[BaseModel]] = []
    if not returns.rows_in and returns.brief is not Record.brief:
        groups += [FieldsArgument]
    if returns.rows_in:
        groups += [FieldsArgument] if summary_fields(returns) else []
        groups += [FormatArgument]
    return {n: (f.annotation, f) for group in groups for n, f in group.model_fields.items()}


class Presented(NamedTuple):
    """An answer as a client gets it: as an object, as text, and with a note of what was cut.

    With `is_json`, the text is the answer as JSON.
    """

    answer: Answer
    text: str
    note: str
    is_json: bool = True


def present(
    record: Record,
    arguments: BaseModel,
    max_chars: int,
    *,
    is_for_code: bool = False,
    notes: Sequence[str] = (),
) -> Presented:
    """Present an answer according to the arguments `fields` and `format`, in at most `max_chars`.

    These are characters as `result_size.size` counts them.

    Notes are added to the field `notes`: some clients show no text beside the structured answer.

    With `is_for_code` and without those arguments, all fields are kept: code may need any of
    them, and fields that it does not return cost no tokens.
    """
    set_names = arguments.model_fields_set
    limit = Limit(max_chars, is_for_code, _is_paged(type(arguments)))
    is_chosen = not set_names.isdisjoint(("fields", "format"))
    answer = record.answer() if is_chosen or is_for_code else record.brief()
    chosen = chosen_fields(arguments)
    name = record.rows_in
    rows = answer.get(name) if name else None
    if not isinstance(rows, list) or not {*map(type, rows)} <= {dict}:
        if chosen and ALL_FIELDS not in chosen and not name:
            answer = _with_fields(answer, (*identity(record.summary_fields), *chosen, "notes"))
        return _as_json(_with_notes(answer, notes), limit)
    if is_for_code and not is_chosen:
        return _as_json(_with_notes(answer, notes), limit)
    lean = _lean(answer, name, rows, summary_fields(type(record)), chosen)
    lean = _with_notes(lean, notes)
    if "format" not in set_names:
        return _as_json(lean, limit)
    return _as_csv(lean, name, limit)


def chosen_fields(arguments: BaseModel) -> tuple[str, ...]:
    """The names in the argument `fields`; empty if it was not given."""
    if "fields" not in arguments.model_fields_set:
        return ()
    text: str = getattr(arguments, "fields", "")
    return tuple(name.strip() for name in text.split(",") if name.strip())


@cache
def _is_paged(arguments: type[BaseModel]) -> bool:
    """Whether a call can ask for a page of the list."""
    return "page_size" in arguments.model_fields


@cache
def summary_fields(returns: type[Record]) -> tuple[str, ...]:
    """The summary fields of the records in a list; empty if the rows are not records."""
    declared = row_type(returns)
    return declared.summary_fields if declared else ()


def identity(summary: tuple[str, ...]) -> tuple[str, ...]:
    """The summary fields that say which record it is: the identifier and the label, if it has one.

    They are shown beside any chosen fields.
    """
    label = next((name for name in LABEL_FIELDS if name in summary), "")
    return (*summary[:1], *([label] if label else []))


@cache
def row_type(returns: type[Record]) -> type[Record] | None:
    """The type of the records in a list; None if the rows are not records."""
    field = returns.model_fields.get(returns.rows_in)
    row_types = get_args(field.annotation) if field is not None else ()
    declared = row_types[0] if row_types else None
    return declared if isinstance(declared, type) and issubclass(declared, Record) else None


def _with_notes(answer: Answer, notes: Sequence[str]) -> Answer:
    """The answer with further notes, at its end, where `fencing` looks for what is our own."""
    if not notes:
        return answer
    others = {name: value for name, value in answer.items() if name != "notes"}
    return {**others, "notes": [*answer.get("notes", ()), *notes]}


def _as_json(answer: Answer, limit: Limit) -> Presented:
    text = compact(answer)
    if limit.allows(text):
        return Presented(answer, text, "")
    cut, note = cut_to_fit(answer, limit)
    return Presented(cut, compact(cut), note)


def _lean(
    answer: Answer, name: str, rows: list[Answer], summary: tuple[str, ...], chosen: tuple[str, ...]
) -> Answer:
    """The answer with only some fields of its rows.

    These are the chosen fields; if none are chosen, the summary fields, and `more_fields` names
    the others.
    """
    if ALL_FIELDS in chosen:
        return answer
    envelope = {n: value for n, value in answer.items() if n not in CONSTANT_FIELDS}
    if chosen:
        own = identity(summary)
        return {
            **envelope,
            name: [
                _with_fields(row, (*(n for n in own if row.get(n) is not None), *chosen))
                for row in rows
            ],
        }
    lean = [_summary(row, summary) for row in rows]
    more = _more_fields(rows, {*summary, *CONSTANT_FIELDS}) if summary else []
    return {**envelope, name: lean, **({"more_fields": more} if more else {})}


def _more_fields(rows: list[Answer], shown: set[str]) -> list[str]:
    """The fields that are not shown and have a value in any row."""
    others: set[str] = set().union(*rows) - shown
    return sorted([name for name in others if _has_value(rows, name)])


def _has_value(rows: list[Answer], name: str) -> bool:
    # A loop, because `any` with a generator takes twice as long if a first row has a value.
    for row in rows:  # noqa: SIM110
        if not _is_empty(row.get(name)):
            return True
    return False


def _with_fields(row: Answer, names: tuple[str, ...]) -> Answer:
    """A row with these fields, in this order and unshortened."""
    return {name: row[name] for name in dict.fromkeys(names) if name in row}


def _summary(row: Answer, summary: tuple[str, ...]) -> Answer:
    """A row with its summary fields, or all if it has none of those; long values are shortened.

    Empty values are left out.
    """
    short: Answer = {}
    for name in summary if not row.keys().isdisjoint(summary) else _all_names(row):
        value = row.get(name)
        if isinstance(value, str):
            length = len(value)
            if length == WHOLE_SECONDS_LENGTH or length > MAX_TEXT_LENGTH:
                value = _short_text(value)
            if length:
                short[name] = value
        elif isinstance(value, list | dict):
            if value:
                short[name] = _short_part(value)
        elif value is not None:
            short[name] = value
    return short


def _all_names(row: Answer) -> list[str]:
    return [name for name in row if name not in CONSTANT_FIELDS]


def _is_empty(value: Any) -> bool:
    return not value and not isinstance(value, bool | int | float)


def _short_text(text: str) -> str:
    if WHOLE_SECONDS.fullmatch(text):
        return text.replace(".000", "")
    return text if len(text) <= MAX_TEXT_LENGTH else str(with_short_texts(text, MAX_TEXT_LENGTH))


def _short_part(part: Any) -> Any:
    """A list or an object inside a row; if it stays too long, the start of its JSON."""
    short = with_short_texts(part, MAX_TEXT_LENGTH)
    return short if len(compact(short)) <= MAX_PART_LENGTH else _short_text(compact(part))


def _as_csv(answer: Answer, name: str, limit: Limit) -> Presented:
    """The rows as a table under `csv`, cut between rows if the answer would be too long."""

    def with_table(cut: Answer) -> Answer:
        table, has_marks = csv_text(cut.get(name, []))
        rest: Answer = {n: value for n, value in cut.items() if n != name}
        if has_marks:
            rest["notes"] = [*rest.get("notes", ()), FORMULA_NOTE]
        return {**rest, "csv": table}

    note, shown = "", with_table(answer)
    if not limit.allows(compact(shown)):
        cut, note = cut_to_fit(answer, limit, with_table)
        shown = with_table(cut)
    rest = {n: value for n, value in shown.items() if n != "csv"}
    texts = [visible(shown["csv"]), compact(rest) if rest else ""]
    return Presented(shown, "\n".join(filter(None, texts)), note, is_json=False)


def csv_text(rows: list[Answer]) -> tuple[str, bool]:
    """Rows as CSV with a header: one column for each field; nested fields have dotted names.

    Also whether any cell got a mark, so that no spreadsheet evaluates it as a formula.
    """
    if not rows:
        return "", False
    flat = [flat_row(row) for row in rows]
    columns = columns_of(flat)
    table: list[list[Any]] = [columns, *([row.get(name) for name in columns] for row in flat)]
    marked = [[_marked(cell) for cell in line] for line in table]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(marked)
    return out.getvalue(), marked != table


def _marked(cell: Any) -> Any:
    """A cell with `'` before it if a spreadsheet could evaluate it as a formula."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell


def columns_of(rows: list[Answer]) -> list[str]:
    """The columns of flat rows, in order.

    A field that is an object in some rows and empty in all others has only the columns of its
    parts.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    parents = {name[:at] for name in names for at, each in enumerate(name) if each == "."}
    return [
        name
        for name in names
        if name not in parents or not all(_is_empty(row.get(name)) for row in rows)
    ]


def flat_row(row: Answer, prefix: str = "") -> Answer:
    """A row with a cell for each field, those of nested objects under dotted names."""
    cells: Answer = {}
    for name, value in row.items():
        if isinstance(value, dict) and value:
            cells |= flat_row(value, f"{prefix}{name}.")
        else:
            cells[prefix + name] = _cell(value)
    return cells


def _cell(value: Any) -> Any:
    """A value as one cell: booleans as in JSON, a list of plain values separated by spaces."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        is_plain = not any(isinstance(item, list | dict) for item in value)
        return " ".join(map(str, value)) if is_plain else compact(value)
    if isinstance(value, str):
        # Python before 3.13 leaves a lone carriage return unquoted, which ends a row for readers.
        return value.replace("\r\n", "\n").replace("\r", "\n")
    return value
