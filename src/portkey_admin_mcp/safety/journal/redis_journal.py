"""The journal of several instances: a Redis stream, to which they append one after the other."""

from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any, cast

from redis.exceptions import RedisError

from ...errors import JournalUnavailable
from .chain import START, Fields, Line, next_line
from .journal import NEWEST

if TYPE_CHECKING:
    from redis.asyncio import Redis

LINES_PER_READ = 500
MAX_ATTEMPTS = 100
"""How often a line is written anew, because another instance has appended one meanwhile."""
APPEND = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local number, head = 0, ARGV[5]
if last then
  number = tonumber(string.match(last[1], '^%d+'))
  head = last[2][4]
end
if tonumber(ARGV[1]) ~= number + 1 or ARGV[2] ~= head then return {number, head} end
redis.call('XADD', KEYS[1], ARGV[1] .. '-0', 'text', ARGV[3], 'hash', ARGV[4])
redis.call('RPUSH', KEYS[2], ARGV[1])
return {-1, ''}
"""
"""Appends a line if it follows the last one; else answers the number and the hash of the last."""


class RedisJournal:
    """`Journal` in a Redis stream: the id of an entry is the number of its line.

    A line is as safe as Redis keeps it: `appendonly yes` and `appendfsync always` for an fsync of
    each. Nothing is encrypted, as secrets are masked. `client` is closed with the journal.
    """

    def __init__(self, client: "Redis", prefix: str) -> None:
        self._client = client
        self._stream = f"{prefix}:journal"
        self._script = client.register_script(APPEND)
        self._number, self._head = 0, START
        """The last line that is known; another instance may have appended more."""

    async def append(self, fields: Fields) -> Line:
        """See `Journal`."""
        keys = [self._stream, self._key_of(str(fields.get("change", "")))]
        for _attempt in range(MAX_ATTEMPTS):
            line = next_line(self._number + 1, fields, self._head)
            arguments: list[str | int] = [line.number, self._head, line.text, line.hash, START]
            number, head = await self._run(self._script(keys, arguments))
            if number < 0:
                self._number, self._head = line.number, line.hash
                return line
            self._number, self._head = number, head.decode()
        raise JournalUnavailable(
            "the change journal in Redis is written by too many instances at once; try again"
        )

    async def lines(self) -> AsyncIterator[Line]:
        """See `Journal`."""
        number = 0
        while page := await self._range(number + 1, NEWEST, LINES_PER_READ):
            for line in page:
                yield line
            number = page[-1].number

    async def latest(self, limit: int, before: int = NEWEST) -> list[Line]:
        """See `Journal`."""
        reading = self._client.xrevrange(self._stream, f"({before}-0", "-", count=limit)
        return [_line(*entry) for entry in await self._run(reading)]

    async def of_change(self, change: str) -> list[Line]:
        """See `Journal`."""
        reading = cast("Awaitable[Any]", self._client.lrange(self._key_of(change), 0, -1))
        numbers = [int(number) for number in await self._run(reading)]
        return [line for number in numbers for line in await self._range(number, number, 1)]

    async def close(self) -> None:
        """See `Journal`."""
        await self._client.aclose()

    async def _range(self, first: int, last: int, limit: int) -> list[Line]:
        reading = self._client.xrange(self._stream, f"{first}-0", f"{last}-0", count=limit)
        return [_line(*entry) for entry in await self._run(reading)]

    def _key_of(self, change: str) -> str:
        return f"{self._stream}:{change}"

    async def _run(self, command: Awaitable[Any]) -> Any:
        try:
            return await command
        except (RedisError, OSError, TimeoutError) as error:
            raise JournalUnavailable(
                f"the change journal in Redis cannot be used ({type(error).__name__}); start "
                "Redis, or correct MCP_REDIS_URL"
            ) from error


def _line(id: bytes, entry: dict[bytes, bytes]) -> Line:
    return Line(int(id.partition(b"-")[0]), entry[b"text"].decode(), entry[b"hash"].decode())
