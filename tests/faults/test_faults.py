"""A short fault run, with all that this machine can be struck with; and its tools do what they say."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from fieldsync.simulate.network import Witness
from fieldsync.tablet import Reply
from tests.faults import report, timeshift
from tests.faults.blows import BLOWS, possible
from tests.faults.disk import NoDisk, mount
from tests.faults.proxy import Proxy, Weather
from tests.faults.timeshift import NoTimeshift, Timeshift

ROOT = Path(__file__).parents[2]

MINUTES = 0.7
"""Of faults; the start, and the checks at the end, take as long again."""


def test_a_short_fault_run_breaks_no_law() -> None:
    command = [sys.executable, "-m", "tests.faults", "--minutes", str(MINUTES), "--tablets", "8", "--seed", "11"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-3_000:]
    assert "BROKEN" not in done.stdout
    assert sum(f"  {blow.name}" in done.stdout for blow in BLOWS) >= 2


# --- the proxy --------------------------------------------------------------------------------------------------------


@contextmanager
def echo() -> Iterator[int]:
    """A server that answers 100,000 bytes to whatever comes, and ends; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                with line:
                    try:
                        while len(line.recv(65_536)) == 65_536:
                            pass
                        line.sendall(b"x" * 100_000)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def received(proxy: Proxy) -> int:
    """How many bytes of an answer come through."""
    port = int(proxy.url.rpartition(":")[2])
    count = 0
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            line.sendall(b"hello")
            while part := line.recv(65_536):
                count += len(part)
    except OSError:
        pass
    return count


def test_the_proxy_passes_everything_when_it_is_calm() -> None:
    with echo() as port:
        proxy = Proxy(port, Weather(refused=1), random.Random(1))
        proxy.calm = True
        assert [received(proxy) for _ in range(5)] == [100_000] * 5
        assert proxy.struck.total() == 0


@pytest.mark.parametrize("fate", ["cut_down", "refused"])
def test_the_proxy_cuts(fate: str) -> None:
    with echo() as port:
        proxy = Proxy(port, Weather(**{name: float(name == fate) for name in Weather.__slots__}), random.Random(1))
        counts = [received(proxy) for _ in range(12)]
        assert max(counts) < 100_000
        assert proxy.struck == {fate: 12}
        assert (len(set(counts)) > 6) == (fate == "cut_down")


def test_the_proxy_dribbles_and_loses_nothing() -> None:
    with echo() as port:
        proxy = Proxy(
            port, Weather(refused=0, cut_up=0, cut_down=0, stalled=0, dribbled=1, delayed=0), random.Random(1)
        )
        assert received(proxy) == 100_000


# --- what cannot be had here is left out, and said --------------------------------------------------------------------


def test_without_root_the_disk_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NoDisk, match=r"root|Linux"):
        mount(tmp_path)


def test_without_libfaketime_the_clock_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeshift, "FOLDERS", (str(tmp_path),))
    with pytest.raises(NoTimeshift, match="not installed"):
        Timeshift(tmp_path)


def test_what_is_left_out_does_not_strike() -> None:
    parts = {blow.needs for blow in BLOWS if blow.needs}
    left = possible(SimpleNamespace(missing=dict.fromkeys(parts, "not here")))  # type: ignore[arg-type]
    assert len(left) == len(BLOWS) - len(parts)
    assert [blow.name for blow in possible(SimpleNamespace(missing={}), "disk")] == [  # type: ignore[arg-type]
        "the cluster's disk fills up, and is freed"
    ]


# --- what the witness notices -----------------------------------------------------------------------------------------


def answer(expected_seq: int, verdict: str | None = None, seq: int = 1, epoch: str = "a") -> Reply:
    told = {"version": 1, "conflicts": [], "problem": None}
    verdicts = [{"seq": seq, "edit_id": f"e{seq}", "verdict": verdict, "recorded": None, **told}] if verdict else []
    body = {"epoch": epoch, "expected_seq": expected_seq, "verdicts": verdicts, "changes": []}
    return Reply(200, {}, json.dumps(body).encode())


def test_a_server_that_forgets_what_it_took_is_noticed() -> None:
    witness = Witness()
    witness.hear(answer(2, "applied"), witness.acknowledged)
    before = witness.acknowledged
    witness.hear(answer(1), {})  # Of a request from before: it may be late.
    assert witness.contradictions == []
    witness.hear(answer(1), before)
    assert len(witness.contradictions) == 1
    witness.hear(answer(2, "applied"), before)
    assert "anew" in witness.contradictions[1]


def test_after_a_restore_the_server_may_forget() -> None:
    witness = Witness()
    witness.hear(answer(2, "applied"), witness.acknowledged)
    witness.hear(answer(1, epoch="b"), witness.acknowledged)
    witness.hear(answer(2, "applied", epoch="b"), {"a": 2, "b": 1})
    assert witness.contradictions == []


def test_answers_that_are_no_exchange_are_counted() -> None:
    witness = Witness()
    witness.hear(Reply(503, {"Retry-After": "2"}, b'{"code": "come_again"}'))
    witness.hear(Reply(503, {}, b'{"code": "come_again"}'))
    witness.hear(Reply(503, {"Content-Ty": "applica"}, b""))
    witness.hear(Reply(502, {"Content-Type": "text/html"}, b"<html>"))
    witness.hear(Reply(200, {}, b""))
    assert witness.problems == {
        "503 come_again": 1, "503 come_again without Retry-After": 1, "503 cut within its head": 1, "502 text/html": 1,
    }  # fmt: skip


# --- the report -------------------------------------------------------------------------------------------------------


def test_the_report_goes_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{report.BEGINS}\nold\n{report.ENDS}\nAfter\n", encoding="utf-8")
    report.into(page, "new")
    assert page.read_text(encoding="utf-8") == f"Before\n{report.BEGINS}\nnew\n{report.ENDS}\nAfter\n"
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="no place"):
        report.into(page, "new")


def test_the_page_on_reliability_has_a_place_for_it() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert text.index(report.BEGINS) < text.index(report.ENDS)
    assert "**broken**" not in text
