"""Where a file is gathered, across cut links and restarts, before anything is installed: a file in the library's
folder. Firmware may have another such place (`firmware.py`), with the same methods."""
from . import digest

_NONE = "-"
_LONGEST = 200
_SETTLE = 16 * 1024  # bytes after which what was written is made to last


class Stage:
    """`length`: bytes gathered so far. `total`, `tag`: what the transport told of the file when it began, None and ""
    when nothing. Number n is gathered in `n.part`, described by `n.tag`, and named `n` once its hash is right."""

    def __init__(self, files, folder, number):
        self.files = files
        self.folder = folder
        self.name = "%s/%s" % (folder, number)
        self.length = 0
        self.total = None
        self.tag = ""
        self._out = None
        self._unsettled = 0

    def load(self):
        """Finds what an earlier attempt has gathered."""
        self.length, self.total, self.tag = 0, None, ""
        text = self.files.read(self.name + ".tag", _LONGEST) or b""
        try:
            total, tag = text.decode().split(" ")
            self.total = None if total == _NONE else int(total)
        except ValueError:  # there is none, or a power cut tore it
            return
        if tag.endswith("\n"):
            self.length = self.gathered()
            self.tag = "" if tag == _NONE + "\n" else tag[:-1]
        else:
            self.total = None

    def restart(self, total, tag):
        """Throws away what was gathered; `total` and `tag` describe what comes."""
        self.discard()
        text = "%s %s\n" % (_NONE if total is None else total, tag or _NONE)
        self.files.write(self.name + ".tag", text.encode())
        self.total, self.tag = total, tag

    def complete(self):
        return self.total is not None and self.length == self.total

    # What another place does in its own way.

    def gathered(self):
        return max(self.files.size(self.name + ".part"), 0)

    def free(self):
        """Bytes that may still be appended; None when nobody can tell."""
        return self.files.free(self.folder)

    def append(self, view):
        if self._out is None:
            self._out = self.files.open(self.name + ".part", "ab")
        self._out.write(view)
        self.length += len(view)
        self._unsettled += len(view)
        if self._unsettled >= _SETTLE:
            self.files.settle(self._out)
            self._unsettled = 0

    def close(self):
        """What was appended lasts; append() may follow."""
        out, self._out = self._out, None
        if out is not None:
            try:
                self.files.settle(out)
            finally:
                out.close()

    def discard(self):
        self.close()
        self.files.remove(self.name + ".part")
        self.files.remove(self.name + ".tag")
        self.length, self.total, self.tag = 0, None, ""

    def digest(self, length, view):
        return self._digest(".part", length, view)

    def accept(self):
        """Its hash is right: from now on it is staged."""
        if not self.length:
            self.files.write(self.name + ".part", b"")  # nothing was ever appended
        self.files.replace(self.name + ".part", self.name)
        self.files.remove(self.name + ".tag")

    def staged_digest(self, length, view):
        """The hash of what was accepted; "" when that is gone."""
        return self._digest("", length, view) if self.files.size(self.name) >= 0 else ""

    def _digest(self, suffix, length, view):
        self.close()
        if self.files.size(self.name + suffix) < 0:
            return digest.empty(length)
        with self.files.open(self.name + suffix, "rb") as source:
            return digest.of(source, length, view)
