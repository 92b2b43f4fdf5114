-- A body of its own for every request, and the decision checked in every answer.
dofile(os.getenv("BENCH_SCRIPTS") .. "/wrk_report.lua")

local count = 0
local right = 0
local headers = { ["Content-Type"] = "application/json" }
local body = '{"transaction_id":"t-%012d","user_id":"u-%08d","merchant_id":"m-%06d",'
  .. '"amount":%09.2f,"currency":"EUR","country":"DE","city":"Berlin","lat":52.52,'
  .. '"lon":13.40,"mcc":"5411","channel":"card_present","device_id":"d-99812","ip":"91.12.33.4",'
  .. '"timestamp":"2026-11-23T12:00:00.000Z"}'

function request()
  count = count + 1
  return wrk.format("POST", "/tx", headers, string.format(
    body, count, math.random(1, 1000000), math.random(1, 1000000), math.exp(3.5 + math.random())))
end

function response(status, head, answer)
  if status == 200 and answer:find('"decision":"APPROVE"', 1, true) then
    right = right + 1
  else
    io.stderr:write("wrong answer: " .. status .. "\n")
  end
end
