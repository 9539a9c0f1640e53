-- The requests that wrk sends depend on the argument after "--":
--   a number      GET /api/videos/:vid, with a random id from 1 to that number
--   "paths=FILE"  GET of a random path out of that file, which has one path per line
--   "login"       a login with a wrong password
--   ""            the URL given to wrk
-- Prints the results on one line.

local threads = 0

function setup(thread)
   threads = threads + 1
   thread:set("seed", threads)
end

function init(arguments)
   local videos = tonumber(arguments[1])
   local list = string.match(arguments[1], "^paths=(.+)$")
   local tail = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\n\r\n"
   math.randomseed(seed)
   if arguments[1] == "login" then
      request = function()
         local body = string.format('{"user_name":"author %d","pwd":"not the password"}', math.random(1000))
         return wrk.format("POST", "/api/sessions", {["Content-Type"] = "application/json"}, body)
      end
   end
   if list ~= nil then
      local requests = {}
      for path in io.lines(list) do
         table.insert(requests, "GET " .. path .. tail)
      end
      request = function()
         return requests[math.random(#requests)]
      end
   end
   if videos == nil then
      return
   end
   request = function()
      return "GET /api/videos/" .. math.random(videos) .. tail
   end
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      "measured requests=%d bytes=%d us=%d mean_us=%.0f p50_us=%.0f p99_us=%.0f max_us=%.0f rejected=%d failed=%d\n",
      summary.requests, summary.bytes, summary.duration,
      latency.mean, latency:percentile(50), latency:percentile(99), latency.max,
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
