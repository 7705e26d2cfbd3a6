#!/usr/bin/python3
"""A bad link: a TCP proxy that forwards bytes until it is told to slow down, to fall silent, or to cut.

As a module: LinkProxy in a `with` block; every method may be called from any thread. From a shell:

    link_proxy.py --listen 127.0.0.1:8001 --to 127.0.0.1:8000 --rate 200000 --cut-after 500000 --down 3
"""
import argparse
import asyncio
import contextlib
import socket
import struct
import sys
import threading

PIECE = 16 * 1024
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


class LinkProxy:
    """Forwards connections from a free port of `listen_host` to `target`.

    `source_host`: the loopback address that the target sees as the client's. `rate`: bytes a second towards
    the client, all connections together; 0 is as fast as it goes. `delay`: seconds that each piece is late.
    `buffer`: size of the sockets' buffers, so that what was forwarded is close to what has arrived. `on_up` is
    called with each piece that the client sends, on the proxy's thread, before it is forwarded. `hold`: while
    the link is cut, who connects waits until it is restored, as when packets are lost and sent again; else
    new connections are reset.
    """

    def __init__(self, target, listen_host="127.0.0.1", listen_port=0, source_host=None, rate=0, delay=0.0,
                 buffer=64 * 1024, on_up=None, hold=False):
        self.target = target
        self.source_host = source_host
        self.rate = rate
        self.delay = delay
        self.buffer = buffer
        self.on_up = on_up
        self.hold = hold
        self.down_bytes = 0       # forwarded from the target to the client
        self.up_bytes = 0         # forwarded from the client to the target
        self.accepted = 0         # connections that were forwarded
        self.refused = 0          # connections that met a cut link, held ones included
        self.cuts = 0
        self._cut_at = None
        self._on_cut = None
        self._up = True
        self._silent = False
        self._budget_from = 0.0   # when the next byte may pass, on the loop's clock
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server((listen_host, listen_port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._running = threading.Event()

    def __enter__(self):
        self._thread.start()
        self._running.wait()
        return self

    def __exit__(self, *_):
        self.close()

    # What the holder of the link does to it.

    def cut(self):
        """Resets every connection; new ones are reset, or held, until restore()."""
        self._call(self._cut)

    def cut_after(self, count, on_cut=None):
        """Cuts once `count` more bytes have gone to the client: the last of them still arrives. `on_cut` is
        called on the proxy's thread."""
        def arm():
            self._cut_at = self.down_bytes + count
            self._on_cut = on_cut
        self._call(arm)

    def silence(self):
        """Nothing passes any more, yet nothing is closed: a device that went out of reach."""
        self._call(lambda: setattr(self, "_silent", True))

    def reset(self):
        """Resets every connection; new ones pass."""
        self._call(self._reset_all)

    def restore(self):
        """The link is good again."""
        def good():
            self._up, self._silent = True, False
        self._call(good)

    @property
    def up(self):
        return self._up and not self._silent

    def close(self):
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    # What happens on the proxy's thread.

    def _call(self, function):
        done = threading.Event()

        def run():
            function()
            done.set()
        if threading.current_thread() is self._thread:
            function()
        else:
            self._loop.call_soon_threadsafe(run)
            done.wait(10)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener, limit=PIECE))
        self._loop.call_soon(self._running.set)
        self._loop.run_forever()
        server.close()
        self._reset_all()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _cut(self):
        self._up = False
        self.cuts += 1
        self._cut_at = None
        self._reset_all()
        on_cut, self._on_cut = self._on_cut, None
        if on_cut:
            on_cut()

    def _reset_all(self):
        for writer in list(self._writers):
            self._reset_one(writer)

    def _reset_one(self, writer):
        self._writers.discard(writer)
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()

    async def _serve(self, reader, writer):
        with contextlib.suppress(asyncio.CancelledError):  # the proxy is being closed
            await self._carry(reader, writer)

    async def _carry(self, reader, writer):
        self._writers.add(writer)
        if not self._up:
            self.refused += 1
        while not self._up:
            if not self.hold or writer.is_closing():
                self._reset_one(writer)
                return
            await asyncio.sleep(0.01)
        try:
            there_reader, there = await self._connect()
        except OSError:
            self._reset_one(writer)
            return
        self.accepted += 1
        self._writers.add(there)
        try:
            await asyncio.gather(self._forward(reader, there, False), self._forward(there_reader, writer, True))
        except OSError:
            pass
        finally:
            # One end broke off: the other learns of it the hard way, as on a real link.
            for end in (writer, there):
                if end in self._writers:
                    self._reset_one(end)

    async def _connect(self):
        local = (self.source_host, 0) if self.source_host else None
        reader, writer = await asyncio.open_connection(*self.target, local_addr=local, limit=PIECE)
        end = writer.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)
        return reader, writer

    async def _forward(self, reader, writer, down):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.buffer)
        while True:
            piece = await reader.read(PIECE)
            while self._silent:
                await asyncio.sleep(0.01)
            if self.delay:
                await asyncio.sleep(self.delay)
            if not piece:
                break
            if down:
                piece = await self._pace(piece)
            elif self.on_up:
                self.on_up(piece)
            writer.write(piece)
            await writer.drain()
            if down:
                self.down_bytes += len(piece)
                if self._cut_at is not None and self.down_bytes >= self._cut_at:
                    await self._flush(writer)
                    self._cut()
                    return
            else:
                self.up_bytes += len(piece)
        writer.write_eof()
        await writer.drain()
        # Half a close passes on; the whole one follows when both directions have ended.
        if down:
            await self._flush(writer)
            self._writers.discard(writer)
            writer.close()

    async def _pace(self, piece):
        if self._cut_at is not None:
            allowed = self._cut_at - self.down_bytes
            piece = piece[:max(allowed, 1)]
        if self.rate:
            now = self._loop.time()
            start = max(now, self._budget_from)
            self._budget_from = start + len(piece) / self.rate
            await asyncio.sleep(start - now)
        return piece

    async def _flush(self, writer):
        """Waits until our kernel has handed on what was written, since an abort throws away what it holds."""
        for _ in range(100):
            if writer.transport.get_write_buffer_size() == 0:
                break
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.005)


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def main():
    parser = argparse.ArgumentParser(description="a TCP proxy that plays a bad link")
    parser.add_argument("--listen", type=address, default=("127.0.0.1", 0), metavar="HOST:PORT")
    parser.add_argument("--to", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--rate", type=int, default=0, help="bytes a second towards the client")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that each piece is late")
    parser.add_argument("--cut-after", type=int, help="bytes towards the client after which the link is cut")
    parser.add_argument("--down", type=float, default=2.0, help="seconds that it stays cut")
    options = parser.parse_args()
    cut = threading.Event()
    with LinkProxy(options.to, options.listen[0], options.listen[1], rate=options.rate,
                   delay=options.delay) as proxy:
        print(f"listening on {options.listen[0]}:{proxy.port}", flush=True)
        if options.cut_after is not None:
            proxy.cut_after(options.cut_after, cut.set)
        try:
            cut.wait()
            print(f"cut after {proxy.down_bytes} bytes", flush=True)
            threading.Event().wait(options.down)
            proxy.restore()
            print("restored", flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
