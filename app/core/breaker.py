"""A circuit breaker shared by all workers: state in Valkey, time from its server, one probe at a time.

Opens on five failures in a row or when half of the last 20 calls in the window failed; stays open 30 s. Where Valkey
does not answer the breaker lets calls through: losing it must not stop sending, only its protection.
"""

import sys
from functools import cache
from typing import Any

from redis.exceptions import RedisError

from app.core import queue

_OPEN_MS = 30_000
ANY = sys.maxsize

_ALLOW = """
local now = redis.call('TIME'); local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local open_until = tonumber(redis.call('HGET', KEYS[1], 'open_until') or '0')
if open_until == 0 then return 1 end
if ms < open_until then return 0 end
local probe = tonumber(redis.call('HGET', KEYS[1], 'probe_until') or '0')
if ms < probe then return 0 end
redis.call('HSET', KEYS[1], 'probe_until', ms + 100000)
return 2
"""

_RECORD = """
local now = redis.call('TIME'); local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local good, bad = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('PEXPIRE', KEYS[1], 3600000)
if good > 0 and bad == 0 then
  if redis.call('HGET', KEYS[1], 'open_until') then redis.call('DEL', KEYS[1]); return 2 end
  redis.call('HSET', KEYS[1], 'row', 0)
  redis.call('HINCRBY', KEYS[1], 'good', good)
else
  redis.call('HINCRBY', KEYS[1], 'row', bad)
  redis.call('HINCRBY', KEYS[1], 'bad', bad)
  redis.call('HINCRBY', KEYS[1], 'good', good)
end
local row = tonumber(redis.call('HGET', KEYS[1], 'row') or '0')
local g = tonumber(redis.call('HGET', KEYS[1], 'good') or '0')
local b = tonumber(redis.call('HGET', KEYS[1], 'bad') or '0')
if (good == 0 and row >= 5) or (g + b >= 20 and b * 2 >= g + b) then
  redis.call('HSET', KEYS[1], 'open_until', ms + tonumber(ARGV[3]), 'row', 0, 'good', 0, 'bad', 0)
  return 0
end
if g + b >= 20 then redis.call('HSET', KEYS[1], 'good', 0, 'bad', 0) end
return 1
"""


@cache
def _scripts(redis_url: str) -> tuple[Any, Any]:
    redis = queue.connection(redis_url)
    return redis.register_script(_ALLOW), redis.register_script(_RECORD)


def room(redis_url: str, name: str) -> int:
    """How many calls to `name` may go out now: none, any number, or one: the probe, for one caller, after the open time."""
    try:
        answer = _scripts(redis_url)[0](keys=[f"breaker:{name}"])
    except RedisError:
        return ANY
    return {0: 0, 2: 1}.get(int(answer), ANY)


def record(redis_url: str, name: str, good: int, bad: int) -> str:
    """Count the outcomes of a batch of calls; "opened", "closed" or "" when nothing changed."""
    try:
        answer = _scripts(redis_url)[1](keys=[f"breaker:{name}"], args=[good, bad, _OPEN_MS])
    except RedisError:
        return ""
    return {0: "opened", 2: "closed"}.get(int(answer), "")
