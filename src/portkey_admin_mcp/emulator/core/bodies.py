"""The bodies of requests, and how their fields are checked."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Body(BaseModel):
    """A request body: known fields are checked, unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers_are_integers(cls, value: Any) -> Any:
        """Read `5.0` as 5: JSON has one type of number."""
        if not isinstance(value, dict):
            return value
        return {name: _as_integer(each) for name, each in value.items()}


def _as_integer(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_integer(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class StrictBody(Body):
    """A part of a request body in which unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)
