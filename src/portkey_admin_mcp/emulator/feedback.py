"""Feedback: scores for the answers of a trace."""

import json
from typing import Any

from pydantic import Field, field_validator

from .core.answers import Refusal, forbidden, invalid
from .core.bodies import Body
from .core.routing import Call, route
from .core.rows import Row
from .traffic.requests import database, milliseconds, writable_database


class ScoreBody(Body):
    """A score, and its weight."""

    value: int = Field(ge=-10, le=10)
    weight: float = Field(1.0, ge=0, le=1)
    metadata: dict[str, Any] | str = {}
    """An object, or the same as JSON text (Portkey's documentation has both)."""

    @property
    def metadata_json(self) -> str:
        """The metadata as JSON text."""
        return self.metadata if isinstance(self.metadata, str) else json.dumps(self.metadata)

    @field_validator("metadata")
    @classmethod
    def _metadata_is_an_object(cls, value: dict[str, Any] | str) -> dict[str, Any] | str:
        if isinstance(value, str) and not isinstance(_decoded(value), dict):
            raise ValueError("must be an object, or the JSON text of one")
        return value


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class FeedbackBody(ScoreBody):
    """A score for a trace."""

    trace_id: str = Field(min_length=1)


@route("POST /feedback", scope="logs.write", who="workspace")
def create_feedback(call: Call) -> Row:
    """Add a score or a list of scores, each to the latest request of its trace, if there is one."""
    scores = call.body if isinstance(call.body, list) else [call.body]
    if not scores:
        raise invalid("body", "must not be empty")
    bodies = [call.shaped(FeedbackBody, score) for score in scores]
    requests = {name: _latest_request(call, name) for name in {body.trace_id for body in bodies}}
    ids = [_add(call, body, requests[body.trace_id]) for body in bodies]
    for request_id in requests.values():
        _update_scores(call, request_id)
    return _answer(ids)


@route("PUT /feedback/{id}", scope="logs.write", who="workspace")
def update_feedback(call: Call) -> Row:
    """Change a score; its trace cannot change."""
    requests = database(call.store)
    row = requests.execute(
        "select workspace_id, request_id from feedback where id = ?", (call.ids["id"],)
    ).fetchone()
    if row is None:
        raise Refusal(404, "Feedback not found")
    if row[0] != call.workspace()["id"]:
        raise forbidden()
    body = call.read(ScoreBody)
    writable_database(call.store).execute(
        "update feedback set value = ?, weight = ?, metadata = ? where id = ?",
        (body.value, body.weight, body.metadata_json, call.ids["id"]),
    )
    _update_scores(call, row[1])
    return _answer([call.ids["id"]])


def _latest_request(call: Call, trace_id: str) -> str | None:
    """The id of the latest request of a trace in the key's workspace; None if there is none."""
    row = (
        database(call.store)
        .execute(
            "select id from requests where trace_id = ? and workspace_id = ?"
            " order by created_at desc, rowid desc limit 1",
            (trace_id, call.workspace()["id"]),
        )
        .fetchone()
    )
    return row and str(row[0])


def _add(call: Call, body: FeedbackBody, request_id: str | None) -> str:
    row = (
        call.store.uuid(),
        request_id,
        call.workspace()["id"],
        body.trace_id,
        milliseconds(call.store.now()),
        body.value,
        body.weight,
        body.metadata_json,
    )
    writable_database(call.store).execute(
        "insert into feedback values (?, ?, ?, ?, ?, ?, ?, ?)", row
    )
    return row[0]


def _update_scores(call: Call, request_id: str | None) -> None:
    """Store the number and the weighted average of its scores with a request."""
    writable_database(call.store).execute(
        "update requests set (feedbacks, weighted_feedback) ="
        " (select count(*), avg(value * weight) from feedback where request_id = ?1)"
        " where id = ?1",
        (request_id,),
    )


def _answer(ids: list[str]) -> Row:
    return {"status": "success", "message": "Feedback saved", "feedback_ids": ids}
