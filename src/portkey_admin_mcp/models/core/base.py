"""The two kinds of model: what a caller gives, and what Portkey returns."""

import logging
from typing import Any, ClassVar, Final, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, model_validator

log = logging.getLogger(__name__)


class Absent:
    """The type of `ABSENT`: falsy, and never sent."""

    def __bool__(self) -> bool:
        """Read as false, so that `if draft.name` works."""
        return False

    def __repr__(self) -> str:
        """Show what it is in a signature."""
        return "ABSENT"


ABSENT: Final[Any] = Absent()
"""The default of an argument that may be left out but not be null.

An argument typed `X | None` may be null, which clears it; one typed `X` with this default
may only be left out. So a schema offers null exactly where null means something.
"""


class Arguments(BaseModel):
    """A group of tool arguments. The server spreads its fields into the tool's own schema.

    Only the fields a caller gave are sent, so null clears and absence keeps. A field goes to
    the wire under its `serialization_alias`, in which a dot nests: `"defaults.config_id"`.
    A field with `exclude=True` is accepted for compatibility and never sent.
    """

    # NaN stays NaN, so that it is refused where it is sent, rather than sent as null.
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    sent_in: ClassVar[Literal["query", "body", "nowhere"] | None] = None
    """Where the group is sent; None leaves it to the verb: GET and DELETE query, else body."""
    in_path: ClassVar[tuple[str, ...]] = ()
    """Fields that fill a placeholder of the path, for rules that hold between them and others."""

    def wire(self) -> dict[str, Any]:
        """Return what to send: the fields that were given, under Portkey's names, nested."""
        dumped = self.model_dump(mode="json", exclude_unset=True)
        nested: dict[str, Any] = {}
        for name, value in dumped.items():
            if name in self.in_path:
                continue
            field = type(self).model_fields[name]
            *parents, last = (field.serialization_alias or name).split(".")
            place = nested
            for parent in parents:
                place = place.setdefault(parent, {})
            place[last] = _wired(getattr(self, name), value)
        return nested

    def given(self, *names: str) -> list[str]:
        """Name those of these fields that the caller gave."""
        return [name for name in names if name in self.model_fields_set]


class Patch(Arguments):
    """What may change of something; an update of nothing is not sent."""

    selectors: ClassVar[tuple[str, ...]] = ()
    """Fields that say where the thing is, and change nothing of it."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        changes = [
            name
            for name, field in type(self).model_fields.items()
            if not field.exclude and name not in self.selectors
        ]
        if not self.given(*changes):
            raise ValueError(f"give something to change: {', '.join(changes)}")
        return self


def _wired(value: Any, dumped: Any) -> Any:
    """What to send of a field: groups inside it have rules of their own."""
    if isinstance(value, Arguments):
        return value.wire()
    if isinstance(value, list):
        return [_wired(item, plain) for item, plain in zip(value, dumped, strict=True)]
    return dumped


class Record(BaseModel):
    """Something Portkey returned, or something a workflow has to say.

    Nothing Portkey says is lost: unknown fields are kept, none is required, and an answer of
    another shape is carried raw, with a warning in the log.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    rows_in: ClassVar[str] = ""
    """The field that holds its rows, where it is a table."""
    summary_fields: ClassVar[tuple[str, ...]] = ()
    """As a row: what one needs to choose among such rows, the identifier first. Empty: all."""

    _raw: dict[str, Any] | None = PrivateAttr(None)

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Make a record of a decoded answer, whatever its shape."""
        body = raw if isinstance(raw, dict) else {"data": raw}
        try:
            record = cls.model_validate(body)
        except ValidationError as error:
            places = sorted(
                {".".join(map(str, e["loc"])) for e in error.errors(include_input=False)}
            )
            log.warning("%s does not match Portkey's answer at %s", cls.__name__, ", ".join(places))
            fields = {name: value for name, value in body.items() if not name.startswith("_")}
            record = cast(Self, cls.model_construct(**fields))
        record._raw = body
        return record

    def answer(self) -> dict[str, Any]:
        """Return what a caller is shown: Portkey's own words, untouched, where there are any."""
        return self.model_dump(mode="json") if self._raw is None else self._raw


class Done(Record):
    """Portkey's empty answer to a write that succeeded."""

    success: bool = True

    def answer(self) -> dict[str, Any]:
        """Say that it worked, since Portkey's own `{}` does not."""
        return {"success": True, **super().answer()}


def unwrapped(raw: Any) -> Any:
    """The object inside a `{success, data: {…}}` envelope, or what was given.

    Portkey's configs and virtual keys answer in either form (docs and clients disagree).
    """
    inner = raw.get("data") if isinstance(raw, dict) else None
    return inner if isinstance(inner, dict) else raw
