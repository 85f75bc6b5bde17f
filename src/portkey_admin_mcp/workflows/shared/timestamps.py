"""Points in time as Portkey writes them."""

from datetime import datetime


def utc_timestamp(moment: datetime, timespec: str = "milliseconds") -> str:
    """A moment in UTC as ISO 8601 with a final Z, to the millisecond unless told otherwise."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
