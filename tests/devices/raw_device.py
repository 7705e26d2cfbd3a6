#!/usr/bin/python3
"""A device that takes its firmware as raw bytes: it knows length and SHA-256 beforehand, prints a line that asks for
them, and reads without framing or handshake through a buffer of 1024 bytes. Once begun, a stream that stalls for
longer than it bears has failed; so have bytes that found no room in the buffer, and a wrong hash.

    RawDevice(Settings(length=len(image), sha256=digest))       on a Line (serial_line.py), or as a program:
    raw_device.py --port /dev/pts/3 --length 200000 --sha256 HEX [an option for each field of Settings]

Events: asked, begun, progress {offset}, received (all is there and right), failed {why, offset}. A failed device
asks again after `again_seconds`; `finished` is 0 when it has received.
"""
import argparse
import dataclasses
import hashlib
import sys

from timed_device import TimedDevice, add_options, print_event, serve, settings_of

PROGRESS = 16 * 1024


@dataclasses.dataclass
class Settings:
    """Times in seconds, sizes in bytes."""
    name: str = "raw"
    length: int = 0
    sha256: str = ""
    trigger: str = "OTA READY"  # what it prints, with CR LF behind it
    ask_seconds: float = 1.0  # it prints that so often until bytes come
    stall_seconds: float = 0.2
    buffer: int = 1024
    write_rate: float = 50_000.0  # bytes a second out of the buffer into flash
    boot_seconds: float = 0.1
    again_seconds: float = 1.0  # from a failure to the next line that asks


class RawDevice(TimedDevice):
    """`content` is what has been received so far, and the firmware when `finished` is 0."""

    def __init__(self, settings, report=None):
        super().__init__(settings.name, report)
        self.settings = settings
        self.forget()

    def forget(self):
        self.content = bytearray()
        self.last = None  # when the last byte came; None while it waits to begin
        self.filled = 0.0  # bytes in the buffer, at `last`
        self.asking = False
        self.attempt = getattr(self, "attempt", 0) + 1

    def on_power(self):
        self.forget()
        if self.finished is None:
            self.begin(self.settings.boot_seconds)

    def on_lost_power(self):
        self.forget()

    def begin(self, seconds):
        attempt = self.attempt
        self.at(seconds, lambda: self.ask(attempt))

    def ask(self, attempt):
        """Prints the line, again and again while nothing comes."""
        if attempt != self.attempt or self.last is not None:
            return
        if not self.asking:
            self.tell("asked")
        self.asking = True
        self.put(self.settings.trigger.encode() + b"\r\n")
        self.at(self.settings.ask_seconds, lambda: self.ask(attempt))

    def on_bytes(self, data):
        if not self.asking or self.finished is not None:
            return
        if self.last is None:
            self.tell("begun")
        else:
            self.filled = max(0.0, self.filled - (self.now - self.last) * self.settings.write_rate)
        self.last = self.now
        self.filled += len(data)
        before = len(self.content)
        self.content += data
        if self.filled > self.settings.buffer:
            return self.fail("overrun")
        if before // PROGRESS != len(self.content) // PROGRESS:
            self.tell("progress", offset=len(self.content))
        if len(self.content) >= self.settings.length:
            return self.check()
        attempt, last = self.attempt, self.last
        self.at(self.settings.stall_seconds, lambda: self.stalled(attempt, last))

    def stalled(self, attempt, last):
        if attempt == self.attempt and last == self.last and self.finished is None:
            self.fail("stalled")

    def check(self):
        if len(self.content) > self.settings.length:
            return self.fail("more than its length")
        if hashlib.sha256(self.content).hexdigest() != self.settings.sha256:
            return self.fail("wrong hash")
        self.finished = 0
        self.tell("received", length=len(self.content))
        self.put(b"OTA OK\r\n")

    def fail(self, why):
        self.tell("failed", why=why, offset=len(self.content))
        self.put(b"OTA FAILED\r\n")
        self.forget()
        self.begin(self.settings.again_seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, Settings())
    options = parser.parse_args()
    return serve(RawDevice(settings_of(options, Settings), print_event), options.port, options.factor)


if __name__ == "__main__":
    sys.exit(main())
