"""Processes start, are restarted, and stop together."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import typer
from rich.console import Console

from bot import app_store
from bot.app_store import RegisteredApp
from bot.commands import servers
from bot.parts import model_command, parts_of
from bot.ports import free_port
from bot.process import LEAST_WORK_S, Part, Process, ending
from bot.run import AGAIN, Supervisor, look_at_ports, run
from bot.settings import Settings
from storage.database import Database
from storage.errors import ConfigurationError, DatabaseError, SetupError
from webhooks.drills.world import wait_until

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"


def part(tmp_path: Path, script: str, name: str = "part", **changes: object) -> Part:
    log = tmp_path / f"{name}.log"
    values = {"ready": lambda: log.exists() and b"up" in log.read_bytes(), "stop_s": 5.0, **changes}
    return Part(name=name, command=[sys.executable, "-c", script], env={}, log=log, **values)  # type: ignore[arg-type]


def quiet() -> Console:
    return Console(file=io.StringIO())


def raises(error: Exception) -> Callable[..., None]:
    def raise_it(*_: object) -> None:
        raise error

    return raise_it


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def gone(pid: int, within_s: float = 5.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_all_start_become_ready_and_stop(tmp_path: Path) -> None:
    console = quiet()
    supervisor = Supervisor([part(tmp_path, SLEEPS, "one"), part(tmp_path, SLEEPS, "two")], console)
    assert supervisor.start(timeout_s=20)
    pids = [process.pid for process in supervisor.processes]
    supervisor.stop()
    assert all(pid is not None and gone(pid) for pid in pids)
    assert "one" in said(console) and "stopped in" in said(console)


def test_what_a_process_says_that_it_is_doing_is_shown_while_it_starts(tmp_path: Path) -> None:
    script = "import time; print('noise'); print('net: loading x', flush=True); print('more', flush=True)"
    process = Process(part(tmp_path, f"{script}; time.sleep(60)", "net"))
    assert process.doing() == "net"
    process.start()
    until = time.monotonic() + 20
    while process.doing() == "net" and time.monotonic() < until:
        time.sleep(0.05)
    assert process.doing() == "net: loading x"
    process.kill()
    process.wait_stopped(5)


def test_a_second_run_on_the_same_folder_is_told_who_runs_already(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", model_cache=tmp_path / "cache", _env_file=None)  # type: ignore[call-arg]
    first = Database(settings.resolved_database_url)
    first.claim("run")
    with pytest.raises(
        DatabaseError, match=rf"another `thumbprint run` \(process {os.getpid()}\): stop that"
    ):
        run(settings, quiet())
    first.dispose()


def test_a_check_without_the_playground_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, app_id="1", _env_file=None)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="unset THUMBPRINT_APP_ID"):
        run(settings, quiet(), check=True)


def test_what_dies_at_the_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    console = quiet()
    supervisor = Supervisor([part(tmp_path, "raise SystemExit('no model here')", "model")], console)
    with pytest.raises(SetupError, match=r"model ended \(exit code 1\)"):
        supervisor.start(timeout_s=20)
    supervisor.stop()
    assert "model │ no model here" in said(console)


def test_what_never_becomes_ready_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    supervisor = Supervisor([part(tmp_path, SLEEPS, ready=lambda: False)], quiet())
    with pytest.raises(SetupError, match="took too long"):
        supervisor.start(timeout_s=0.5)
    supervisor.stop()


def test_what_does_not_stop_is_killed_within_its_time(tmp_path: Path) -> None:
    supervisor = Supervisor([part(tmp_path, STUBBORN, stop_s=0.5)], quiet())
    assert supervisor.start(timeout_s=20)
    pid, began = supervisor.processes[0].pid, time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 5 and pid is not None and gone(pid)


def test_what_dies_is_started_again_after_pauses_that_double(tmp_path: Path) -> None:
    now = [0.0]
    process = Process(part(tmp_path, SLEEPS), clock=lambda: now[0])
    process.start()
    pauses = []
    for _ in range(7):
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait_stopped(5)
        told = process.keep_alive()
        assert "SIGKILL" in told
        pauses.append(float(told.split(" in ")[1].split()[0]))
        assert process.keep_alive() == "" and (process.pid is None or pauses[-1] == 0)
        now[0] += pauses[-1]
        process.keep_alive()
    assert pauses == [0, 1, 3, 7, 15, 30, 30] and process.restarts == 7
    now[0] += 61
    process.keep_alive()
    process.kill()
    process.wait_stopped(5)
    assert "in 0 s" in process.keep_alive()


ANSWERS = """
import http.server, sys
class Yes(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Yes).serve_forever()
"""


@pytest.mark.slow
def test_what_answered_once_and_then_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    now, port = [1000.0], free_port()
    made = Part(
        name="hangs",
        command=[sys.executable, "-c", ANSWERS, str(port)],
        env=dict(os.environ),
        log=tmp_path / "hangs.log",
        ready=f"http://127.0.0.1:{port}/",
        silent_s=60.0,
    )
    process = Process(made, lambda: now[0])
    process.start()
    try:
        now[0] += 500.0
        assert process.keep_alive() == "", "it has not answered yet: it may be starting"
        end = time.monotonic() + 60
        while not process.ready():
            assert time.monotonic() < end
            time.sleep(0.1)
        now[0] += 11.0
        assert process.keep_alive() == "" and process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        now[0] += 40.0
        assert process.keep_alive() == ""
        now[0] += 30.0
        assert process.keep_alive() == "hangs has given no sign of life for 70 s and was killed"
        assert process.wait_stopped(30) and process.exit_code == -signal.SIGKILL
        assert "starting it again" in process.keep_alive()
    finally:
        process.kill()
        process.wait_stopped(30)


def computed_s(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    used = psutil.Process(pid).cpu_times()
    return used.user + used.system


@pytest.mark.slow
@pytest.mark.parametrize("nice", [0, 1])
def test_what_is_nice_is_alive_while_it_computes(tmp_path: Path, nice: int) -> None:
    now, answers = [1000.0], [True]
    made = part(
        tmp_path,
        "print('up', flush=True)\nwhile True: pass",
        nice=nice,
        silent_s=60.0,
        alive=lambda: answers[0],
    )
    process = Process(made, lambda: now[0])
    process.start()
    try:
        now[0] += 11.0
        assert process.keep_alive() == ""
        answers[0] = False
        said = []
        while len(said) < 8 and not any(said):
            assert process.pid is not None
            enough_s = computed_s(process.pid) + 2 * LEAST_WORK_S
            wait_until(lambda: computed_s(process.pid) > enough_s, 60, "it does not compute")  # noqa: B023
            now[0] += 11.0
            said.append(process.keep_alive())
        assert any("no sign of life" in one for one in said) is (nice == 0)
    finally:
        process.kill()
        process.wait_stopped(30)


def test_a_worker_that_beats_no_more_is_not_alive_and_a_database_that_takes_nothing_blames_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, home=tmp_path)
    database = Database(settings.resolved_database_url)
    database.migrate()
    [work] = [one for one in parts_of(settings, {}, database) if one.name == "work"]
    assert work.alive is not None and work.silent_s > 0
    assert not work.alive(), "nobody has begun"

    def beat() -> None:
        with database.unit() as unit:
            unit.executors.beat("w")
            unit.commit()

    with database.unit() as unit:
        unit.executors.join("w", 1)
        unit.commit()
    assert work.alive()
    assert not work.alive()
    beat()
    assert work.alive()
    monkeypatch.setattr(database, "beat", raises(DatabaseError("no space")))
    assert work.alive() and work.alive()
    database.dispose()


def test_nobody_is_left_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from bot.process import Part, Process
process = Process(Part(name="part", command=[sys.executable, "-c", {SLEEPS!r}], env={{}},
                       log=Path({str(tmp_path)!r}) / "part.log", ready=lambda: True))
process.start()
print(process.pid, flush=True)
time.sleep(60)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    child = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    assert gone(child)


def test_endings_are_words() -> None:
    assert (ending(3), ending(-9)) == ("exit code 3", "SIGKILL")


def test_no_playground_and_no_model_of_ours_beside_an_app_and_a_foreign_server(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, model_url="http://127.0.0.1:9/v1", _env_file=None)  # type: ignore[call-arg]
    parts = parts_of(settings, None, Database(settings.resolved_database_url))
    assert [one.name for one in parts] == ["work", "serve"]


def test_the_models_command_carries_the_settings() -> None:
    command = model_command(Settings(policy="some/llama", threads=1, model_memory_gb=4, _env_file=None))  # type: ignore[call-arg]
    assert {"--policy=some/llama", "--threads=1", "--memory-gb=4.0"} <= set(command)


def test_a_busy_port_stops_the_run_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        settings = Settings(home=tmp_path / "home", model_cache=tmp_path / "cache", port=port, _env_file=None)  # type: ignore[call-arg]
        with pytest.raises(SetupError, match=f"Port {port}.*THUMBPRINT_PORT"):
            look_at_ports(settings, with_playground=False)


def test_what_is_watched_ends_once_an_app_was_registered(tmp_path: Path) -> None:
    supervisor = Supervisor([part(tmp_path, SLEEPS)], quiet())
    assert supervisor.start(timeout_s=20)
    asked = iter([False, False, True])
    supervisor.watch(lambda: next(asked))
    assert not supervisor.stopping and list(asked) == []
    supervisor.stop()


def test_run_starts_again_with_an_app_that_was_registered_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("THUMBPRINT_")]:
        monkeypatch.delenv(name)
    app = RegisteredApp(
        id=7, slug="s", html_url="u", github_url="https://api.github.com", webhook_secret="w", private_key="k"
    )
    started: list[str] = []

    def start(settings: Settings, console: Console, *, check: bool) -> int:
        started.append(settings.app_id)
        if len(started) == 1:
            app_store.write(settings.home, app)
            return AGAIN
        return 0

    monkeypatch.setattr("bot.run.run", start)
    with pytest.raises(typer.Exit) as ended:
        servers.run(check=False)
    assert started == ["", "7"] and ended.value.exit_code == 0
