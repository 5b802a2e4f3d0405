"""The books of pace, in Lua. Times are milliseconds; every script is one step that nothing interrupts.

`calls` (sorted set) holds when each call of the last minute was counted, in the future while it is not answered:
somewhere between sending and answer Xero counts it. `flight` holds until when a call may be under way. `minute` is
what Xero's headers said: `left` calls, to a call sent `since` and answered `at`, in a window that began after `begun`
and is over by `ends`; `unseen` calls may have been counted in it that the header does not know of.

A call is granted by either of two proofs that Xero will take it, whatever the phase of Xero's window: fewer calls
than the limit were counted in the last minute; or Xero said that more are left than are in flight.

`day` (hash) holds how many calls are `used` of the day and when it `ends` at the latest: a day after our first
call, or, `sure`, when Xero's Retry-After said. `said` is what a header last left of it, `heard` then. A header that
leaves more belongs to a new day. Who finds nothing left and does not know for sure until when may ask Xero with one
call, after a pause that grows each time (`bulk` and `single` with their `gap`): Xero says when its day ends.

`learned` (hash) holds the calls of a day that Xero allows: the most that a header left in this day (`now`), in the
one `before`, and what the database knew.

`tally` (hash) counts per hour what became of everybody's calls, for two days: answered, lost, limited by which limit.
"""

PRELUDE = """
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME'); now = t[1] * 1000 + math.floor(t[2] / 1000) end
local per_minute, minute_length, per_day, day_length =
  tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local window = minute_length + ARGV[6]
local first_probe, longest_probe = 15000, 3600000
local calls, flight, minute, day, learned = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[6]
local function numbers(key, ...)
  local found, many = redis.call('HMGET', key, ...), select('#', ...)
  for place = 1, many do found[place] = tonumber(found[place]) end
  return unpack(found, 1, many)
end
local function allowed()  -- calls of a day; the most there are until Xero told
  local latest, before = numbers(learned, 'now', 'before')
  local most = math.max(latest or 0, before or 0)
  return most > 0 and math.min(per_day, most) or per_day, latest
end
local function tally(key, what)
  local hour = math.floor(now / 3600000)
  if redis.call('HINCRBY', key, hour .. '/' .. what, 1) > 1 then return end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if tonumber(field:match('^%-?%d+')) < hour - 48 then redis.call('HDEL', key, field) end
  end
end
"""

# Looks that no invoice waits for have a share of the day: `most` for all, `each` for one who asks (`payer`).
# What is left is spread until `lasts`. Where headers nearly show when Xero's minute ends, that is it: what goes later
# falls into the next one. In doubt it is the latest moment: else all would go at once, and a click wait for a minute.
ASK = """
local further
local token, at_once, deadline, kept_back, reserve, spread =
  ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[12] == '1'
local most, each, payer = tonumber(ARGV[13]), tonumber(ARGV[14]), 'looks:' .. (ARGV[15] or '')
for _, place in ipairs({5, 7}) do
  local over = numbers(KEYS[place], 'over')
  if over and over > now then return {over - now, redis.call('HGET', KEYS[place], 'limit')} end
end

redis.call('ZREMRANGEBYSCORE', flight, '-inf', now)
local in_flight = redis.call('ZCARD', flight)
if in_flight >= at_once then return {250, 'concurrent'} end

redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - window - deadline)
local left = per_minute - redis.call('ZCOUNT', calls, '(' .. (now - window), '+inf')
local before = math.max(0, kept_back - left)  -- so many must have left the last minute before there is one to give
local next = redis.call('ZRANGEBYSCORE', calls, '(' .. (now - window), '+inf', 'WITHSCORES', 'LIMIT', before, 1)[2]
local frees = next and math.min(next + window, now + window) or now + window
local lasts = frees
local said, unseen, begun, ends, last, call = numbers(minute, 'left', 'unseen', 'begun', 'ends', 'last', 'call')
if ends and now >= ends then
  begun = begun + minute_length
  said, unseen, ends = per_minute, redis.call('ZCOUNT', calls, '(' .. begun, now), nil
  redis.call('HSET', minute, 'left', said, 'unseen', unseen, 'since', now, 'at', now, 'begun', begun)
  redis.call('HDEL', minute, 'ends')
end
if said then
  frees = math.min(frees, ends or frees)
  local told = said - unseen - in_flight
  if told > left then
    left, lasts = told, ends or now + window
    local over = begun + minute_length
    if lasts - over < window / 10 + (call or 0) then lasts = over - (call or 0) end
  end
end
if left <= kept_back then return {math.max(1, frees - now), 'minute'} end

if spread and left - kept_back <= per_minute / 2 then
  local gap = (lasts - now - window / 20) / (left - kept_back)
  local wait = (last or 0) + gap - now
  if wait >= 1 then return {math.ceil(wait), 'spread'} end
end

local used, day_ends, told, sure = numbers(day, 'used', 'ends', 'said', 'sure')
if day_ends and now >= day_ends then
  redis.call('DEL', day)
  if redis.call('EXISTS', learned) == 1 then redis.call('HSET', learned, 'over', 1) end
  used, day_ends, told, sure = nil, nil, nil, nil
end
used, day_ends = used or per_day - allowed(), day_ends or now + day_length
-- `allowed` is at most `per_day`: it is read only where it may matter
if per_day - used <= math.floor(reserve * per_day) and per_day - used <= math.floor(reserve * allowed()) then
  local kind = reserve > 0 and 'bulk' or 'single'
  local probe, gap = numbers(day, kind, kind .. ' gap')
  if sure or most or told and told >= per_day then return {math.max(1000, day_ends - now), 'day'} end
  if not probe then
    probe, gap = now + first_probe, first_probe
    redis.call('HSET', day, 'used', used, 'ends', day_ends, kind, probe, kind .. ' gap', gap)
    redis.call('PEXPIRE', day, day_length)
  end
  if now < probe then return {math.max(1000, math.min(probe, day_ends) - now), 'day'} end
  gap, further = math.min(2 * gap, longest_probe), 0
  redis.call('HSET', day, kind, now + gap, kind .. ' gap', gap)
end

if most then
  local looks, mine = numbers(day, 'looks', payer)
  most, each = math.ceil(most * allowed() / per_day), math.ceil(each * allowed() / per_day)
  if (looks or 0) >= most or (mine or 0) >= each then return {math.max(1000, day_ends - now), 'previews'} end
  redis.call('HINCRBY', day, 'looks', 1); redis.call('HINCRBY', day, payer, 1)
end
redis.call('HSET', day, 'used', used + 1, 'ends', day_ends)
redis.call('PEXPIRE', day, day_length)
redis.call('ZADD', flight, now + deadline, token); redis.call('PEXPIRE', flight, deadline + window)
redis.call('ZADD', calls, now + deadline, token); redis.call('PEXPIRE', calls, 2 * deadline + 2 * window)
redis.call('HSET', minute, 'last', now); redis.call('PEXPIRE', minute, 2 * window)
further = further or left - kept_back - 1 - (spread and per_minute / 2 or 0)
return {0, '', call or false, math.max(0, math.floor(further))}
"""

DONE = """
redis.call('ZREM', flight, ARGV[7])
redis.call('ZADD', calls, 'XX', 'LT', now, ARGV[7])
"""

LOST = """
redis.call('ZADD', flight, 'XX', now + ARGV[8], ARGV[7]); redis.call('PEXPIRE', flight, ARGV[8] + window)
redis.call('ZADD', calls, 'XX', 'LT', now, ARGV[7])
tally(KEYS[8], 'lost')
"""

ABANDON = """
redis.call('ZREM', flight, ARGV[7])
if redis.call('ZREM', calls, ARGV[7]) == 1 and redis.call('HEXISTS', day, 'used') == 1 then
  redis.call('HINCRBY', day, 'used', -1)
end
"""

# Others may call for the same organisation, so within a window headers only ever lower the books. An answer to a
# call sent after we saw `left` that says as many or more comes from the next window; `unseen` are calls of ours that
# may have been counted in it since. A header that says no call was counted (a limit that is lifted) says nothing.
NOTE = """
local left, day_left, sent = tonumber(ARGV[7]), tonumber(ARGV[8]), now - ARGV[9]
tally(KEYS[8], 'answered')
local before, told = numbers(minute, 'call', 'left')
redis.call('HSET', minute, 'call', before and math.floor(0.7 * before + 0.3 * ARGV[9]) or ARGV[9])
redis.call('PEXPIRE', minute, 2 * window)
if not left and told then redis.call('HINCRBY', minute, 'unseen', 1) end
if left and left < per_minute then
  local known = redis.call('ZCOUNT', calls, '(' .. (sent - window), '+inf')
  for filler = known + 1, per_minute - left do
    redis.call('ZADD', calls, now, 'other:' .. now .. ':' .. filler)
  end
  redis.call('PEXPIRE', calls, 2 * window)
  local said, at, since, ends = numbers(minute, 'left', 'at', 'since', 'ends')
  if not said or (sent > at and left >= said) then
    local unseen = redis.call('ZCOUNT', calls, '(' .. sent, now)
    redis.call('HSET', minute, 'left', left, 'unseen', unseen, 'since', sent, 'at', now,
      'begun', since or sent - minute_length, 'ends', now + window)
  elseif left < said then
    redis.call('HSET', minute, 'left', left, 'since', sent, 'at', now)
    if sent > at then redis.call('HSET', minute, 'unseen', 0) end
  end
  if not ends then redis.call('HSET', minute, 'ends', now + window) end
  redis.call('PEXPIRE', minute, 2 * window)
end
if day_left and day_left >= per_day then
  local used, before = numbers(day, 'used', 'said')  -- once it was a whole day, `heard` decides nothing
  if used and (before or 0) < per_day then redis.call('HSET', day, 'said', day_left, 'heard', now) end
elseif day_left then
  local used, day_ends, before, heard = numbers(day, 'used', 'ends', 'said', 'heard')
  local more = before and sent > (heard or 0) and day_left > before and (before <= 5 or day_left > before + 5)
  local whole = before and before >= per_day and per_day or 0
  local anew = more or day_ends and now >= day_ends
  if anew then redis.call('DEL', day); used, day_ends, before = nil, nil, nil end
  local first = per_day - day_left + math.max(0, redis.call('ZCARD', flight) - 1)
  redis.call('HSET', day, 'used', before and math.max(used, per_day - day_left) or first,
    'ends', day_ends or now + day_length, 'said', math.min(before or day_left, day_left), 'heard', now)
  redis.call('PEXPIRE', day, day_length)
  local latest, last, over = numbers(learned, 'now', 'before', 'over')
  if anew or over then latest, last = nil, latest or last end
  redis.call('HSET', learned, 'now', math.max(latest or 0, day_left + 1, whole), 'before', last or 0)
  redis.call('HDEL', learned, 'over')
  redis.call('PEXPIRE', learned, 8 * day_length)
end
"""

# Retry-After says when the day ends, whatever our book said.
PAUSE = """
local limit, wait, key = ARGV[7], tonumber(ARGV[8]), KEYS[tonumber(ARGV[9])]
tally(KEYS[8], 'limited:' .. limit)
local over = numbers(key, 'over')
redis.call('HSET', key, 'over', math.max(over or 0, now + wait), 'limit', limit)
redis.call('PEXPIRE', key, math.max(over or 0, now + wait) - now + 1000)
if limit == 'day' then
  redis.call('HSET', day, 'used', per_day, 'ends', now + wait, 'sure', 1)
  redis.call('PEXPIRE', day, wait + 1000)
end
"""

REMEMBER = """
local latest, before = numbers(learned, 'now', 'before')
if math.max(latest or 0, before or 0) < tonumber(ARGV[7]) then redis.call('HSET', learned, 'before', ARGV[7]) end
redis.call('PEXPIRE', learned, 8 * day_length)
"""

OUTLOOK = """
local kept_back, reserve = tonumber(ARGV[7]), tonumber(ARGV[8])
local left = per_minute - redis.call('ZCOUNT', calls, '(' .. (now - window), '+inf')
local before, counted = math.max(0, -left), left
local said, unseen, call, ends = numbers(minute, 'left', 'unseen', 'call', 'ends')
if said then left = math.max(left, said - (unseen or 0) - redis.call('ZCARD', flight)) end
local used, day_ends = numbers(day, 'used', 'ends')
if day_ends and now >= day_ends then used, day_ends = nil, nil end
local most, latest = allowed()
used = used or per_day - most
local day_left = per_day - used - math.floor(reserve * most)
local over, limit = unpack(redis.call('HMGET', KEYS[5], 'over', 'limit'))
over = tonumber(over)
local next = redis.call('ZRANGEBYSCORE', calls, '(' .. (now - window), '+inf', 'WITHSCORES', 'LIMIT', before, 1)[2]
local frees = math.min(next and next + window or now, ends or now + window, now + window)
local window_left, window_ends = counted, frees
if said then  -- most likely, for an estimate: no proof that Xero takes a call
  if ends and now >= ends then said, ends = per_minute, nil end
  window_left, window_ends = said - redis.call('ZCARD', flight), ends or now + window
end
return {math.max(0, left - kept_back), math.max(0, day_left), (day_ends or now + day_length) - now, call or 300,
  math.max(0, (over or now) - now), over and limit or '', math.max(0, left), math.max(0, per_day - used),
  math.max(0, frees - now), most, latest and 1 or 0, math.max(0, window_left - kept_back),
  math.max(0, window_ends - now)}
"""
