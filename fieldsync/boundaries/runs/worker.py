"""The worker: a process that carries out runs until it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import importlib
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import structlog
from flask import Flask
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Status

from fieldsync.boundaries import queue as queues
from fieldsync.boundaries.folders import remove_leftovers
from fieldsync.boundaries.runs.carry import carry_out
from fieldsync.boundaries.runs.sweep import SWEEP_S, delete_old_uploads, take_up_what_lies_there
from fieldsync.config import Settings

AT_ONCE = {queues.FILES: 1, queues.MOVES: 2}
"""Runs at one time, by queue. One file: it may take all the memory that a worker may have. Two partnerships whose jobs
change hands: that work waits for the database half of its time."""

HOUSEKEEPING = (
    "fieldsync.dispatch.expire:take_out_what_ended",
    "fieldsync.dispatch.disbanding.take_out:take_out_of_disbanded_crews",
    "fieldsync.retention.keep:keep_short",
)
"""What is to be looked after with every sweep, beside runs: by import path, as it knows more than runs do."""

TIDY_EVERY_S = 3600
JOBS_KEPT_HOURS = 72
"""Jobs of the queue that failed are looked at by somebody, or by nobody, within three days."""

STALLED_S = 300
"""A worker that has not said for so long that it lives is dead; the queue may forget its jobs. Its runs have long been
taken up: they do not depend on this."""

log = structlog.get_logger()


def worker_settings(settings: Settings) -> Settings:
    """The settings of a process that carries out runs: two connections each, and statements over whole layers."""
    return replace(
        settings,
        pool_size=2 * sum(AT_ONCE.values()) + 2,
        statement_timeout_ms=max(settings.statement_timeout_ms, 300_000),
        idle_in_transaction_timeout_ms=max(settings.idle_in_transaction_timeout_ms, 300_000),
    )


class LostDatabase(Exception):
    """The queue could not be reached any more. Whoever watches the process starts another one."""


class Worker:
    """Carries out runs, each in a thread, for the time of ``run``."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        """``app`` was made with ``worker_settings(settings)``."""
        self.app = app
        self._settings = settings
        self._stopping = threading.Event()
        self._queue_workers: list[asyncio.Task[None]] = []

    def is_stopping(self) -> bool:
        """Whether the process is to end: runs are put back as soon as they can be."""
        return self._stopping.is_set()

    def carry_out(self, partnership_id: UUID, run_id: UUID) -> None:
        """Look at a run that a job of the queue is about. In a thread of its own."""
        with self.app.app_context():
            carry_out(partnership_id, run_id, interrupted=self.is_stopping)
        _give_memory_back()

    def run(self) -> None:
        """Work until SIGTERM or Ctrl-C. What is under way then is put back, and goes on with the next worker.

        Raises:
            LostDatabase: it ends without having been asked to.
        """
        remove_leftovers()
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop)
        try:
            await self._serve_queues()
        except ConnectorException as error:
            raise LostDatabase from error
        log.info("worker ended")

    async def _serve_queues(self) -> None:
        async with queues.queue_of(self._settings).open_async() as queue:
            self._queue_workers = [
                asyncio.create_task(self._serve(queue, name, concurrency)) for name, concurrency in AT_ONCE.items()
            ]
            house = asyncio.create_task(self._keep_house(queue))
            log.info("worker ready")
            try:
                # If one of them fails, both end: half a worker would look like a whole one.
                await asyncio.wait(self._queue_workers, return_when=asyncio.FIRST_COMPLETED)
                was_asked = self.is_stopping()
                self._stop()
                ended = await asyncio.gather(*self._queue_workers, return_exceptions=True)
            finally:
                house.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await house
        for error in ended:
            if isinstance(error, Exception):
                raise error
        if not was_asked:
            raise LostDatabase

    def _stop(self) -> None:
        self._stopping.set()
        for each in self._queue_workers:
            each.cancel()

    async def _serve(self, queue: App, name: str, concurrency: int) -> None:
        await queue.run_worker_async(
            queues=[name],
            name=name,
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs=DeleteJobCondition.SUCCESSFUL,
            additional_context={"worker": self},
        )

    async def _keep_house(self, queue: App) -> None:
        tidied_at = -float(TIDY_EVERY_S)
        while True:
            try:
                await asyncio.to_thread(self._in_context, take_up_what_lies_there)
                for path in HOUSEKEEPING:
                    await self._look_after(path)
                if time.monotonic() - tidied_at >= TIDY_EVERY_S:
                    tidied_at = time.monotonic()
                    await asyncio.to_thread(self._in_context, delete_old_uploads)
                    await asyncio.to_thread(remove_leftovers)
                    await _forget_old_jobs(queue)
            except Exception as error:  # noqa: BLE001  (the next time it may be there again)
                log.warning("keeping house failed", why=repr(error))
            await asyncio.sleep(SWEEP_S)

    async def _look_after(self, path: str) -> None:
        try:
            await asyncio.to_thread(self._in_context, _at_path(path))
        except Exception as error:  # noqa: BLE001  (what else is to be done is done all the same)
            log.warning("keeping house failed", what=path, why=repr(error))

    def _in_context(self, work: Callable[[], object]) -> None:
        with self.app.app_context():
            work()


def _at_path(path: str) -> Callable[[], object]:
    module, _, name = path.partition(":")
    work: Callable[[], object] = getattr(importlib.import_module(module), name)
    return work


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _give_memory_back() -> None:
    """glibc keeps what was freed: a gigabyte after a layer of the largest size."""
    gc.collect()
    if _libc is not None and hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


async def _forget_old_jobs(queue: App) -> None:
    jobs = queue.job_manager
    await jobs.delete_old_jobs(
        nb_hours=JOBS_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )
    for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
        await jobs.finish_job(job, Status.FAILED, delete_job=True)
