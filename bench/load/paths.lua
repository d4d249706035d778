-- GETs the paths of a file, one a line, each once; at the end of the file it begins again.
-- Arguments: file, pause in ms, then headers as name value pairs.
local paths = {}
local headers = {}
local at = 0
local pause = 0
function init(args)
  for line in io.lines(args[1]) do paths[#paths + 1] = line end
  pause = tonumber(args[2])
  for i = 3, #args - 1, 2 do headers[args[i]] = args[i + 1] end
  math.randomseed(os.time())
  if pause == 0 then delay = nil end
end
function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at], headers)
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
