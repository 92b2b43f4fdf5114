-- One body for all requests, answers not looked at.
dofile(os.getenv("BENCH_SCRIPTS") .. "/wrk_report.lua")
wrk.method = "POST"
wrk.path = "/tx"
wrk.headers["Content-Type"] = "application/json"
wrk.body = os.getenv("BENCH_BODY")
