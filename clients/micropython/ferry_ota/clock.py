"""Time that only grows, under MicroPython and CPython: milliseconds, and a deadline that every wait is held to."""
import time

from .errors import LinkError

if hasattr(time, "ticks_ms"):
    ticks_ms = time.ticks_ms
    ticks_diff = time.ticks_diff
    sleep_ms = time.sleep_ms
else:
    def ticks_ms():
        return int(time.monotonic() * 1000)

    def ticks_diff(later, earlier):
        return later - earlier

    def sleep_ms(milliseconds):
        time.sleep(milliseconds / 1000)


class Deadline:
    """`milliseconds` from now, at most a few days: tick counters of small ports wrap."""

    def __init__(self, milliseconds):
        self._began = ticks_ms()
        self._limit = milliseconds

    def over(self):
        return ticks_diff(ticks_ms(), self._began) >= self._limit

    def left(self):
        """Milliseconds until then, at least 1: to some a timeout of 0 is none."""
        return max(1, self._limit - ticks_diff(ticks_ms(), self._began))

    def check(self, what):
        if self.over():
            raise LinkError("%s took longer than %d ms" % (what, self._limit))
