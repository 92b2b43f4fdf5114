"""The bottleneck that a run proves. A suspicion is not a finding.

Something is *the limit* only when the run shows strain (errors, missing throughput, transactions
waiting for a connection, or answers much slower than the target's own work) and one part is
measured to be full. Without strain nothing was the limit, whatever its load; with strain and
nothing full, the report says that no bottleneck was proven.
"""

from __future__ import annotations

from squall.models import AgentMetrics, Finding, Severity, SystemMetrics, TestResults
from squall.results.analysis.loaded import cpu_share, loaded_seconds, loaded_usage
from squall.results.figures import milliseconds, percent

FULL_CPU = 0.85
"""Share of the available cores from which a process tree counts as full."""
FULL_AGENT = 0.9
"""Share of its processes' time from which an agent counts as full."""
WAIT_SHARE = 0.05
"""Share of transactions waiting for a connection from which the pool is strained."""
FULL_POOL = 0.95
"""Share of the connections in flight from which the pool counts as full."""
_WORDS = {"target": "the target", "generator": "the generator", "host": "the whole machine"}


def bottlenecks(results: TestResults) -> list[Finding]:
    """The proven bottleneck, or the statement that there is none; never empty."""
    if results.generator.limited:
        return [_generator(results)]
    signs = strain(results)
    if not signs:
        return [_unstrained(results)]
    found = [
        finding
        for finding in (_agent(results, signs), _target_cpu(results, signs), _host(results, signs))
        if finding is not None
    ][:1]
    pool = _pool(results, signs, target_full=bool(found))
    if pool is not None:
        found.append(pool)
    return found or [_unproven(results, signs)]


def strain(results: TestResults) -> list[str]:
    """Signs that something was at its limit, each with its figure; empty when there are none."""
    signs = []
    accounting, latency = results.accounting, results.latency_ms
    if results.error_rate is not None and results.error_rate > 0.001:
        signs.append(f"{percent(results.error_rate, 2)} errors")
    due = accounting.planned - accounting.rejected_expected
    if due and accounting.accepted < 0.99 * due:
        signs.append(f"only {percent(accounting.accepted / due)} of the load was accepted")
    if results.generator.pool_wait_share > WAIT_SHARE:
        signs.append(
            f"{percent(results.generator.pool_wait_share, 0)} of transactions waited for a "
            "connection"
        )
    response, service = latency.response.p95, latency.service.p95
    if response and service and response > 2 * service and response - service > 10:
        signs.append(
            f"P95 {milliseconds(response)} from the intended send, {milliseconds(service)} of it "
            "service"
        )
    return signs


def _generator(results: TestResults) -> Finding:
    generator = results.generator
    evidence = [generator.limit_reason or "the generator reported itself as the limit"]
    if generator.own_late_share:
        evidence.append(f"{percent(generator.own_late_share)} of sends late with a connection idle")
    if generator.busiest_worker_cpu is not None:
        evidence.append(f"busiest worker used {percent(generator.busiest_worker_cpu, 0)} of a core")
    if generator.calibrated_tps is not None:
        evidence.append(
            f"calibrated for {generator.calibrated_tps:,.0f} TPS, asked for "
            f"{results.throughput.planned_peak_tps:,.0f}"
        )
    return Finding(
        kind="generator",
        severity=Severity.CRITICAL,
        component="load generator",
        title="The load generator was the limit",
        evidence="; ".join(evidence),
        impact="The run says nothing about the target: its latencies are partly the generator's.",
        recommendation="Lower the rate, add workers or cores, or give the generator a machine of "
        "its own; `squall doctor` says what this one can drive.",
    )


def _unstrained(results: TestResults) -> Finding:
    looked = _measured(results)
    return Finding(
        kind="note",
        severity=Severity.INFO,
        component="system",
        title="No bottleneck was reached",
        evidence="No errors, missing throughput or queueing to speak of"
        + (f"; {looked}" if looked else ""),
        impact="The highest rate of this system is above the rate of this run.",
        recommendation="`squall limit` finds that rate.",
    )


def _unproven(results: TestResults, signs: list[str]) -> Finding:
    looked = _measured(results)
    return Finding(
        kind="note",
        severity=Severity.WARNING,
        component="system",
        title="No bottleneck was proven",
        evidence=f"The run was strained ({'; '.join(signs)}), but nothing that was measured was "
        "full" + (f": {looked}" if looked else ""),
        recommendation="Measure more of the target: its process (for CPU), its agents' figures, "
        "and the services behind it.",
    )


def _measured(results: TestResults) -> str:
    parts = []
    for source in ("target", "generator", "host"):
        usage = loaded_usage(results, source)
        if usage is not None:
            parts.append(f"{_WORDS[source]} used {_cores(usage)} near peak load")
    busiest = _busiest(results)
    if busiest is not None:
        parts.append(f"busiest agent {busiest.name} {percent(busiest.load, 0)} busy")
    return "; ".join(parts)


def _cores(usage: SystemMetrics) -> str:
    return f"{usage.cpu_cores:.2f} of {usage.cores_available} cores"


def _busiest(results: TestResults) -> AgentMetrics | None:
    loads = [agent for agent in results.agents if agent.load is not None]
    return max(loads, key=lambda agent: agent.load or 0.0, default=None)


def _parallel(results: TestResults) -> int:
    """How many agents' works can run at once: the target's processes, within its cores."""
    usage = results.resources.get("target")
    return max(1, min(usage.processes, usage.cores_available)) if usage else 1


def _agent(results: TestResults, signs: list[str]) -> Finding | None:
    agent = _busiest(results)
    if agent is None or agent.load is None:
        return None
    share = agent.load / _parallel(results)
    if share < FULL_AGENT:
        return None
    kind = "stage" if agent.is_stage else "agent"
    evidence = f"busy {percent(share, 0)} of its time, more than any other part"
    if agent.service_us_mean is not None:
        evidence += f"; {agent.service_us_mean:,.0f} µs for each transaction"
    return Finding(
        kind="bottleneck",
        severity=Severity.WARNING,
        component=agent.name,
        title=f"The {kind} {agent.name} was the limit",
        evidence=f"{evidence}; {'; '.join(signs)}",
        impact="No other part can raise the rate while this one is full.",
        recommendation=f"Make {agent.name} cheaper for each transaction, or give it more processes "
        "or cores.",
    )


def _target_cpu(results: TestResults, signs: list[str]) -> Finding | None:
    usage = loaded_usage(results, "target")
    if usage is None or cpu_share(usage) < FULL_CPU:
        return None
    return Finding(
        kind="bottleneck",
        severity=Severity.WARNING,
        component="target CPU",
        title="The target's processors were the limit",
        evidence=f"used {_cores(usage)} near peak load; {'; '.join(signs)}",
        impact="A higher rate makes answers slower, not more numerous.",
        recommendation="Give the target more cores or instances" + _dearest_part(results),
    )


def _host(results: TestResults, signs: list[str]) -> Finding | None:
    host, target = loaded_usage(results, "host"), loaded_usage(results, "target")
    if host is None or target is None or cpu_share(host) < FULL_CPU + 0.05:
        return None
    mostly_target = target.cpu_cores >= 0.5 * host.cpu_cores
    return Finding(
        kind="bottleneck",
        severity=Severity.WARNING,
        component="target CPU" if mostly_target else "machine CPU",
        title="The machine's processors were the limit, and "
        + ("the target" if mostly_target else "other programs than the target")
        + " used most of them",
        evidence=f"machine {_cores(host)}, of them the target {target.cpu_cores:.2f}; "
        f"{'; '.join(signs)}",
        impact="Target and generator compete: on a machine of its own the target may do better.",
        recommendation="Run the generator elsewhere, or give the machine more cores"
        + _dearest_part(results),
    )


def _dearest_part(results: TestResults) -> str:
    """The part that costs most compute for each transaction, where that is known."""
    total = sum(agent.load or 0.0 for agent in results.agents)
    busiest = _busiest(results)
    if busiest is None or not busiest.load or len(results.agents) < 2:
        return "."
    return (
        f"; within it, start with {busiest.name}: {percent(busiest.load / total, 0)} of the time "
        "that its parts report."
    )


def _pool(results: TestResults, signs: list[str], target_full: bool) -> Finding | None:
    """Connections as the limit, by Little's law: rate ≤ connections ÷ mean service time."""
    generator, service = results.generator, results.latency_ms.service
    loaded = loaded_seconds(results)
    if generator.pool_wait_share <= WAIT_SHARE or not service.mean or not loaded:
        return None
    full = sum(s.in_flight >= FULL_POOL * generator.connections for s in loaded)
    if full < len(loaded) / 2 or target_full:
        return None
    ceiling_tps = generator.connections / (service.mean / 1000)
    needed_tps = results.throughput.planned_peak_tps
    if ceiling_tps > 1.1 * needed_tps:
        return None
    advice = max(generator.connections + 1, round(1.5 * needed_tps * service.mean / 1000))
    return Finding(
        kind="bottleneck",
        severity=Severity.WARNING,
        component="connection pool",
        title="The generator's connections were the limit",
        evidence=f"{generator.connections} connections at {service.mean:,.1f} ms each carry at "
        f"most {ceiling_tps:,.0f} TPS, the plan needed {needed_tps:,.0f}; all were in use in "
        f"{full} of the {len(loaded)} busiest seconds; {'; '.join(signs)}",
        impact="Transactions waited before they were sent, while the target had time.",
        recommendation=f"Raise client.connections in the scenario to about {advice:,}; if service "
        "time then rises, the target is the limit.",
    )
