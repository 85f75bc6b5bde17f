"""The page of switches is true: its examples run, and it names every class that sets a switch."""

import doctest
import inspect
import re
from pathlib import Path

import pytest

from each import for_each
from portkey_admin_mcp.models.core.base import Arguments, Patch, Record, Unsent, unsent
from portkey_admin_mcp.models.core.paging import Paging
from portkey_admin_mcp.server.mcp.definitions import all_tools

PAGE = (Path(__file__).parents[2] / "docs/switches.md").read_text(encoding="utf-8")
SECTIONS = dict(section.split("\n", 1) for section in PAGE.split("\n## ")[1:])
BASES = {Arguments, Patch, Paging, Record}
"""The classes that define the switches, rather than set them."""


def family(base):
    """All classes of the package below this one, by name."""
    all_tools()  # so that every module with models is imported
    classes, level = {}, [base]
    while level:
        level = [child for cls in level for child in cls.__subclasses__()]
        ours = [c for c in level if c.__module__.startswith("portkey_admin_mcp.")]
        classes |= {c.__name__: c for c in ours if "[" not in c.__name__ and c not in BASES}
    return classes


CLASSES = family(Arguments) | family(Record)


def own_fields(cls):
    """The fields that this very class declares."""
    own = inspect.get_annotations(cls)
    return [f for name, f in cls.model_fields.items() if name in own]


def sets(*names):
    """Whether a class has any of these in its own body."""
    return lambda cls: bool({*names} & {*vars(cls)})


def has_dotted_alias(cls):
    return any("." in (field.serialization_alias or "") for field in own_fields(cls))


SWITCHES = {
    "A dotted `serialization_alias`": has_dotted_alias,
    "`Unsent`": lambda cls: any(map(unsent, own_fields(cls))),
    "`wire`": sets("wire"),
    "`sent_in`": sets("sent_in"),
    "`is_cut_here`": sets("is_cut_here"),
    "`number_field` and `first_page`": sets("number_field", "first_page"),
    "`in_path`": sets("in_path"),
    "`selectors`": sets("selectors"),
    "`local_answer`": sets("local_answer"),
    "`read`": sets("read"),
    "`answer`": sets("answer"),
    "`brief`": sets("brief"),
    "`rows_in`": sets("rows_in"),
    "`missing_fields`": sets("missing_fields"),
    "`notes`": sets("notes"),
    "`empty_note`": sets("empty_note"),
}


def rows(section):
    """The cells of the section's table."""
    lines = re.findall(r"^\| `(.+) \|$", SECTIONS[section], re.MULTILINE)
    return [[cell.strip(" `") for cell in line.split("|")] for line in lines]


def test_there_is_a_section_for_each_switch():
    assert set(SECTIONS) == set(SWITCHES)


@for_each(SWITCHES)
def test_a_section_names_every_class_that_sets_the_switch(section):
    setting = {name for name, cls in CLASSES.items() if SWITCHES[section](cls)}

    assert {row[0] for row in rows(section)} == setting


@pytest.mark.parametrize("mark", Unsent)
def test_the_unsent_fields_are_named_with_the_reason(mark):
    on_the_page = {row[0]: row[2].split(", ") for row in rows("`Unsent`") if row[1] == mark.name}
    marked = {
        name: [
            n
            for n, field in cls.model_fields.items()
            if unsent(field) is mark and n in inspect.get_annotations(cls)
        ]
        for name, cls in CLASSES.items()
        if any(unsent(field) is mark for field in own_fields(cls))
    }

    assert {n: sorted(f) for n, f in on_the_page.items()} == {
        n: sorted(f) for n, f in marked.items()
    }


@for_each(SWITCHES)
def test_the_examples_are_true(section):
    examples = "".join(re.findall(r"```python\n(.*?)```", SECTIONS[section], re.DOTALL))
    test = doctest.DocTestParser().get_doctest(examples, dict(CLASSES), section, None, None)
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    output = []

    results = doctest.DocTestRunner(optionflags=flags).run(test, out=output.append)

    assert results.attempted
    assert not results.failed, "".join(output)
