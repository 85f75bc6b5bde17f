"""Where a secret goes that Portkey shows once: into the answer, or somewhere else.

The fields are declared by the record (`secret_fields`), the tools by `returns_secret`.
"""

import re
from typing import Any, NamedTuple, Protocol

from ..models.core.base import Record
from ..portkey.catalog import Tool
from ..portkey.masking import MASK

ENVELOPE = "data"
"""The field in which some deployments of Portkey put the object that they answer with."""
QUERY = re.compile(r"(?<=://)([^\s?#\"'<>]+)\?[^\s\"'<>]+")


class NewSecret(NamedTuple):
    """The secret fields of an answer, and the tool that answered."""

    tool: str
    fields: dict[str, Any]

    @property
    def names(self) -> str:
        """The names of the fields, for a note."""
        return ", ".join(f"`{name}`" for name in self.fields)


class Delivery(NamedTuple):
    """What an answer says of a delivered secret.

    `is_in_answer` says whether its fields stay in the answer; `fields` are added to it.
    """

    note: str
    is_in_answer: bool = False
    fields: dict[str, str] = {}


class SecretSink(Protocol):
    """A place for secrets."""

    def prepare(self) -> None:
        """Called before a request whose answer holds a secret.

        Raises ConfigurationError if the secret could not be delivered: it would be lost.
        """
        ...

    async def deliver(self, secret: NewSecret) -> Delivery:
        """Put a secret into its place."""
        ...


class ResultSink:
    """Leaves secrets in the answer, and marks them."""

    def prepare(self) -> None:
        """See `SecretSink`."""

    async def deliver(self, secret: NewSecret) -> Delivery:
        """See `SecretSink`."""
        note = f"{secret.names} is secret, and shown only here: let the user store it now."
        return Delivery(note, is_in_answer=True)


class MaskSink:
    """Shows secrets to nobody."""

    def prepare(self) -> None:
        """See `SecretSink`."""

    async def deliver(self, secret: NewSecret) -> Delivery:
        """See `SecretSink`."""
        return Delivery(
            f"{secret.names} is shown to nobody, because PORTKEY_SECRET_SINK is mask. With another "
            "setting it can be rotated, which gives a new one."
        )


async def deliver(sink: SecretSink, tool: Tool, record: Record) -> Record:
    """Deliver the secrets in the answer of a tool with `returns_secret`.

    The result is the answer as a caller may see it, with a note.

    A field that is empty, or that Portkey has masked itself, holds no secret.
    """
    answer = record.answer()
    inner = answer.get(ENVELOPE)
    owner = inner if isinstance(inner, dict) else answer
    names = [name for name in type(record).secret_fields if _holds_secret(owner.get(name))]
    fields = {name: owner[name] for name in names}
    if not fields:
        return record
    delivery = await sink.deliver(NewSecret(tool.name, fields))
    if not delivery.is_in_answer:
        hidden = {**owner, **dict.fromkeys(fields, MASK)}
        answer = {**answer, ENVELOPE: hidden} if owner is inner else hidden
    return type(record).read({**answer, **delivery.fields}).with_notes(delivery.note)


def without_link(sink: SecretSink, tool: Tool, text: str) -> str:
    """The text of a failure without the signature of a link, unless secrets go into the answer."""
    is_open = not tool.returns_secret or isinstance(sink, ResultSink)
    return text if is_open else QUERY.sub(rf"\1?{MASK}", text)


def _holds_secret(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and MASK not in value
    children = value.values() if isinstance(value, dict) else value
    return any(map(_holds_secret, children)) if isinstance(value, dict | list) else False
