-- For wrk. With a number behind --, each request is for a random video whose id is at most that number;
-- without one, it is for the address that wrk was given. What was measured comes as one line.

local threads = 0

function setup(thread)
   threads = threads + 1
   thread:set("seed", threads)
end

function init(arguments)
   local videos = tonumber(arguments[1])
   if videos == nil then
      return
   end
   math.randomseed(seed)
   local tail = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\n\r\n"
   request = function()
      return "GET /api/videos/" .. math.random(videos) .. tail
   end
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      "measured requests=%d bytes=%d us=%d mean_us=%.0f p50_us=%.0f p99_us=%.0f worst_us=%.0f refused=%d broken=%d\n",
      summary.requests, summary.bytes, summary.duration,
      latency.mean, latency:percentile(50), latency:percentile(99), latency.max,
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
