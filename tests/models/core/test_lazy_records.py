"""A record validates Portkey's answer when a field is read, as if it had done so before."""

import copy
import logging
import pickle

import pytest

from each import for_each
from portkey_admin_mcp.models.configs import Config, ConfigPage
from portkey_admin_mcp.models.core import base
from portkey_admin_mcp.models.core.base import Record
from portkey_admin_mcp.models.core.paging import Paged, PagedHere

ROW = {"id": "c-1", "slug": "pc-a", "is_default": 0, "surprise": [1]}
PAGE = {"object": "list", "total": 2, "data": [ROW, {**ROW, "slug": "pc-b"}]}
WRONG = {"id": ["no", "text"], "slug": "pc-a", "_hidden": 1}


@pytest.fixture(autouse=True)
def log_level(caplog):
    caplog.set_level(logging.INFO, base.__name__)


class Outer(Record):
    """A record with a record in it, as workflows return."""

    inner: Config


USES = {
    "a field": lambda record: record.slug,
    "an unknown field": lambda record: record.surprise,
    "the fields that are set": lambda record: record.model_fields_set,
    "the unknown fields": lambda record: record.model_extra,
    "a dump": lambda record: record.model_dump(),
    "a dump as JSON": lambda record: record.model_dump_json(exclude_unset=True),
    "a dump inside another": lambda record: Outer(inner=record).answer(),
    "a dump of another that was not validated": lambda record: Outer.model_construct(
        inner=record
    ).answer(),
    "iteration": dict,
    "its text": repr,
    "a copy": copy.copy,
    "a deep copy": copy.deepcopy,
    "a copy with changes": lambda record: record.model_copy(update={"slug": "pc-z"}),
    "pickling": lambda record: pickle.loads(pickle.dumps(record)),
    "its dict": vars,
}


@for_each(USES)
def test_every_use_of_a_record_validates_it_first(name):
    use, validated = USES[name], Config.read(ROW)
    assert validated.slug == "pc-a"

    assert use(Config.read(ROW)) == use(validated)


@for_each(USES)
def test_the_answer_stays_as_it_came_whatever_is_read(name):
    record = Config.read(ROW)

    USES[name](record)

    assert record.answer() == ROW


def test_records_of_the_same_answer_are_equal_whether_validated_or_not():
    validated, other = Config.read(ROW), Config.read({**ROW, "slug": "pc-b"})
    assert (validated.slug, other.slug) == ("pc-a", "pc-b")

    assert Config.read(ROW) == Config.read(dict(ROW)) == validated == Config.read(ROW)
    assert Config.read(ROW) != other != validated
    assert Config.read(ROW) != ROW


def test_what_is_only_shown_is_not_validated(caplog):
    assert Config.read(WRONG).answer() == WRONG
    assert ConfigPage.read({"data": [WRONG]}).at(Paged()).answer()["data"] == [WRONG]
    assert caplog.messages == []


def test_an_answer_that_does_not_match_is_kept_with_one_warning_when_a_field_is_read(caplog):
    record = Config.read(WRONG)

    assert (record.id, record.slug, record.slug) == (["no", "text"], "pc-a", "pc-a")
    assert not hasattr(record, "_hidden")
    assert record.answer() == WRONG
    assert caplog.messages == ["Config does not match Portkey's answer at id"]


def test_at_level_debug_each_answer_is_validated_at_once(caplog):
    caplog.set_level(logging.DEBUG, base.__name__)

    Config.read(WRONG)

    assert caplog.messages == ["Config does not match Portkey's answer at id"]


@pytest.mark.parametrize("paging", [Paged(page_size=2), PagedHere(page_size=1, current_page=1)])
def test_the_fields_of_a_page_are_those_of_its_answer(paging):
    page = ConfigPage.read(PAGE).at(paging)

    assert page.total == page.answer()["total"] == 2
    assert [row.slug for row in page.data] == [row["slug"] for row in page.answer()["data"]]
    assert page.has_more is page.answer()["has_more"] is False


def test_a_name_that_no_record_has_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = Config.read(ROW).nothing


def test_a_record_cannot_be_changed_whether_validated_or_not():
    record = Config.read(ROW)
    for _ in range(2):
        with pytest.raises(ValueError, match="frozen"):
            record.slug = "pc-z"
        assert record.slug == "pc-a"
