"""What each table declares: references, and what a deletion does to the rows of other tables."""

import re
from pathlib import Path

import pytest

from each import for_each
from portkey_admin_mcp.emulator import domain_modules
from portkey_admin_mcp.emulator.core import tables
from portkey_admin_mcp.emulator.core.store import Store, frozen_time
from portkey_admin_mcp.emulator.core.tables import (
    OnDelete,
    Reference,
    Table,
    all_tables,
    effects_of_deleting,
)

DOCS = Path(__file__).parents[3] / "docs" / "emulator.md"
FIELDS = {"_shares", "_allowed_workspaces", "_workspaces", "ids"}
"""The fields in which a row names workspaces without belonging to one."""


@pytest.fixture
def declared(monkeypatch):
    """Replace the emulator's tables by others for one test, and return an empty store."""

    def with_tables(*others):
        by_name = {table.name: table for table in others}
        tables.references_to.cache_clear()
        monkeypatch.setattr(tables, "all_tables", lambda: by_name)
        monkeypatch.setattr("portkey_admin_mcp.emulator.core.store.all_tables", lambda: by_name)
        return Store(frozen_time)

    yield with_tables
    tables.references_to.cache_clear()


def test_the_documentation_lists_what_deleting_a_workspace_does_to_each_table():
    section = (
        DOCS.read_text().partition("## What deleting a workspace does")[2].partition("\n## ")[0]
    )
    listed = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE))

    assert listed == effects_of_deleting("workspaces")


def test_every_table_that_is_used_is_declared(emulator):
    assert {*emulator.store.table_names()} <= {*all_tables()}


def test_a_table_whose_rows_name_workspaces_says_what_a_deletion_does_to_them(emulator):
    effects = effects_of_deleting("workspaces")
    # An invitation keeps the workspaces it names: accepting it skips those that are deleted.
    for name in {*emulator.store.table_names()} - {"invites"}:
        fields = {field for row in emulator.store.table(name).rows() for field in row}
        if fields & {*FIELDS, "workspace_id"}:
            assert effects[name] != "kept", name


@for_each(all_tables().values(), lambda table: table.name)
def test_every_reference_is_to_a_table_that_exists(table):
    for reference in table.references:
        assert reference.table in all_tables()
        assert bool(reference.reason) == (reference.on_delete is OnDelete.REFUSE)


def test_a_name_that_two_domains_declare_is_refused(monkeypatch):
    first, second, *_others = [each for each in domain_modules() if hasattr(each, "TABLES")]
    monkeypatch.setattr(first, "TABLES", second.TABLES)

    with pytest.raises(ValueError, match=r"two domains declare the table \w+"):
        all_tables.__wrapped__()


def test_a_deletion_also_deletes_the_rows_that_refer_to_deleted_rows(declared):
    store = declared(
        Table("shelves"),
        Table("books", (Reference("shelf_id", "shelves", OnDelete.DELETE),)),
        Table("pages", (Reference("book_id", "books", OnDelete.DELETE),), is_part=True),
    )
    shelf, other = ({"id": each, "slug": each} for each in "ab")
    for each in (shelf, other):
        store.table("shelves").add(each)
        store.table("books").add({"id": f"book-{each['id']}", "shelf_id": each["id"]})
        store.table("pages").add({"id": f"p-{each['id']}", "book_id": f"book-{each['id']}"})

    store.delete("shelves", shelf)

    remaining = [
        row["id"] for name in ("shelves", "books", "pages") for row in store.table(name).rows()
    ]
    assert remaining == ["b", "book-b", "p-b"]
    assert store.was_deleted("shelves", "a")
    assert store.was_deleted("books", "book-a")
    assert not store.was_deleted("pages", "p-a")


def test_clearing_a_reference_keeps_all_other_names(declared):
    store = declared(
        Table("shelves"),
        Table(
            "readers",
            (
                Reference("likes", "shelves", OnDelete.CLEAR),
                Reference("visits", "shelves", OnDelete.CLEAR),
            ),
        ),
    )
    for each in "ab":
        store.table("shelves").add({"id": each})
    reader = {"id": "r", "likes": ["a", "b"], "visits": {"a": 1, "b": 2}}
    store.table("readers").add(reader)
    store.table("readers").add({"id": "s", "likes": ["b"]})

    store.delete("shelves", store.table("shelves")["a"])

    assert [*store.table("readers").rows()] == [
        {"id": "r", "likes": ["b"], "visits": {"b": 2}},
        {"id": "s", "likes": ["b"]},
    ]
    assert reader["likes"] == ["a", "b"]


@pytest.mark.parametrize(
    ("field", "row"),
    [
        ("shelf", {"shelf": "a"}),
        ("at.shelf", {"at": {"shelf": "the-slug"}}),
        ("at.shelf", {"at": [{"shelf": "z"}, {"shelf": "a"}]}),
    ],
)
def test_a_row_cannot_be_deleted_while_another_refers_to_it(declared, field, row):
    store = declared(
        Table("shelves"),
        Table("books", (Reference(field, "shelves", OnDelete.REFUSE, "{count} book(s)"),)),
    )
    shelf = store.table("shelves").add({"id": "a", "slug": "the-slug"})
    assert store.reason_to_refuse("shelves", shelf) is None
    for name in "xy":
        store.table("books").add({"id": name, **row})
    store.table("books").add({"id": "z", "at": None})

    assert store.reason_to_refuse("shelves", shelf) == "2 book(s)"
