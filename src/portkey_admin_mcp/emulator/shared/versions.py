"""Versions of an object: numbered from 1, and one of them published."""

from typing import Any

from ..core.answers import Refusal
from ..core.routing import Call
from ..core.rows import Row
from ..core.tables import OnDelete, Reference, Table


class Versions:
    """The versions of one kind of object, in their own table."""

    def __init__(self, table: str, parent_table: str) -> None:
        self.table = table
        self.declaration = Table(
            table, (Reference("parent_id", parent_table, OnDelete.DELETE),), is_part=True
        )
        """For `TABLES` of the domain: versions are deleted with the object they belong to."""

    def add(self, call: Call, parent: Row, content: dict[str, Any], *, publish: bool) -> Row:
        """Add a version, with the next number; the first is always published."""
        versions = call.table(self.table).where(parent_id=parent["id"])
        number = 1 + (versions[-1]["number"] if len(versions) else 0)
        row = {
            "id": call.store.uuid(),
            "parent_id": parent["id"],
            "number": number,
            "published": False,
            "created_at": call.store.stamp(),
            "content": content,
        }
        call.table(self.table).add(row)
        return self.publish(call, parent, number) if publish or number == 1 else row

    def all(self, call: Call, parent: Row) -> list[Row]:
        """Every version, newest first."""
        return list(reversed(call.table(self.table).where(parent_id=parent["id"])))

    def find(self, call: Call, parent: Row, name: Any) -> Row | None:
        """The version with this number or id; None if there is none."""
        table = call.table(self.table)
        version = table.get(name)
        if version is not None and version["parent_id"] == parent["id"]:
            return version
        number = int(name) if str(name).isdecimal() and len(str(name)) < 10 else None
        return next(iter(table.where(parent_id=parent["id"], number=number)), None)

    def named(self, call: Call, parent: Row, name: str) -> Row | None:
        """The version with this number or id, or `latest`, or `default`: the published one."""
        if name == "latest":
            return self.latest(call, parent)
        if name == "default":
            return self.published(call, parent)
        return self.find(call, parent, name)

    def published(self, call: Call, parent: Row) -> Row:
        """The published version."""
        return call.table(self.table).where(parent_id=parent["id"], published=True)[0]

    def latest(self, call: Call, parent: Row) -> Row:
        """The newest version."""
        return call.table(self.table).where(parent_id=parent["id"])[-1]

    def publish(self, call: Call, parent: Row, number: Any) -> Row:
        """Publish the version with this number or id; refused with 404 if there is none."""
        version = self.find(call, parent, number)
        if version is None:
            raise Refusal(404, "Version not found")
        table = call.table(self.table)
        for row in table.where(parent_id=parent["id"], published=True):
            table.change(row, {"published": False})
        return table.change(version, {"published": True})
