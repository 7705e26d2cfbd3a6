"""A file system in memory that loses power at a chosen step, under MicroPython and CPython. It forgets what a real one
forgets: on `littlefs` a file has its old content until it is settled or closed, on `fat` any part of what was written
may be there, and nothing is renamed over another file. `mounts`: folders that are file systems of their own."""
from ferry_ota.files import Files

_FOLDER = 0x4000
_FILE = 0x8000


class PowerCut(BaseException):
    """Nothing catches it, as nothing runs on without power."""


class _Handle:
    """An open file. `content` is what the program sees, `lasting` what a power cut leaves."""

    def __init__(self, files, name, mode):
        self._files = files
        self._name = name
        self._writes = mode != "rb"
        self._at = 0
        self._closed = False
        if self._writes:
            files.step()
            old = files.lasting.get(name, b"")
            self._content = bytearray(old if mode == "ab" else b"")
            if name not in files.lasting or files.kind == "fat" and mode == "wb":
                files.lasting[name] = b""
        else:
            self._content = files.lasting[name]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()

    def write(self, data):
        data = bytes(data)
        if self._files.next_is_cut() and self._files.kind == "fat":
            self._content.extend(data[:len(data) // 2])
            self._last()
        self._files.step()
        self._content.extend(data)
        if self._files.capacity is not None and self._files.used() + len(data) > self._files.capacity:
            raise OSError(28)
        return len(data)

    def _last(self):
        self._files.lasting[self._name] = bytes(self._content)

    def flush(self):
        self._files.step()
        self._last()

    def close(self):
        if not self._closed and self._writes and not self._files.dead:
            self._files.step()
            self._last()
        self._closed = True

    def readinto(self, view):
        count = min(len(view), len(self._content) - self._at)
        view[:count] = self._content[self._at:self._at + count]
        self._at += count
        return count

    def read(self, limit=1 << 30):
        data = self._content[self._at:self._at + limit]
        self._at += len(data)
        return data

    def readline(self):
        end = self._content.find(b"\n", self._at)
        return self.read(end + 1 - self._at if end >= 0 else 1 << 30)


class EmulatedFiles(Files):
    def __init__(self, kind="littlefs", content=None, folders=(), mounts=()):
        super().__init__("/")
        self.kind = kind
        self.lasting = dict(content or {})
        self.folders = set(folders)
        self.mounts = mounts
        self.capacity = None
        self.steps = 0
        self.cut_at = None
        self.dead = False

    def rebooted(self):
        """The device with its power back."""
        again = EmulatedFiles(self.kind, self.lasting, self.folders, self.mounts)
        again.capacity = self.capacity
        return again

    def content(self, without):
        """{name: bytes} of all that does not lie in the folder `without`."""
        return {name: data for name, data in self.lasting.items() if not name.startswith(without + "/")}

    def used(self):
        return sum(len(data) for data in self.lasting.values())

    def next_is_cut(self):
        return not self.dead and self.steps + 1 == self.cut_at

    def step(self):
        if self.next_is_cut():
            self.dead = True
        if self.dead:
            raise PowerCut()
        self.steps += 1

    def _mount(self, name):
        for mount in self.mounts:
            if name.startswith(mount + "/"):
                return mount
        return ""

    def _check_parent(self, name):
        end = name.rfind("/")
        if end > 0 and name[:end] not in self.folders:
            raise OSError(2)

    # The steps.

    def open(self, name, mode):
        if mode == "rb" and name not in self.lasting:
            raise OSError(2)
        if mode != "rb":
            self._check_parent(name)
            if name in self.folders:
                raise OSError(21)
        return _Handle(self, name, mode)

    def settle(self, stream):
        stream.flush()

    def rename(self, old, new):
        self.step()
        if old not in self.lasting:
            raise OSError(2)
        if self._mount(old) != self._mount(new):
            raise OSError(1)
        if new in self.folders:
            raise OSError(21)
        if new in self.lasting and self.kind == "fat":
            raise OSError(17)
        self._check_parent(new)
        self.lasting[new] = self.lasting.pop(old)

    def unlink(self, name):
        self.step()
        if name not in self.lasting:
            raise OSError(2)
        del self.lasting[name]

    def mkdir(self, name):
        self.step()
        if name in self.folders or name in self.lasting:
            raise OSError(17)
        self._check_parent(name)
        self.folders.add(name)

    def rmdir(self, name):
        self.step()
        if self.names(name):
            raise OSError(39)
        self.folders.remove(name)

    # The questions.

    def mode(self, name):
        return _FOLDER if name in self.folders else _FILE if name in self.lasting else 0

    def size(self, name):
        return len(self.lasting[name]) if name in self.lasting else -1

    def names(self, folder):
        start = folder + "/"
        return sorted(name[len(start):] for name in list(self.lasting) + list(self.folders)
                      if name.startswith(start) and "/" not in name[len(start):])

    def free(self, folder):
        return None if self.capacity is None else max(self.capacity - self.used(), 0)
