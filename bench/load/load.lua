-- Sends each item of a file once (four bytes of length, little-endian, before each); at the end of the file it begins again.
-- Arguments: GET (items are paths) or POST (items are bodies, the path is the URL's), file, pause in ms, then headers as name value pairs.
local items = {}
local headers = {}
local at = 0
local method
local pause = 0
function init(args)
  method = args[1]
  local file = io.open(args[2], "rb")
  local whole = file:read("*a")
  file:close()
  local from = 1
  while from + 4 <= #whole do
    local a, b, c, d = whole:byte(from, from + 3)
    local length = a + b * 256 + c * 65536 + d * 16777216
    items[#items + 1] = whole:sub(from + 4, from + 3 + length)
    from = from + 4 + length
  end
  pause = tonumber(args[3])
  for i = 4, #args - 1, 2 do headers[args[i]] = args[i + 1] end
  math.randomseed(os.time())
  if pause == 0 then delay = nil end
end
function request()
  at = at % #items + 1
  if method == "GET" then return wrk.format("GET", items[at], headers) end
  return wrk.format("POST", nil, headers, items[at])
end
-- Spread evenly, or all connections would come at once.
function delay()
  return math.random(0, 2 * pause)
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('JSON {"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"p999Us":%d,"maxUs":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
