#!/usr/bin/python3
"""A serial line without hardware: a pty for the gateway, a device at the other end, and between them the pace of a
UART, faults from a seed, and a plug that can be pulled.

    line = Line(baud=115200, seed=1, flip=1/1000, lose_line=1/100, device=SmpDevice(...))
    port = line.link                      /…/by-id/NAME, a symlink as udev keeps it, or line.path (/dev/pts/N)
    line.unplug(); line.replug()          the pty hangs up and is gone; it comes back under another name
    line.replug(device=other)             another device is plugged in; also with line.attach(other)
    line.set_faults(lose_line=0.5); line.counts(); line.close()

`factor`: how much faster than real its time passes: 10 makes ten seconds of line and device last one. `seed` and the
faults are those of serial_wire.Faults. Without a `device` the other end is a pty too, `line.device_path`, for
programs of their own. All lines of a process share one thread; `Line` may be used from any thread.

A device is an object without I/O, whose methods are called on that thread with the line's time in seconds:
    power_on(send, now)      send(data, when) puts its bytes on the line     receive(data, now)
    tick(now)                does what is due by now                         next_due() -> time or None
    power_off(now)           it lost its power: what was only in its RAM is gone

As a program: prints {"gateway", "link", "device"} and takes JSON lines on stdin: {"do": "unplug"}, {"do": "replug"},
{"do": "faults", "flip": 0.001}, {"do": "counts"}, {"do": "end"}; each is answered by a line.
"""
import argparse
import errno
import json
import os
import pathlib
import select
import sys
import tempfile
import threading
import time
import traceback
import tty

from serial_wire import Faults, Wire, play

GRANULARITY = 0.001  # seconds between two looks at a line on which something moves
IDLE = 0.05
GRAVES = 4  # names of a line that are kept from being used again


class Terminal:
    """A pty whose slave somebody else opens. Raw from the start; nobody having it open is noticed."""

    def __init__(self):
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self.master, False)
        self.open = False

    def read(self, size):
        try:
            data = os.read(self.master, size)
            self.open = True
            return data
        except BlockingIOError:
            self.open = True
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self.open = False
        return b""

    def write(self, data):
        """Gives how many bytes found a place; what nobody listens to is gone, as on a real port."""
        if not self.open:
            return 0
        try:
            return os.write(self.master, data)
        except OSError:
            return 0

    def close(self):
        os.close(self.master)


class PtyDevice:
    """The end of a line that is a pty: somebody else's program is the device."""

    def __init__(self):
        self.terminal = Terminal()
        self.send = None
        self.lost = 0

    def power_on(self, send, now):
        self.send = send

    def power_off(self, now):
        pass

    def receive(self, data, now):
        self.lost += len(data) - self.terminal.write(data)

    def tick(self, now):
        if self.send and (data := self.terminal.read(4096)):
            self.send(data, now)

    def next_due(self):
        return None


class Loop:
    """The thread that moves the bytes of all its lines."""

    def __init__(self):
        self.lines = []
        self.calls = []
        self.epoll = select.epoll()
        self.event = os.eventfd(0, os.EFD_NONBLOCK)
        self.epoll.register(self.event, select.EPOLLIN)
        threading.Thread(target=self.run, daemon=True).start()

    def watch(self, descriptor):
        # Edges only: a terminal that nobody has open hangs up without end.
        self.epoll.register(descriptor, select.EPOLLIN | select.EPOLLET)

    def call(self, function):
        """Runs `function` on the loop's thread and gives what it gives."""
        done, result = threading.Event(), []

        def run():
            try:
                result.extend((function(), None))
            except Exception as error:  # pylint: disable=broad-except
                result.extend((None, error))
            done.set()
        self.calls.append(run)
        os.eventfd_write(self.event, 1)
        done.wait()
        if result[1] is not None:
            raise result[1]
        return result[0]

    def turn(self, line):
        try:
            return line.turn()
        except Exception as error:  # pylint: disable=broad-except
            # Said here and again by close(), so that a broken device is no silent one.
            traceback.print_exc()
            line.failed = error
            self.lines.remove(line)
            return IDLE

    def run(self):
        while True:
            self.epoll.poll(min([self.turn(line) for line in list(self.lines)], default=IDLE))
            try:
                os.eventfd_read(self.event)
            except BlockingIOError:
                pass
            while self.calls:
                self.calls.pop(0)()


shared_loop = None


def the_loop():
    global shared_loop
    if shared_loop is None:
        shared_loop = Loop()
    return shared_loop


class Line:
    """See above. `folder` is where the symlink is kept (by-id), a temporary one unless given."""

    def __init__(self, baud=115200, seed=1, device=None, name="usb-emulated-0", folder=None, factor=1.0,
                 plugged=True, **faults):
        self.loop = the_loop()
        self.baud, self.seed, self.factor = baud, seed, factor
        self.temporary = None if folder else tempfile.TemporaryDirectory(prefix="ferry-line-")
        self.link = pathlib.Path(folder or self.temporary.name) / name
        self.link.parent.mkdir(parents=True, exist_ok=True)
        self.began = time.monotonic()
        self.down, self.up = Wire(baud), Wire(baud)
        self.overrun = 0
        self.device = device or PtyDevice()
        self.device_path = self.device.terminal.path if device is None else None
        self.spare, self.terminal, self.path = None, None, None
        self.graves = []
        self.powered = False
        self.failed = None
        self._faults(faults)
        self.loop.call(lambda: self._begin(plugged))

    def _begin(self, plugged):
        self.loop.lines.append(self)
        if self.device_path:
            self.loop.watch(self.device.terminal.master)
        if plugged:
            self._replug(None)

    def now(self):
        return (time.monotonic() - self.began) * self.factor

    # What a test does to it, from any thread.

    def unplug(self, power=True):
        """The port is gone. The device loses its power with it, or is on power of its own."""
        self.loop.call(lambda: self._unplug(power))

    def replug(self, device=None):
        """The port is back under a new name, with the device that was there or another one."""
        self.loop.call(lambda: self._replug(device))

    def attach(self, device):
        """Another device at the same port, which stays: as when a connector is moved."""
        def change():
            self._power_off()
            self.device = device
            self._power_on()
        self.loop.call(change)

    def power_cycle(self, off=0.0):
        """The device's power goes and comes back; the port stays."""
        def cycle():
            self._power_off()
            self.down.clear()
            self._power_on(off)
        self.loop.call(cycle)

    def set_faults(self, **faults):
        self.loop.call(lambda: self._faults(faults))

    def counts(self):
        """Bytes each way, faults each way, and what found no room."""
        return self.loop.call(lambda: {
            "to_device": self.down.pushed, "to_gateway": self.up.pushed, "overrun": self.overrun,
            "faults_to_device": dict(self.down.faults.counts), "faults_to_gateway": dict(self.up.faults.counts)})

    def on_device(self, function):
        """Runs `function(device, now)` on the line's thread: a look into the device while it works."""
        return self.loop.call(lambda: function(self.device, self.now()))

    def close(self):
        def end():
            if self in self.loop.lines:
                self.loop.lines.remove(self)
                self._unplug(True)
                if self.spare:
                    self.spare.close()
                while self.graves:
                    os.close(self.graves.pop())
                if self.device_path:
                    self.device.terminal.close()
        self.loop.call(end)
        if self.temporary:
            self.temporary.cleanup()
        if self.failed:
            raise RuntimeError(f"the device on {self.link.name} broke") from self.failed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # On the loop's thread.

    def _faults(self, faults):
        self.down.faults = Faults(f"{self.seed}/to_device", **faults)
        self.up.faults = Faults(f"{self.seed}/to_gateway", **faults)

    def _power_on(self, after=0.0):
        self.powered = True
        self.device.power_on(self._from_device, self.now() + after)

    def _power_off(self):
        if self.powered:
            self.device.power_off(self.now())
        self.powered = False

    def _unplug(self, power):
        if self.terminal is None:
            return
        self.link.unlink(missing_ok=True)
        self._keep_name()
        self.terminal.close()
        self.terminal, self.path = None, None
        self.down.clear()
        self.up.clear()
        if power:
            self._power_off()

    def _keep_name(self):
        """Nobody gets the name that goes, this line under its next port or another one: an open descriptor keeps its
        number taken. Whoever opens the old name in that moment finds nothing, and not somebody else's port."""
        try:
            self.graves.append(os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
        except OSError:  # exclusively somebody else's, and this is not root
            self.spare = Terminal()
        if len(self.graves) > GRAVES:
            os.close(self.graves.pop(0))

    def _replug(self, device):
        if self.terminal is not None:
            self._unplug(True)
        if device is not None:
            self._power_off()
            self.device = device
        self.terminal, self.spare = self.spare or Terminal(), None
        self.path = self.terminal.path
        self.loop.watch(self.terminal.master)
        made = self.link.with_name(f".{self.link.name}")
        made.symlink_to(self.path)
        made.rename(self.link)
        if not self.powered:
            self._power_on()

    def _from_device(self, data, when):
        if self.terminal is not None:
            self.up.push(data, when)

    def turn(self):
        """Moves what is due; gives seconds (real) until the next look."""
        now = self.now()
        if self.terminal is not None:
            room = self.down.room(now)
            if room > 0 and (data := self.terminal.read(room)):
                self.down.push(data, now)
        if self.powered:
            play(self.device, self.down, now)
        for _, data in self.up.take(now):
            if self.terminal.open:
                self.overrun += len(data) - self.terminal.write(data)
        if self.down.segments or self.up.segments:
            return GRANULARITY
        due = self.device.next_due() if self.powered else None
        return IDLE if due is None else min(IDLE, max(GRANULARITY, (due - now) / self.factor))


def answer(line, command):
    """Does what a line of stdin says; gives what is printed."""
    what = command.pop("do", "")
    if what == "unplug":
        line.unplug(command.get("power", True))
    elif what == "replug":
        line.replug()
    elif what == "faults":
        line.set_faults(**command)
    elif what != "counts":
        return {"error": f"unknown: {what}"}
    return line.counts() if what == "counts" else \
        {"done": what, "gateway": line.path, "link": str(line.link), "device": line.device_path}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baud", type=int, default=115200)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--factor", type=float, default=1.0)
    parser.add_argument("--folder", help="where the symlink by-id/NAME is kept")
    parser.add_argument("--name", default="usb-emulated-0")
    faults = ("flip", "drop", "duplicate", "delay", "lose_line", "delay_seconds")
    for fault in faults:
        parser.add_argument(f"--{fault.replace('_', '-')}", type=float)
    options = vars(parser.parse_args())
    options = {key: value for key, value in options.items() if value is not None}
    with Line(**options) as line:
        print(json.dumps({"gateway": line.path, "link": str(line.link), "device": line.device_path}), flush=True)
        for text in sys.stdin:
            command = json.loads(text)
            if command.get("do") == "end":
                break
            print(json.dumps(answer(line, command)), flush=True)


if __name__ == "__main__":
    main()
