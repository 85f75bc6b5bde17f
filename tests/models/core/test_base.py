"""What a group of arguments sends, what it leaves out, and what counts as a change."""

from typing import Annotated, Any

import pytest

from portkey_admin_mcp.models.core.base import ABSENT, Arguments, Patch, Record, Unsent


class Limit(Arguments):
    value: int = ABSENT
    note: Annotated[str, Unsent.IGNORED] = ABSENT


class Thing(Patch):
    selectors = ("place",)

    place: str = ABSENT
    name: str | None = ABSENT
    ignored: Annotated[str, Unsent.IGNORED] = ABSENT
    local: Annotated[bool, Unsent.LOCAL] = ABSENT
    folded: Annotated[str, Unsent.FOLDED] = ABSENT
    limits: list[Limit] = ABSENT

    def wire(self) -> dict[str, Any]:
        folded = {"label": self.folded} if self.given("folded") else {}
        return {**super().wire(), **folded}


def test_only_fields_that_were_given_and_are_not_marked_are_sent():
    thing = Thing(name="A", ignored="x", local=True, limits=[{"value": 1, "note": "x"}, {}])

    assert thing.wire() == {"name": "A", "limits": [{"value": 1}, {}]}


def test_null_is_sent_and_an_absent_field_is_not():
    assert Thing(name=None).wire() == {"name": None}
    assert Limit().wire() == {}


@pytest.mark.parametrize("changed", [{"name": None}, {"folded": "x"}, {"limits": []}])
def test_whatever_is_sent_is_a_change(changed):
    assert Thing(**changed, local=True).wire()


@pytest.mark.parametrize("unchanged", [{}, {"place": "x"}, {"ignored": "x"}, {"local": True}])
def test_what_is_not_sent_is_no_change(unchanged):
    with pytest.raises(ValueError, match="give something to change: name, folded, limits"):
        Thing(**unchanged)


class Row(Record):
    name: str | None = None
    count: int | None = None


def test_an_answer_of_another_shape_is_kept_as_it_came():
    raw = {"name": "A", "count": "many", "_id": "x"}

    row = Row.read(raw)

    assert (row.name, row.count) == ("A", "many")
    assert row.answer() == raw
