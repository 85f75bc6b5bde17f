"""The store of several instances: Redis, in which each method is one command or one script.

Nothing here is secret: previews are masked, and nonces are used up. Every key expires, except that
of the freeze: a freeze must not end by itself.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from .store import APPROVED_S, MAX_LISTED, MAX_PENDING, Approval, Decision, Freeze, failures_of

FLOATS = ("created_at", "expires_at", "settled_at")
THAWED = b"thawed"
"""What is kept in the place of a freeze that was ended. Without it, the freeze was lost."""

NAMES = """
local base, now = KEYS[1], tonumber(ARGV[1])
local function approval(id) return base .. 'approval:' .. id end
local function of_call(call, binding) return base .. 'call:' .. redis.sha1hex(call .. ' ' .. binding) end
local function of_requester(name) return base .. 'open:' .. redis.sha1hex(name) end
local everybody = base .. 'open'
local function get(id, field) return redis.call('HGET', approval(id), field) end
local function is_alive(id) return now < tonumber(get(id, 'expires_at') or '0') end
local function close(id, requester)
  redis.call('ZREM', everybody, id)
  redis.call('ZREM', of_requester(requester), id)
end
"""  # noqa: E501
"""The names of keys. All have the same hash tag, so that they are in one slot of a cluster."""

REQUEST = f"""{NAMES}
local id, call, binding, requester = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local expires_at, ttl_ms, max = ARGV[6], ARGV[7], tonumber(ARGV[8])
local same = redis.call('GET', of_call(call, binding))
if same and is_alive(same) and get(same, 'state') ~= 'used' then
  return redis.call('HGETALL', approval(same))
end
redis.call('HSET', approval(id), unpack(ARGV, 9))
redis.call('PEXPIRE', approval(id), ttl_ms)
redis.call('SET', of_call(call, binding), id, 'PX', ttl_ms)
local mine = of_requester(requester)
for _, list in ipairs({{everybody, mine}}) do
  redis.call('ZREMRANGEBYSCORE', list, '-inf', ARGV[1])
  redis.call('ZADD', list, expires_at, id)
  redis.call('PEXPIRE', list, ttl_ms)
end
for _, oldest in ipairs(redis.call('ZRANGE', mine, 0, -1 - max)) do
  close(oldest, requester)
  redis.call('DEL', approval(oldest))
end
return redis.call('HGETALL', approval(id))
"""
LIST = f"""{NAMES}
local approvals = {{}}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', everybody, '(' .. ARGV[1], '+inf', 'LIMIT', 0, ARGV[2])) do
  table.insert(approvals, redis.call('HGETALL', approval(id)))
end
return approvals
"""  # noqa: E501
SETTLE = f"""{NAMES}
local id, decision, by, why, expires_at, ttl_ms = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if get(id, 'state') ~= 'pending' or not is_alive(id) then return {{}} end
redis.call('HSET', approval(id), 'state', decision, 'settled_by', by, 'settled_at', ARGV[1],
  'why', why, 'expires_at', expires_at)
redis.call('PEXPIRE', approval(id), ttl_ms)
redis.call('PEXPIRE', of_call(get(id, 'call'), get(id, 'binding')), ttl_ms)
close(id, get(id, 'requester'))
return redis.call('HGETALL', approval(id))
"""  # noqa: E501
TAKE = f"""{NAMES}
local id = redis.call('GET', of_call(ARGV[2], ARGV[3]))
if not id or not is_alive(id) then return {{}} end
local state = get(id, 'state')
if state ~= 'approved' and state ~= 'denied' then return {{}} end
local decided = redis.call('HGETALL', approval(id))
if state == 'approved' then redis.call('HSET', approval(id), 'state', 'used') end
return decided
"""
USE_ONCE = """
local used_until = redis.call('GET', KEYS[1])
if used_until and tonumber(ARGV[1]) < tonumber(used_until) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
FREEZE = f"""
local current = redis.call('GET', KEYS[1])
if current and current ~= '{THAWED.decode()}' then return current end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
"""


class RedisStore:
    """`SafetyStore` in Redis, shared by all instances; `prefix` begins the name of each key.

    `clock` returns seconds since 1970. It decides what has expired; Redis removes it by its own.
    """

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        timeout_s: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis
        self._base = f"{{{prefix}:safety}}:"
        self._timeout_s = timeout_s
        self._clock = clock
        self._request = redis.register_script(REQUEST)
        self._list = redis.register_script(LIST)
        self._settle = redis.register_script(SETTLE)
        self._take = redis.register_script(TAKE)
        self._use_once = redis.register_script(USE_ONCE)
        self._freeze = redis.register_script(FREEZE)
        self._last_freeze: Freeze | None = None

    async def request(self, approval: Approval) -> Approval:
        """See `SafetyStore`."""
        hash = [str(part) for pair in asdict(approval).items() for part in pair]
        answer = await self._run(
            self._request,
            *(approval.id, approval.call, approval.binding, approval.requester),
            *(repr(approval.expires_at), self._ttl_ms(approval.expires_at), MAX_PENDING, *hash),
        )
        return _approval(answer) or approval

    async def find(self, id: str) -> Approval | None:
        """See `SafetyStore`."""
        answer = await self._execute(self._redis.hgetall(f"{self._base}approval:{id}"))
        approval = _approval([part for pair in answer.items() for part in pair])
        return approval if approval and approval.expires_at > self._clock() else None

    async def list_open(self) -> list[Approval]:
        """See `SafetyStore`."""
        answers = await self._run(self._list, MAX_LISTED)
        return [approval for answer in answers if (approval := _approval(answer))]

    async def settle(self, id: str, decision: Decision, by: str, why: str) -> Approval | None:
        """See `SafetyStore`."""
        expires_at = self._clock() + APPROVED_S
        ttl_ms = self._ttl_ms(expires_at)
        return _approval(
            await self._run(self._settle, id, decision, by, why, repr(expires_at), ttl_ms)
        )

    async def take(self, call: str, binding: str) -> Approval | None:
        """See `SafetyStore`."""
        return _approval(await self._run(self._take, call, binding))

    async def use_once(self, nonce: str, keep_s: float) -> bool:
        """See `SafetyStore`."""
        now = self._clock()
        args: list[str | int] = [repr(now), repr(now + keep_s), int(keep_s * 1000)]
        return bool(
            await self._execute(self._use_once(keys=[f"{self._base}nonce:{nonce}"], args=args)) == 1
        )

    async def forget(self, nonce: str) -> None:
        """See `SafetyStore`."""
        await self._execute(self._redis.delete(f"{self._base}nonce:{nonce}"))

    async def freeze(self) -> Freeze | None:
        """See `SafetyStore`. A freeze that this instance has read stays, even if Redis loses it."""
        value = await self._execute(self._redis.get(f"{self._base}freeze"))
        if value is not None:
            self._last_freeze = None if value == THAWED else Freeze(**json.loads(value))
        return self._last_freeze

    async def set_freeze(self, freeze: Freeze | None) -> Freeze | None:
        """See `SafetyStore`."""
        key = f"{self._base}freeze"
        if freeze is None:
            await self._execute(self._redis.set(key, THAWED))
            self._last_freeze = None
        else:
            text = json.dumps(asdict(freeze))
            value = await self._execute(self._freeze(keys=[key], args=[text]))
            self._last_freeze = Freeze(**json.loads(value))
        return self._last_freeze

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _ttl_ms(self, expires_at: float) -> int:
        return max(1, int((expires_at - self._clock()) * 1000))

    async def _run(self, script: Any, *args: Any) -> Any:
        return await self._execute(script(keys=[self._base], args=[repr(self._clock()), *args]))

    async def _execute(self, command: Awaitable[Any]) -> Any:
        with failures_of(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                return await command


def _approval(answer: list[bytes]) -> Approval | None:
    """An approval from the fields and values of a hash; None from an empty one."""
    texts = [part.decode() for part in answer]
    values: dict[str, Any] = dict(zip(texts[::2], texts[1::2], strict=True))
    if values.keys() != {field.name for field in fields(Approval)}:
        return None
    numbers = {name: float(values[name]) for name in FLOATS}
    return Approval(**{**values, **numbers, "four_eyes": int(values["four_eyes"])})
