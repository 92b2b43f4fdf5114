import json
import resource
import sys
from pathlib import Path

import pytest
from rich.console import Console

from squall.cli.doctor import clock, command, network, software, storage
from squall.cli.doctor.check import Check, Grade, graded

GIB = 1024**3


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "sys/net/ipv4").mkdir(parents=True)
    (tmp_path / "sys/net/core").mkdir(parents=True)
    (tmp_path / "net").mkdir()
    (tmp_path / "sys/net/ipv4/ip_local_port_range").write_text("32768\t60999\n")
    (tmp_path / "sys/net/core/somaxconn").write_text("4096\n")
    (tmp_path / "net/sockstat").write_text(
        "sockets: used 20\nTCP: inuse 4 orphan 0 tw 12 alloc 9 mem 1\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("value", "grade"), [(20, Grade.GOOD), (10, Grade.GOOD), (9, Grade.WARNING), (4, Grade.PROBLEM)]
)
def test_figures_are_graded_by_their_limits(value: float, grade: Grade) -> None:
    check = graded(
        "n", value, warn_below=10, problem_below=5, found="f", advice="do this", values={}
    )
    assert check.grade is grade
    assert check.advice == ("" if grade is Grade.GOOD else "do this")


@pytest.mark.parametrize(
    ("limit", "grade"),
    [
        (64, Grade.PROBLEM),
        (256, Grade.WARNING),
        (65_536, Grade.GOOD),
        (resource.RLIM_INFINITY, Grade.GOOD),
    ],
)
def test_open_files(limit: int, grade: Grade) -> None:
    assert network.open_files(limit).grade is grade


def test_network_figures_are_read(proc: Path) -> None:
    ports, waiting, queue = (
        network.ephemeral_ports(proc),
        network.time_wait(proc),
        network.accept_queue(proc),
    )
    assert ports.values["ports"] == 28_232
    assert waiting.values["time_wait_sockets"] == 12
    assert queue.values["somaxconn"] == 4096
    assert {ports.grade, waiting.grade, queue.grade} == {Grade.GOOD}


def test_ports_held_in_time_wait_are_warned_of(proc: Path) -> None:
    (proc / "net/sockstat").write_text("TCP: inuse 4 orphan 0 tw 20000 alloc 9 mem 1\n")
    check = network.time_wait(proc)
    assert check.grade is Grade.WARNING
    assert "tcp_tw_reuse" in check.advice


def test_a_narrow_port_range_is_warned_of(proc: Path) -> None:
    (proc / "sys/net/ipv4/ip_local_port_range").write_text("60000 60999")
    assert network.ephemeral_ports(proc).grade is Grade.WARNING


def test_what_cannot_be_read_is_said_and_is_no_problem(tmp_path: Path) -> None:
    for check in (
        network.ephemeral_ports(tmp_path),
        network.time_wait(tmp_path),
        network.accept_queue(tmp_path),
    ):
        assert check.grade is Grade.WARNING
        assert "cannot be read" in check.found


@pytest.mark.parametrize(
    ("cores", "quota", "usable", "grade"),
    [
        (4, None, 4, Grade.GOOD),
        (4, "max 100000", 4, Grade.GOOD),
        (4, "150000 100000", 1.5, Grade.WARNING),
        (1, None, 1, Grade.WARNING),
    ],
)
def test_cores_and_their_quota(
    tmp_path: Path, cores: int, quota: str | None, usable: float, grade: Grade
) -> None:
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(quota)
    check = clock.cores(cores, file)
    assert check.grade is grade
    assert (f"{usable:g}" in check.found) or usable == cores


@pytest.mark.parametrize(
    ("name", "cost", "grade"),
    [("tsc", 40, Grade.GOOD), ("hpet", 40, Grade.WARNING), ("kvm-clock", 2_000, Grade.WARNING)],
)
def test_clock_sources(tmp_path: Path, name: str, cost: float, grade: Grade) -> None:
    file = tmp_path / "current_clocksource"
    file.write_text(name + "\n")
    assert clock.clock_source(file, cost).grade is grade


def test_a_clock_without_a_name_is_measured_all_the_same(tmp_path: Path) -> None:
    check = clock.clock_source(tmp_path / "none")
    cost = check.values["reading_ns"]
    assert isinstance(cost, float)
    assert cost > 0


class FakeTime:
    """A clock that advances by what is slept and a fixed lateness, or by a pattern of readings."""

    def __init__(self, late_us: float = 0, steps_ns: tuple[int, ...] = (10_000,)) -> None:
        self.now = 0
        self.late_ns = int(late_us * 1_000)
        self.steps = steps_ns
        self.reads = 0

    def clock_ns(self) -> int:
        self.now += self.steps[self.reads % len(self.steps)]
        self.reads += 1
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1e9) + self.late_ns


@pytest.mark.parametrize(("late_us", "grade"), [(60, Grade.GOOD), (4_000, Grade.WARNING)])
def test_timer_lateness(late_us: float, grade: Grade) -> None:
    fake = FakeTime(late_us)
    jitter = clock.measure_jitter(1.0, fake.clock_ns, fake.sleep)
    assert jitter.p50_us == pytest.approx(late_us + 10)
    assert clock.punctuality(jitter).grade is grade


def test_lost_time_is_what_long_gaps_add_up_to() -> None:
    undisturbed = FakeTime(steps_ns=(1_000,))
    assert clock.lost_share(0.01, undisturbed.clock_ns) == 0
    disturbed = FakeTime(steps_ns=(*(1_000,) * 999, 1_001_000))
    assert clock.lost_share(0.1, disturbed.clock_ns) == pytest.approx(0.5, abs=0.02)


def test_stolen_time_is_read_from_two_texts() -> None:
    before = "cpu  100 0 100 700 0 0 0 0 0 0\ncpu0 1 2 3\n"
    after = "cpu  150 0 150 740 0 0 0 60 0 0\n"
    assert clock.stolen_share(before, after) == pytest.approx(60 / 200)
    assert clock.stolen_share("", after) is None
    assert clock.stolen_share(before, before) is None


@pytest.mark.parametrize(
    ("stolen", "lost", "grade"),
    [
        (0.0, 0.001, Grade.GOOD),
        (None, 0.001, Grade.GOOD),
        (0.1, 0.0, Grade.WARNING),
        (0.0, 0.2, Grade.WARNING),
    ],
)
def test_noise(stolen: float | None, lost: float, grade: Grade) -> None:
    assert clock.quiet(stolen, lost).grade is grade


@pytest.mark.parametrize(
    ("free", "grade"),
    [(8 * GIB, Grade.GOOD), (GIB, Grade.WARNING), (GIB // 10, Grade.PROBLEM)],
)
def test_memory(tmp_path: Path, free: int, grade: Grade) -> None:
    assert storage.memory(free, tmp_path / "none", tmp_path / "none").grade is grade


def test_a_containers_memory_limit_counts(tmp_path: Path) -> None:
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    limit.write_text(f"{GIB}\n")
    used.write_text(f"{GIB // 2}\n")
    assert storage.memory(8 * GIB, limit, used).values["available_bytes"] == GIB // 2
    limit.write_text("max\n")
    assert storage.memory(8 * GIB, limit, used).values["available_bytes"] == 8 * GIB


def test_disk_is_that_of_the_nearest_directory(tmp_path: Path) -> None:
    check = storage.disk(tmp_path / "not" / "yet", free=5 * GIB)
    assert check.grade is Grade.GOOD
    assert check.values["directory"] == str(tmp_path)
    assert storage.disk(tmp_path, free=0).grade is Grade.PROBLEM


def test_a_place_to_write(tmp_path: Path) -> None:
    assert storage.writable("results", tmp_path / "new").grade is Grade.GOOD
    assert list(tmp_path.iterdir()) == []
    assert storage.writable("results", Path("/proc/self")).grade is Grade.PROBLEM


@pytest.mark.parametrize(
    ("store", "directory"),
    [
        ("sqlite:////home/me/results.db", Path("/home/me")),
        ("sqlite:///here/results.db", Path("here")),
        ("results.db", Path()),
        ("postgresql://me@there/results", None),
    ],
)
def test_the_directory_of_a_store(store: str, directory: Path | None) -> None:
    assert storage.directory_of(store) == directory


def test_python_versions() -> None:
    assert software.python((3, 11, 4)).grade is Grade.GOOD
    assert software.python((3, 10, 9)).grade is Grade.PROBLEM


def test_packages_that_are_missing_are_named() -> None:
    check = software.packages(["numpy>=2", "surely-not-there>=1; python_version>'3'"])
    assert check.grade is Grade.PROBLEM
    assert check.found == "missing: surely-not-there"
    assert software.packages(['psycopg-or-not; extra == "postgres"', "numpy"]).grade is Grade.GOOD
    assert software.packages().grade is Grade.GOOD


def test_optional_software_is_never_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert software.browser(lambda _: None).grade is Grade.WARNING
    assert software.browser(lambda name: f"/bin/{name}").found == "/bin/chromium"
    assert software.postgresql(lambda _: None).grade is Grade.WARNING
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert software.platform_command(lambda _: None).grade is Grade.WARNING
    assert software.tls().values["version"]


CHECKS = [
    Check("cores", Grade.GOOD, "2"),
    Check("TLS", Grade.WARNING, "no [authority]", "install ca-certificates"),
]


def test_signs_come_with_words(capsys: pytest.CaptureFixture[str]) -> None:
    command.show([*CHECKS, Check("disk", Grade.PROBLEM, "full", "make room")], Console(width=100))
    shown = capsys.readouterr().out
    for expected in ("✓ good", "! warning", "✗ problem", "no [authority]", "→ make room"):
        assert expected in shown
    assert "Runs are impossible here until this is put right: disk." in shown


def test_the_conclusion_names_what_is_worth_a_look() -> None:
    assert command.conclusion(CHECKS) == "Runs work here. Worth a look: TLS."
    assert command.conclusion(CHECKS[:1]) == "Runs work here."
    assert command.worst([]) is Grade.GOOD


def test_the_json_form_has_every_check(tmp_path: Path) -> None:
    command._write_json(CHECKS, tmp_path / "new" / "doctor.json")
    written = json.loads((tmp_path / "new" / "doctor.json").read_text())
    assert written["grade"] == "warning"
    assert [check["name"] for check in written["checks"]] == ["cores", "TLS"]
