"""What the devices on a line share: they do no I/O and have no clock (see serial_line.py), so that the same object
works on a Line in the test's own process, in virtual time, or as a program on a tty.

    class MyDevice(TimedDevice):  on_power(), on_lost_power(), on_bytes(data); self.at(seconds, function),
                                  self.put(data), self.tell("event", ...)
    serve(device, "/dev/pts/3")   the program: a tty, real time, one JSON line on stdout for each event

Events go to `report`, a function of one dictionary {"device", "event", "at" (seconds of its time), ...}; a list of
them is kept in `events`, and `wait_for_event` of a test polls `has(...)`.
"""
import argparse
import errno
import heapq
import itertools
import json
import os
import select
import time
import tty


class TimedDevice:
    """Its time passes by tick(); `finished` is the exit status of a device that has nothing more to do."""

    def __init__(self, name="device", report=None):
        self.name = name
        self.report = report
        self.events = []
        self.send = None
        self.now = 0.0
        self.due = []
        self.order = itertools.count()
        self.finished = None

    # What a device is to a line.

    def power_on(self, send, now):
        self.send, self.now = send, now
        self.due.clear()
        self.on_power()

    def power_off(self, now):
        self.now = max(self.now, now)
        self.due.clear()
        self.send = None
        self.on_lost_power()

    def receive(self, data, now):
        self.now = max(self.now, now)
        self.on_bytes(data)

    def tick(self, now):
        while self.due and self.due[0][0] <= now:
            when, _, function = heapq.heappop(self.due)
            self.now = max(self.now, when)
            function()
        self.now = max(self.now, now)

    def next_due(self):
        return self.due[0][0] if self.due else None

    # What a device is made of.

    def at(self, seconds, function):
        """Calls `function` so many seconds from now, unless the power goes before."""
        heapq.heappush(self.due, (self.now + seconds, next(self.order), function))

    def put(self, data):
        if self.send:
            self.send(data, self.now)

    def tell(self, event, **fields):
        row = {"device": self.name, "event": event, "at": round(self.now, 6), **fields}
        self.events.append(row)
        if self.report:
            self.report(row)

    def has(self, event, **fields):
        """The last such event, or None."""
        rows = [row for row in list(self.events) if row["event"] == event
                and all(row.get(key) == value for key, value in fields.items())]
        return rows[-1] if rows else None

    def on_power(self):
        """It begins to run."""

    def on_lost_power(self):
        """What was in its RAM only is gone."""

    def on_bytes(self, data):
        """The line brought `data`."""


def print_event(row):
    print(json.dumps(row), flush=True)


def add_options(parser, defaults):
    """An option for each field of a dataclass with settings."""
    for name, value in vars(defaults).items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=value)
        else:
            parser.add_argument(option, type=type(value), default=value)
    parser.add_argument("--port", required=True, help="the tty; one that goes away is waited for")
    parser.add_argument("--factor", type=float, default=1.0, help="how much faster than real its time passes")


def settings_of(options, kind):
    return kind(**{name: getattr(options, name) for name in vars(kind())})


def open_port(path, limit=60.0):
    """The tty in raw mode; waits until it is there."""
    deadline = time.monotonic() + limit
    while True:
        try:
            port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            tty.setraw(port)
            return port
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EIO, errno.ENXIO) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def write_all(port, data):
    """A device that cannot be rid of its bytes loses them, as a UART without flow control does."""
    while data:
        select.select([], [port], [], 0.5)
        try:
            data = data[os.write(port, data):]
        except OSError:
            return


def serve(device, path, factor=1.0):
    """Runs `device` on a tty until it has finished; gives its exit status."""
    began = time.monotonic()
    port = open_port(path)

    def now():
        return (time.monotonic() - began) * factor
    device.power_on(lambda data, when: write_all(port, data), now())
    while device.finished is None:
        due = device.next_due()
        wait = 1.0 if due is None else max(0.0, (due - now()) / factor)
        ready, _, _ = select.select([port], [], [], wait)
        data = b""
        if ready:
            try:
                data = os.read(port, 4096)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
            if not data:
                os.close(port)
                port = open_port(path)
        device.tick(now())
        if data:
            device.receive(data, now())
    return device.finished
