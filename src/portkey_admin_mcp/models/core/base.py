"""The two kinds of model: the arguments of a request, and the record of an answer."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, model_validator
from pydantic.fields import FieldInfo

log = logging.getLogger(__name__)


class Absent:
    """The type of `ABSENT`: falsy, and never sent."""

    def __bool__(self) -> bool:
        """False, so that `if draft.name` works."""
        return False

    def __repr__(self) -> str:
        """Its name, as signatures show it."""
        return "ABSENT"


ABSENT: Final[Any] = Absent()
"""The default of an argument that may be left out but not be null.

An argument typed `X | None` may be null, which clears it; one typed `X` with this default
may only be left out. So a schema allows null only if null has a meaning.
"""


class Unsent(Enum):
    """Why an argument is not sent under its own name; a mark in the `Annotated` type of a field."""

    IGNORED = "ignored"
    """Portkey has no such field. It is accepted for compatibility, and the model is told."""
    LOCAL = "local"
    """This client acts on it, as on `dry_run`."""
    FOLDED = "folded"
    """`wire` or the workflow sends its value within another field."""


def unsent(field: FieldInfo) -> Unsent | None:
    """Why a field is not sent under its own name; None if it is sent."""
    return next((mark for mark in field.metadata if isinstance(mark, Unsent)), None)


class Arguments(BaseModel):
    """A group of tool arguments. The server spreads its fields into the tool's own schema.

    Only the fields a caller gave are sent, so null clears and absence keeps. A field is sent
    under its `serialization_alias`, in which a dot nests: `"defaults.config_id"`. A field that
    is marked as `Unsent` is not sent under its own name.
    """

    # NaN stays NaN, so that it is refused when it is sent, rather than sent as null.
    # A validator is built when it is first used (`defer_build`): a call needs those of one tool.
    model_config = ConfigDict(
        extra="forbid", frozen=True, ser_json_inf_nan="constants", defer_build=True
    )

    sent_in: ClassVar[Literal["query", "body", "nowhere"] | None] = None
    """Where the group is sent; None leaves it to the verb: GET and DELETE query, else body."""
    in_path: ClassVar[tuple[str, ...]] = ()
    """Fields that fill a placeholder of the path; in a group if a rule relates them to others."""

    def wire(self) -> dict[str, Any]:
        """The object to send: the fields that the caller gave, under Portkey's names, nested."""
        if not self.model_fields_set:
            return {}
        dumped = self.model_dump(mode="json", exclude_unset=True)
        body: dict[str, Any] = {}
        for name, value in dumped.items():
            field = type(self).model_fields[name]
            if name in self.in_path or unsent(field):
                continue
            *parents, last = (field.serialization_alias or name).split(".")
            parent = body
            for key in parents:
                parent = parent.setdefault(key, {})
            parent[last] = _wire_value(getattr(self, name), value)
        return body

    def local_answer(self) -> dict[str, Any] | None:
        """The answer to a call that needs no request, such as a dry run; None to send one."""
        return None

    def notes(self) -> list[str]:
        """What of these arguments is sent, and probably has no effect: sentences for the model."""
        return []

    def given(self, *names: str) -> list[str]:
        """Those of these fields that the caller gave."""
        return [name for name in names if name in self.model_fields_set]


class Patch(Arguments):
    """The fields that an update may change; an update without any of them is refused."""

    selectors: ClassVar[tuple[str, ...]] = ()
    """Fields that say where the object is, and change nothing of it."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        changes = [
            name
            for name, field in type(self).model_fields.items()
            if unsent(field) in (None, Unsent.FOLDED) and name not in self.selectors
        ]
        if not self.given(*changes):
            raise ValueError(f"give something to change: {', '.join(changes)}")
        return self


def _wire_value(value: Any, dumped: Any) -> Any:
    """A field's value as it is sent: a group inside it is sent by its own `wire`."""
    if isinstance(value, Arguments):
        return value.wire()
    if isinstance(value, list):
        return [_wire_value(item, plain) for item, plain in zip(value, dumped, strict=True)]
    return dumped


RAW_ATTRIBUTES = frozenset(
    [
        "answer",
        "brief",
        "at",
        "with_notes",
        "rows_in",
        "summary_fields",
        "missing_fields",
        "_raw",
        "__pydantic_private__",
        "__class__",
    ]
)
"""The attributes of a record that are read without validating Portkey's answer."""
FIELD_STATE = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__")
"""The attributes in which pydantic holds the fields of a model."""


class Record(BaseModel):
    """An answer of Portkey, or of a workflow.

    Nothing of Portkey's answer is lost: unknown fields are kept, no field is required, and an
    answer of another shape is kept as it came, with a warning in the log.

    Portkey's answer is validated when a field is first read, because most answers are only shown.
    """

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    rows_in: ClassVar[str] = ""
    """The field that holds the rows, if this record is a table."""
    summary_fields: ClassVar[tuple[str, ...]] = ()
    """The fields shown of a row in a list, the identifier first; empty for all of them."""
    missing_fields: ClassVar[Mapping[str, str]] = {}
    """Fields that a row of a list seldom or never has, and where they are found, in words."""
    secret_fields: ClassVar[tuple[str, ...]] = ()
    """The fields that hold a secret in the answer of a tool with `returns_secret`."""
    hidden_fields: ClassVar[tuple[str, ...]] = ()
    """Fields, at any depth, whose texts may be secrets that Portkey does not mask."""

    _raw: dict[str, Any] | None = PrivateAttr(None)

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Make a record of a decoded answer of any shape."""
        return cls._of(raw if isinstance(raw, dict) else {"data": raw})

    @classmethod
    def _of(cls, body: dict[str, Any]) -> Self:
        """A record of an object; at log level debug it is validated at once."""
        record = cls.__new__(cls)
        object.__setattr__(record, "__pydantic_private__", {"_raw": body})
        if log.isEnabledFor(logging.DEBUG):
            _validate(record, body)
        return record

    def with_notes(self, *notes: str) -> Self:
        """The same answer with sentences for the model added to its field `notes`."""
        if not notes:
            return self
        answer = self.answer()
        return type(self).read({**answer, "notes": [*answer.get("notes", ()), *notes]})

    def answer(self) -> dict[str, Any]:
        """Return what a caller is shown: Portkey's answer unchanged, if this came from Portkey."""
        # Not `self._raw`, which pydantic looks up in four steps; this is called for every answer.
        private = object.__getattribute__(self, "__pydantic_private__")
        raw: dict[str, Any] | None = private["_raw"]
        return self.model_dump(mode="json") if raw is None else raw

    def brief(self) -> dict[str, Any]:
        """Return the answer without what is long and seldom wanted; by default all of it.

        It is shown unless a caller asks for fields or for a table. A class that shortens says in
        the answer how the rest is asked for.
        """
        return self.answer()

    if not TYPE_CHECKING:  # a type checker would then allow any attribute

        def __getattribute__(self, name: str) -> Any:
            """Validate the answer before a field is read, or anything that contains the fields."""
            if name not in RAW_ATTRIBUTES and (body := _unvalidated_body(self)) is not None:
                _validate(self, body)
            # Not `super()`, which takes as long again; no base of a record has its own.
            return object.__getattribute__(self, name)


def _unvalidated_body(record: Record) -> dict[str, Any] | None:
    """Portkey's answer in a record, if it was not validated yet; else None."""
    get = object.__getattribute__
    try:
        get(record, "__pydantic_fields_set__")
    except AttributeError:
        # Unlike `read`, pydantic sets the private attributes after the fields.
        with suppress(AttributeError):
            body: dict[str, Any] = get(record, "__pydantic_private__")["_raw"]
            return body
    return None


def _validate(record: Record, body: dict[str, Any]) -> None:
    """Set the fields of a record; if the answer does not match them, as they came."""
    cls = type(record)
    try:
        cls.__pydantic_validator__.validate_python(body, self_instance=record)
    except ValidationError as error:
        paths = {".".join(map(str, e["loc"])) for e in error.errors(include_input=False)}
        log.warning(
            "%s does not match Portkey's answer at %s", cls.__name__, ", ".join(sorted(paths))
        )
        fields = {name: value for name, value in body.items() if not name.startswith("_")}
        unchecked = cls.model_construct(**fields)
        for name in FIELD_STATE:
            object.__setattr__(record, name, getattr(unchecked, name))
    # Validation has set the private attributes to their defaults.
    object.__setattr__(record, "__pydantic_private__", {"_raw": body})


class Done(Record):
    """Portkey's empty answer to a write that succeeded."""

    success: bool = True

    def answer(self) -> dict[str, Any]:
        """Add `success: true`, since Portkey answers `{}`."""
        return {"success": True, **super().answer()}


def unwrapped(raw: Any) -> Any:
    """The object inside a `{success, data: {…}}` envelope; without one, the answer itself.

    Portkey answers in either form for configs and virtual keys (docs and clients disagree).
    """
    inner = raw.get("data") if isinstance(raw, dict) else None
    return inner if isinstance(inner, dict) else raw
