-- For wrk. With a number behind --, each request is for a random video whose id is at most that number; with
-- "login" it is somebody's wrong password; without either, it is for the address that wrk was given. What was
-- measured comes as one line.

local threads = 0

function setup(thread)
   threads = threads + 1
   thread:set("seed", threads)
end

function init(arguments)
   local videos = tonumber(arguments[1])
   math.randomseed(seed)
   if arguments[1] == "login" then
      request = function()
         local body = string.format('{"user_name":"author %d","pwd":"not the password"}', math.random(1000))
         return wrk.format("POST", "/api/sessions", {["Content-Type"] = "application/json"}, body)
      end
   end
   if videos == nil then
      return
   end
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
