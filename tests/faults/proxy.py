"""A loopback proxy between tablets and server that cuts, delays and dribbles connections, at any byte, both ways."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass

CHUNK_BYTES = 16_384
CUT_BYTES_MAX = 60_000
"""A cut is drawn so that each order of magnitude up to here is as likely: within a head, a small body, a large one."""

LIFE_BYTES = (30_000, 400_000)
"""A connection without a fault ends after so much, too: otherwise those that are kept open would never meet one."""

STALL_S_MAX = 6.0
"""Well below a tablet's own time-out, so that a time-out there means that the *server* was silent."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to connections: shares of all."""

    refused: float = 0.04
    """Closed before a byte has passed."""
    cut_up: float = 0.16
    """Cut within what the client sends."""
    cut_down: float = 0.16
    """Cut within what the server answers."""
    stalled: float = 0.04
    """Silent for some seconds within what the client sends, then cut."""
    dribbled: float = 0.10
    """A few bytes at a time, both ways."""
    delayed: float = 0.14
    """Each chunk waits up to a third of a second."""

    def draw(self, chance: random.Random) -> str:
        """The fate of a connection."""
        point = chance.random()
        for name in self.__slots__:
            point -= getattr(self, name)
            if point < 0:
                return name
        return "worn_out"


class _Cut(Exception):
    """This connection ends here."""


class Proxy:
    """Listens on a free loopback port, in a thread of its own."""

    def __init__(self, port: int, weather: Weather, chance: random.Random) -> None:
        """``port``: the server's, on this machine."""
        self.struck: Counter[str] = Counter()
        """Fate -> connections that met it: a cut that no byte came to is none."""
        self.connections = 0
        self.calm = False
        """Whether everything passes from now on."""
        self._port = port
        self._weather = weather
        self._chance = chance
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._carry, sock=self._listener)
        await server.serve_forever()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        fate = "worn_out" if self.calm else self._weather.draw(self._chance)
        other: asyncio.StreamWriter | None = None
        try:
            if fate == "refused":
                raise _Cut
            answers, other = await asyncio.open_connection("127.0.0.1", self._port)
            tasks = [
                asyncio.ensure_future(self._pump(reader, other, fate, "up")),
                asyncio.ensure_future(self._pump(answers, writer, fate, "down")),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks:
                task.cancel()
            # Whatever ended one way, the other ends with it.
            await asyncio.gather(*tasks, return_exceptions=True)
        except (_Cut, OSError):
            self.struck[fate] += fate == "refused"
        finally:
            for one in (writer, other):
                if one is not None:
                    self._end(one)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        """Half of the times as if a cable was cut (RST), half as if the other side had closed (FIN)."""
        if self._chance.random() < 0.5 and not self.calm:
            line = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fate: str, way: str) -> None:
        left = self._bytes_until_cut(fate, way)
        while chunk := await reader.read(CHUNK_BYTES):
            if left is not None and len(chunk) >= left and not self.calm:
                writer.write(chunk[:left])
                await writer.drain()
                if fate == "stalled":
                    await asyncio.sleep(self._chance.uniform(1, STALL_S_MAX))
                self.struck[fate] += 1
                raise _Cut
            left = None if left is None else max(1, left - len(chunk))
            await self._pass(writer, chunk, fate)
        if writer.can_write_eof():
            writer.write_eof()

    def _bytes_until_cut(self, fate: str, way: str) -> int | None:
        if fate == f"cut_{way}" or (fate == "stalled" and way == "up"):
            return round(math.exp(self._chance.uniform(0, math.log(CUT_BYTES_MAX))))
        if fate in ("dribbled", "delayed"):
            self.struck[fate] += way == "up"
        elif fate == "worn_out" and way == "down":
            return self._chance.randint(*LIFE_BYTES)
        return None

    async def _pass(self, writer: asyncio.StreamWriter, chunk: bytes, fate: str) -> None:
        if self.calm or fate not in ("dribbled", "delayed"):
            writer.write(chunk)
        elif fate == "delayed":
            await asyncio.sleep(self._chance.uniform(0, 0.33))
            writer.write(chunk)
        else:
            # So that a chunk takes a second at most, however large: what is dribbled is its beginning.
            at = 0
            for _ in range(50):
                size = self._chance.randint(1, 40)
                writer.write(chunk[at : at + size])
                await writer.drain()
                await asyncio.sleep(self._chance.uniform(0, 0.04))
                at += size
            writer.write(chunk[at:])
        await writer.drain()
