"""A TCP proxy on loopback, between any client and a server, that spoils what goes through it.

with CuttingProxy("127.0.0.1", agent.port) as proxy:
    ask(f"http://127.0.0.1:{proxy.port}")     # as if the server were there
    proxy.delay(0.5)                          # every piece of an answer comes so much later
    proxy.cut_after(1000)                     # a reset in the middle of each answer
    proxy.heal()
    assert proxy.counts.cuts == 3

What is switched holds from then on for every connection, until the next `heal`; switches add up.
A method comes back when its switch is in force, and may be called from any thread.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

PIECE_BYTES = 2**16
END_S = 10.0
_AT_ONCE = struct.pack("ii", 1, 0)  # a socket with this linger closes with a reset

How = Literal["rst", "fin"]
Way = Literal["down", "up"]


@dataclass(slots=True)
class Counts:
    """What went through a proxy since its start.

    connections: that were accepted. cuts: of them, those that it broke itself.
    garbled: bytes that it changed.
    up, down: bytes that it sent to the server, and to the clients.
    """

    connections: int = 0
    cuts: int = 0
    garbled: int = 0
    up: int = 0
    down: int = 0


@dataclass(frozen=True, slots=True)
class _Spoiling:
    """What is switched on."""

    how: How = "rst"
    at_connect: bool = False
    after: int | None = None
    delay_s: float = 0.0
    bytes_per_s: float | None = None
    garble: tuple[Way, int, int] | None = None


class _Link:
    """One client with its way to the server; `down` is how much of the answers it has got."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.down = 0
        self.tasks: list[asyncio.Task[None]] = []

    def end(self, how: How) -> None:
        """Break both sides; the client sees it `how`."""
        for task in self.tasks:
            task.cancel()
        if self.server is not None:
            self.server.transport.abort()
        if how == "rst":
            taken = self.client.get_extra_info("socket")
            with contextlib.suppress(OSError):
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.client.transport.abort()
        else:
            self.client.close()


class CuttingProxy:
    """A proxy that runs in a thread of its own.

    port: where it listens on 127.0.0.1, also after it refused for a while.
    counts: what went through it so far.
    """

    def __init__(self, target_host: str, target_port: int, *, port: int = 0) -> None:
        """A proxy that passes everything on.

        Args:
            target_host, target_port: the server; it need not run yet.
            port: to listen on; 0 for any that is free.
        """
        self.port = port
        self.counts = Counts()
        self._target = target_host, target_port
        self._spoiling = _Spoiling()
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._listening: socket.socket | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._moving = asyncio.Event()
        self._moving.set()
        try:
            self._do(self._listen())
        except BaseException:
            self._stop()
            raise

    # ------------------------------------------------------------ switches

    def heal(self) -> None:
        """Pass everything on again, and listen; what was broken stays broken."""
        self._do(self._heal())

    def refuse(self) -> None:
        """Refuse connections, as where nothing listens; those that are open stay."""
        self._do(self._refuse())

    def stall(self) -> None:
        """Accept, and pass nothing on, either way; what came meanwhile goes on after `heal`."""
        self._do(self._stall())

    def cut(self, how: How = "rst") -> int:
        """Break every connection that is open, now; returns how many."""
        broken: int = self._do(self._cut(how))
        return broken

    def cut_at_connect(self, how: How = "rst") -> None:
        """Accept, and break at once."""
        self._switch(at_connect=True, how=how)

    def cut_after(self, count: int, how: How = "rst") -> None:
        """Break a connection when so many bytes of answers went through it, and not one more.

        A client that meets a reset may not see all of them: its system drops what it has not read.
        """
        self._switch(after=count, how=how)

    def delay(self, seconds: float) -> None:
        """Pass each piece (up to 64 KiB), either way, so much later."""
        self._switch(delay_s=seconds)

    def throttle(self, bytes_per_s: float) -> None:
        """Pass no more than that on, on each connection and way."""
        self._switch(bytes_per_s=bytes_per_s)

    def garble(self, every: int = 100, *, way: Way = "down", mask: int = 0x80) -> None:
        """Change each `every`th byte of a connection.

        Args:
            every: 1 changes all of them.
            way: `down` is what the server says.
            mask: the bits that are turned over; the highest makes text unreadable, so that
                nobody can take a changed digit for a measured one.
        """
        self._switch(garble=(way, every, mask))

    def close(self) -> None:
        """Break what is open, and end."""
        if self._thread.is_alive():
            self._do(self._close())
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ in the thread

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(END_S)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(END_S)
        self._loop.close()

    def _switch(self, **switches: Any) -> None:
        async def switch() -> None:
            self._spoiling = replace(self._spoiling, **switches)

        self._do(switch())

    async def _heal(self) -> None:
        self._spoiling = _Spoiling()
        self._moving.set()
        await self._listen()

    async def _stall(self) -> None:
        self._moving.clear()

    async def _listen(self) -> None:
        if self._listening is None:
            self._listening = socket.create_server(("127.0.0.1", self.port))
            self._listening.setblocking(False)
            self._loop.add_reader(self._listening, self._accept)
            self.port = self._listening.getsockname()[1]

    async def _refuse(self) -> None:
        if self._listening is not None:
            self._loop.remove_reader(self._listening)
            self._listening.close()
            self._listening = None

    def _accept(self) -> None:
        # Not a server of asyncio: one that is closed drops a connection that it has just accepted,
        # and its client waits for ever.
        with contextlib.suppress(OSError):  # it has left again
            assert self._listening is not None
            accepted, _ = self._listening.accept()
            self.counts.connections += 1
            task = self._loop.create_task(self._serve(accepted))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _cut(self, how: How) -> int:
        links = tuple(self._links)
        for link in links:
            self._break(link, how)
        return len(links)

    async def _close(self) -> None:
        await self._refuse()
        await self._cut("rst")
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for _ in range(3):  # what was aborted is closed by the loop's next rounds
            await asyncio.sleep(0)

    def _break(self, link: _Link, how: How) -> None:
        self.counts.cuts += 1
        self._links.discard(link)
        link.end(how)

    async def _serve(self, accepted: socket.socket) -> None:
        reader, client = await asyncio.open_connection(sock=accepted)
        link = _Link(client)
        self._links.add(link)
        client.transport.set_write_buffer_limits(0)  # drained is sent, to the last byte
        try:
            if self._spoiling.at_connect:
                self._break(link, self._spoiling.how)
                return
            await self._moving.wait()
            try:
                answers, link.server = await asyncio.open_connection(*self._target)
                link.server.transport.set_write_buffer_limits(0)
            except OSError:
                link.end("rst")  # too late to refuse
                return
            if link not in self._links:  # cut meanwhile
                link.end("rst")
                return
            link.tasks = [
                asyncio.ensure_future(self._pump(link, reader, link.server, "up")),
                asyncio.ensure_future(self._pump(link, answers, client, "down")),
            ]
            await asyncio.gather(*link.tasks, return_exceptions=True)
            link.end("fin")
        finally:
            self._links.discard(link)

    async def _pump(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        """Pass on what comes, until one side has said all."""
        place = 0
        try:
            while data := await reader.read(PIECE_BYTES):
                if self._spoiling.delay_s:
                    await asyncio.sleep(self._spoiling.delay_s)
                await self._moving.wait()
                kept = self._garbled(data, way, place)
                place += len(data)
                after = self._spoiling.after
                if way == "down" and after is not None and link.down + len(kept) >= after:
                    await self._pass(link, writer, kept[: max(0, after - link.down)], way)
                    self._break(link, self._spoiling.how)
                    return
                await self._pass(link, writer, kept, way)
            writer.write_eof()
        except OSError:  # one side left: so does the other
            for other in (link.client, link.server):
                if other is not None:
                    other.transport.abort()

    async def _pass(self, link: _Link, writer: asyncio.StreamWriter, data: bytes, way: Way) -> None:
        rate = self._spoiling.bytes_per_s
        size = len(data) if rate is None else max(1, int(rate / 20))
        for place in range(0, len(data), size or 1):
            piece = data[place : place + size]
            writer.write(piece)
            await writer.drain()
            if way == "down":
                self.counts.down += len(piece)
                link.down += len(piece)
            else:
                self.counts.up += len(piece)
            if rate is not None:
                await asyncio.sleep(len(piece) / rate)

    def _garbled(self, data: bytes, way: Way, place: int) -> bytes:
        """The piece that begins at that place of its way, with its share of bytes changed."""
        if self._spoiling.garble is None or self._spoiling.garble[0] != way:
            return data
        _, every, mask = self._spoiling.garble
        changed = bytearray(data)
        for spot in range(every - 1 - place % every, len(changed), every):
            changed[spot] ^= mask
            self.counts.garbled += 1
        return bytes(changed)
