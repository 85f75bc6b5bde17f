"""The answer to a call that is only looked at. Apart from `preview`, which reads do not import."""

from ..models.core.base import Record


class PreviewAnswer(Record):
    """What a call would do, in the place of its answer."""
