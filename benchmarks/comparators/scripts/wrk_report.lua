-- The end of a run as one line of JSON; shared by the wrk scripts.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nBENCH {"requests":%d,"failed":%d,"p50":%d,"p90":%d,"p95":%d,"p99":%d,"p999":%d}\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(95),
    latency:percentile(99), latency:percentile(99.9)))
end
