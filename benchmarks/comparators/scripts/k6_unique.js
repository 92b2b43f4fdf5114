// A body of its own for every request, and the decision checked in every answer.
import http from 'k6/http';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';

const rate = Number(__ENV.BENCH_RATE || 0);
const users = Number(__ENV.BENCH_CONNECTIONS);
const duration = __ENV.BENCH_DURATION;
const wrong = new Counter('wrong');

export const options = {
  summaryTrendStats: ['p(50)', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)'],
  scenarios: {
    load: rate
      ? {
          executor: 'constant-arrival-rate', rate, timeUnit: '1s', duration,
          preAllocatedVUs: users, maxVUs: Number(__ENV.BENCH_MAX_USERS), gracefulStop: '30s',
        }
      : { executor: 'constant-vus', vus: users, duration, gracefulStop: '5s' },
  },
};

const parameters = { headers: { 'Content-Type': 'application/json' } };

export default function () {
  const number = String(exec.scenario.iterationInTest).padStart(12, '0');
  const user = String(Math.floor(Math.random() * 1e6)).padStart(8, '0');
  const merchant = String(Math.floor(Math.random() * 1e6)).padStart(6, '0');
  const amount = Math.exp(3.5 + Math.random()).toFixed(2).padStart(9, '0');
  const body = `{"transaction_id":"t-${number}","user_id":"u-${user}","merchant_id":"m-${merchant}",`
    + `"amount":${amount},"currency":"EUR","country":"DE","city":"Berlin","lat":52.52,`
    + '"lon":13.40,"mcc":"5411","channel":"card_present","device_id":"d-99812","ip":"91.12.33.4",'
    + '"timestamp":"2026-11-23T12:00:00.000Z"}';
  const answer = http.post(__ENV.BENCH_URL, body, parameters);
  if (answer.status !== 200 || answer.json('decision') !== 'APPROVE') wrong.add(1);
}

export function handleSummary(data) {
  const values = (name) => (data.metrics[name] ? data.metrics[name].values : {});
  const line = {
    requests: values('http_reqs').count || 0,
    wrong: values('wrong').count || 0,
    dropped: values('dropped_iterations').count || 0,
    users: values('vus_max').max || users,
    percentiles: values('http_req_duration'),
  };
  return { stdout: `\nBENCH ${JSON.stringify(line)}\n` };
}
