"""The arithmetic and the clients of the benchmarks; not what they measure."""

import json
import os
import platform
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

from compared_servers import bench
from http_load import load
from interpreters import command_on, described
from messages import CALL, SESSIONLESS_CALL, Numbered, check
from portkey_admin_mcp import __version__
from processes import connections, started, tree
from table import HEAD, Measured, Row, cells, markdown
from upstream import page

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def measured(ours, theirs):
    figures = Measured()
    for server, rates in (("ours", ours), ("theirs", theirs)):
        for rate in rates:
            figures.add(server, {"rate": rate})
    return figures


def is_alive(pid):
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_a_ratio_is_taken_within_each_pair_and_its_median_shown():
    # A slow second pair: the medians alone would say 5, which no pair did.
    row = Row("calls", "calls/s", "rate", "rate", 3, is_rate=True)

    shown = dict(zip(HEAD, cells(row, measured([20, 2, 30], [10, 4, 1])), strict=True))

    assert shown["ours / theirs"] == "2.00"
    assert shown["lowest–highest"] == "0.50–30.0"
    assert (shown["ours"], shown["theirs"]) == ("20.0", "4.00")


@pytest.mark.parametrize(
    ("is_rate", "ratio", "is_met"),
    [(True, 2.0, True), (True, 1.9, False), (False, 2.0, True), (False, 2.1, False)],
)
def test_a_rate_should_reach_its_goal_and_a_time_stay_below(is_rate, ratio, is_met):
    assert Row("", "", "", "", 2.0, is_rate).is_met(ratio) is is_met


@pytest.mark.parametrize(("ours", "is_met"), [(20, "yes"), (21, "no")])
def test_an_absolute_goal_is_compared_with_our_figure(ours, is_met):
    row = Row("p99", "ms", "rate", "rate", 20, is_absolute=True)

    shown = dict(zip(HEAD, cells(row, measured([ours], [100])), strict=True))

    assert (shown["goal"], shown["met"]) == ("≤ 20 ms", is_met)


def test_a_figure_that_only_this_server_has_is_shown_without_a_ratio():
    row = Row("share", "%", "rate", "", 60, is_absolute=True)

    shown = dict(zip(HEAD, cells(row, measured([55], [])), strict=True))

    assert (shown["ours"], shown["theirs"], shown["ours / theirs"]) == ("55.0", "", "")
    assert shown["met"] == "yes"


def test_a_row_is_shown_if_the_figures_of_both_were_measured():
    row = Row("", "", "rate", "rate")

    assert row.is_in(measured([1], [1]))
    assert not row.is_in(measured([1], []))
    assert not row.is_in(measured([1], [1]), "another")


def test_an_interpreter_is_described_by_its_version_its_build_and_its_speed():
    this = described(sys.executable)

    assert this.version == platform.python_version()
    assert this.abi == sysconfig.get_config_var("SOABI")
    assert this.loop_us > 0
    assert "profile-guided optimisation" in this.text
    assert described("/nowhere/python") is None


def test_the_server_runs_on_another_interpreter_with_the_same_packages(tmp_path):
    command = command_on(described(sys.executable), tmp_path / "venv")

    result = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)

    assert __version__ in result.stdout


def test_connections_to_a_port_are_counted_by_process():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            assert connections(os.getpid(), port) == 1

        assert connections(os.getpid(), port) == 0


def test_a_figure_that_one_of_a_pair_lacks_is_an_error():
    figures = measured([1], [1])
    figures.add("ours", {"rate": 2})

    with pytest.raises(ValueError, match="shorter"):
        cells(Row("", "", "rate", "rate"), figures)


def test_a_table_is_aligned():
    assert markdown(("", "ms"), [("long", "1"), ("s", "1,000")]) == (
        "|      |    ms |\n|------|------:|\n| long |     1 |\n| s    | 1,000 |"
    )


@pytest.mark.parametrize("message", [CALL, SESSIONLESS_CALL])
def test_each_request_is_the_same_but_for_an_id_of_its_own(message):
    numbered = Numbered(message)
    first, second = json.loads(numbered.next()), json.loads(numbered.next())

    assert second.pop("id") == first.pop("id") + 1
    assert first == second == {k: v for k, v in json.loads(message.body).items() if k != "id"}


def test_an_answer_that_is_a_failure_is_no_call():
    check(b'{"result":{"content":"cfg-marked"}}', CALL)

    for answer in (b'{"error":{}}', b'{"result":{"content":"cfg-marked","isError":true}}'):
        with pytest.raises(ValueError, match="tools/call was answered"):
            check(answer, CALL)


@pytest.mark.parametrize("size", [1_000, 100_000, 5_000_000])
def test_the_stand_ins_answer_has_about_the_size_that_was_asked_for(size):
    assert len(page(size)) == pytest.approx(size, rel=0.35)


def test_the_client_makes_as_many_calls_as_it_says():
    with tempfile.TemporaryFile() as log, bench(log) as running:
        loaded = load(running.upstream, CALL, [None] * 4, seconds=30, max_requests=100)

        assert running.answered() == len(loaded.each_s) == 100
        assert loaded.rate == pytest.approx(100 / loaded.all_s)


def test_a_process_is_ended_with_its_children_also_on_failure():
    ended = []

    def fail():
        # The child does not listen to the signal that ends its parent.
        command = ["sh", "-c", "(trap '' TERM; echo started; exec sleep 300) & wait"]
        with (
            tempfile.TemporaryFile() as log,
            started(command, dict(os.environ), log, is_piped=True) as process,
        ):
            process.stdout.readline()
            ended.extend(tree(process.pid))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert len(ended) == 2
    deadline = time.monotonic() + 10
    while any(is_alive(each) for each in ended) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(is_alive(each) for each in ended)


def test_the_lock_of_the_typescript_server_has_no_address():
    lock = json.loads((BENCHMARKS / "package-lock.json").read_text())
    packages = [entry for place, entry in lock["packages"].items() if place]

    assert packages
    assert all("integrity" in entry for entry in packages)
    assert "://" not in json.dumps(lock)


def test_no_module_of_the_tests_hides_one_of_the_benchmarks():
    """Both folders are on the path of the tests (`pythonpath` in pyproject.toml)."""
    tests = {file.name for file in Path(__file__).parent.glob("*.py")}

    assert tests & {file.name for file in BENCHMARKS.glob("*.py")} == set()
