"""What an update consists of: one line for each file, kept on flash and read one line at a time, so that memory does
not grow with their number. Entry number i is `delete`, `write` or `firmware`; the files that belong to it are named
by that number in the library's folder."""
from .errors import ManifestError

DELETE = "D"
WRITE = "W"
FIRMWARE = "F"
VERSION = "V"


class Entry:
    """`path` is relative to the root, `name` is what a transport is asked for, `hash` is lower hexadecimal."""

    def __init__(self, number, kind, path, name, hash_text):
        self.number = number
        self.kind = kind
        self.path = path
        self.name = name
        self.hash = hash_text


class PlanWriter:
    def __init__(self, out, most):
        self._out = out
        self._most = most
        self.entries = 0
        self.firmware = 0

    def add(self, kind, path, name, hash_text):
        if self.entries == self._most:
            raise ManifestError("more than %d files in the manifest" % self._most)
        self.entries += 1
        self.firmware += kind == FIRMWARE
        self._line(kind, path, name, hash_text)

    def finish(self, version, following):
        """The last line: from which version to which."""
        self._line(VERSION, version, following, "")

    def _line(self, *fields):
        self._out.write(("\t".join(fields) + "\n").encode())


def _lines(source):
    line = source.readline()
    while line:
        fields = line.decode().rstrip("\n").split("\t")
        if len(fields) == 4:
            yield fields
        line = source.readline()


def read(source):
    """Yields the entries of a plan that is open for reading bytes."""
    number = 0
    for kind, path, name, hash_text in _lines(source):
        if kind != VERSION:
            yield Entry(number, kind, path, name, hash_text)
            number += 1


def version(source):
    """The version that the plan leads away from; "" when the plan has no end."""
    for kind, before, _, _ in _lines(source):
        if kind == VERSION:
            return before
    return ""


def same(first, second, view, other):
    """Whether two open files have the same content; `view` and `other` are buffers of equal length."""
    while True:
        count = first.readinto(view)
        if count != second.readinto(other):
            return False
        if not count:
            return True
        if view[:count] != other[:count]:
            return False
