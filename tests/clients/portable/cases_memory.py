"""What an update allocates in all, garbage included, does not depend on the size of the file. The files lie in a real
file system: the interpreter's own in memory under MicroPython, whose bytes are not Python's."""
import gc
import os
import sys

import ferry_ota
from emulated_aioble import Aioble, Gateway, Loop
from emulated_gateway import limits
from ferry_ota.ble import BlePull
from ferry_ota.errors import RangeError
from ferry_ota.files import Files
from ferry_ota.transport import Body, Transport

SIZES = (10 * 1024, 1024 * 1024)
# SHA-1 of as many bytes of 0, 1, ... 255, 0, ...
HASHES = {10 * 1024: "36812e99f2d591c5114a7b09519ea9d7daba2380",
          1024 * 1024: "ecfc8e86fdd83811f9cc9bf500993b63069923be"}
ALL = bytes(range(256)) * 5
FOLDER = "/tmp/ferry-memory-%d"


class FileBody(Body):
    def __init__(self, path, offset):
        self.total = os.stat(path)[6]
        if offset > self.total:
            raise RangeError(self.total)
        self._stream = open(path, "rb")
        self._stream.seek(offset)
        self.start = offset

    def readinto(self, view):
        return self._stream.readinto(view)

    def close(self):
        self._stream.close()


class FolderTransport(Transport):
    """Serves files of a folder."""

    def __init__(self, folder):
        self._folder = folder

    def open(self, name, offset, tag):
        return FileBody(self._folder + "/" + name[1:].split("?")[0], offset)


def make(size):
    """A gateway and a device in a folder of their own; the release replaces one file by one of `size` bytes."""
    folder = FOLDER % size
    remove(folder)
    for name in ("", "/gateway", "/device"):
        os.mkdir(folder + name)
    block = bytes(range(256)) * 4
    for name in ("/gateway/image", "/device/image"):
        with open(folder + name, "wb") as out:
            for _ in range(size // len(block)):
                out.write(block)
    with open(folder + "/gateway/manifest.json", "w") as out:
        out.write('{"delete":[],"new":[],"update":[{"URL":"/image","dst_path":"/image","hash":"%s"}],"version":"2.0"}'
                  % HASHES[size])
    return folder


def remove(path):
    try:
        names = os.listdir(path)
    except OSError:
        return
    for name in names:
        if os.stat(path + "/" + name)[0] & 0x4000:
            remove(path + "/" + name)
        else:
            os.remove(path + "/" + name)
    os.rmdir(path)


def allocated(size):
    """Bytes that an update of a file of `size` took from the heap. Nothing is collected in between."""
    folder = make(size)
    yield
    before = gc.mem_alloc()
    ota = ferry_ota.OTA(FolderTransport(folder + "/gateway"), "1.0", files=Files(folder + "/device"),
                        limits=limits(block=1024))
    ota.boot()
    assert ota.update() == ferry_ota.INSTALLED
    used = gc.mem_alloc() - before
    assert ota.boot() == ferry_ota.TRIAL and ota.confirm()
    remove(folder)
    yield used


def test_allocation_does_not_grow_with_the_file():
    used = []
    for size in SIZES:
        for step in allocated(size):
            if step is not None:
                used.append(step)
            yield
    print("an update of %d and of %d bytes allocated %d and %d bytes in all" % (SIZES + tuple(used)))
    assert abs(used[1] - used[0]) < 1024, used  # a byte for each KiB at most
    assert used[0] < 64 * 1024, used


class Counting:
    """A file of `size` bytes that nobody holds."""

    def __init__(self, size):
        self._size = size

    def __len__(self):
        return self._size

    def __getitem__(self, part):
        count = min(part.stop, self._size) - part.start
        return ALL[part.start & 0xFF:(part.start & 0xFF) + count]


def alive_over_ble(psm, counted):
    """Bytes that are alive each time 32 KiB of 256 KiB have come; garbage is collected at each yield."""
    far = Gateway({"/image": Counting(256 * 1024)}, psm, block=1000)
    transport = BlePull(Aioble(far), timeout_ms=60_000, loop=Loop())
    view = memoryview(bytearray(1024))
    body = transport.open("/image", 0, "")
    came = 0
    while came < body.total:
        count = body.readinto(view)
        assert count and view[0] == came & 0xFF
        came += count
        if came % 32_000 == 0:
            far.server.asked.clear()
            yield
            counted.append(alive())
    assert body.readinto(view) == 0
    transport.disconnect()


def test_what_is_alive_does_not_grow_with_the_file_over_ble():
    for psm in (0x80, 0):
        counted = []
        for _ in alive_over_ble(psm, counted):
            yield
        print("alive over BLE, PSM %d: %s" % (psm, counted))
        assert len(counted) == 8 and max(counted[1:]) - min(counted[1:]) < 512, counted


def alive():
    return gc.mem_alloc()


if sys.implementation.name == "cpython":
    import tracemalloc

    def alive():
        if not tracemalloc.is_tracing():
            tracemalloc.start()
        return tracemalloc.get_traced_memory()[0]

    def allocated(size):
        """CPython has no such counter: the peak of what is alive, of which its own buffers are a part."""
        folder = make(size)
        tracemalloc.start()
        ota = ferry_ota.OTA(FolderTransport(folder + "/gateway"), "1.0", files=Files(folder + "/device"),
                            limits=limits(block=1024))
        assert ota.update() == ferry_ota.INSTALLED
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        remove(folder)
        yield peak
