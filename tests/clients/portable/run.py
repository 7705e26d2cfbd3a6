"""Runs cases: the functions named test_* of the modules cases_NAME, under CPython or MicroPython. A case that yields is
gone on with, so that an interpreter that collects garbage only at the top level can do so in between.

Under CPython: run.py NAME..."""
import gc
import sys


def load(name):
    """[(name of the case, function)]"""
    module = __import__("cases_" + name)
    return [(case, getattr(module, case)) for case in sorted(dir(module)) if case.startswith("test_")]


class Cases:
    """One step() after the other until it gives False."""

    def __init__(self, names):
        self._left = [case for name in names for case in load(name)]
        self._running = None
        self._name = ""
        self._steps = 0
        self.count = len(self._left)

    def step(self):
        if self._running is None:
            if not self._left:
                return False
            self._name, function = self._left.pop(0)
            self._running = function()
            if not hasattr(self._running, "__next__"):
                self._running = None
                print("ok", self._name)
            self._steps = 0
        else:
            try:
                next(self._running)
                self._steps += 1
            except StopIteration:
                self._running = None
                print("ok", self._name, "in", self._steps, "runs")
        gc.collect()
        return True


if __name__ == "__main__" and sys.implementation.name == "cpython":
    cases = Cases(sys.argv[1:])
    while cases.step():
        pass
    print(cases.count, "cases")
    sys.exit(0 if cases.count else 1)
