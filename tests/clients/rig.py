"""What the tests of the device-side library share: the real gateway with a release of the layout that Pycom's server
reads, and a device as a folder."""
import os
import pathlib
import random
import sys
import types
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "devices")]

import gateway as g  # noqa: E402  (found on the path above)
from emulated_files import PowerCut  # noqa: E402
from emulated_gateway import MemoryFirmware  # noqa: E402
from ferry_ota import OTA, Limits  # noqa: E402
from ferry_ota.files import Files  # noqa: E402

binary = random.Random(5).randbytes
OLD = {"flash/main.py": b"print(1)\n", "flash/boot.py": b"import ferry_ota\n", "flash/lib/a.py": binary(3000),
       "sd/gone.wav": binary(5000), "sd/some asset.txt": b"stays\n"}
NEW = {"flash/main.py": b"print(2)\n", "flash/boot.py": b"import ferry_ota\n", "flash/lib/a.py": binary(40_000),
       "flash/lib/deep/new.py": binary(9000), "flash/empty.txt": b"", "sd/some asset.txt": b"stays\n"}
IMAGE = binary(120_000)
PRODUCT = "\n[product.tracker]\ndialect = pycom\n"
WORK = "flash/.ferry"


def limits():
    made = Limits()
    made.pause_ms = 1
    return made


class FaultyFiles(Files):
    """A real folder on which power goes before the step number `cut_at`."""

    def __init__(self, root, cut_at):
        super().__init__(root)
        self._left = cut_at
        self.was_cut = False

    def _step(self):
        self._left -= 1
        if self._left <= 0:
            self.was_cut = True
            raise PowerCut()

    def open(self, name, mode):
        if mode != "rb":
            self._step()
        return super().open(name, mode)

    def rename(self, old, new):
        self._step()
        super().rename(old, new)

    def unlink(self, name):
        self._step()
        super().unlink(name)

    def mkdir(self, name):
        self._step()
        super().mkdir(name)

    def settle(self, stream):
        self._step()
        super().settle(stream)


class Device:
    """A folder with files and an image; `ota()` is the library after a start."""

    def __init__(self, test, transport):
        self.folder = pathlib.Path(g.scratch(test))
        self.transport = transport
        self.firmware = MemoryFirmware()
        for name, content in OLD.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def ota(self, files=None):
        self.firmware.reboot()
        return OTA(self.transport, "1.0.0", root=str(self.folder), work=WORK, files=files, firmware=self.firmware,
                   limits=limits(), restart=self.firmware.reboot)

    def files(self):
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*")
                if path.is_file() and not path.is_relative_to(self.folder / WORK)}

    def runs(self):
        """"old" or "new", None when it is neither."""
        for name, files, image in (("old", OLD, b"old image"), ("new", NEW, IMAGE)):
            if self.files() == files and self.firmware.runs() == image:
                return name
        return None


class Uart:
    """The device's end of a line, as machine.UART has it: neither method waits."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        os.set_blocking(descriptor, False)

    def readinto(self, view):
        try:
            data = os.read(self.descriptor, len(view))
        except BlockingIOError:
            return None
        view[:len(data)] = data
        return len(data)

    def write(self, data):
        try:
            return os.write(self.descriptor, data)
        except BlockingIOError:
            return None


class GatewayCase(unittest.TestCase):
    """One gateway for all tests of the class. `transport`: the INI section of the link."""

    @classmethod
    def start_gateway(cls, transport):
        folder = g.scratch(types.SimpleNamespace(addCleanup=cls.addClassCleanup))
        releases = folder / "releases"
        g.write_release(releases, "1.0.0", None, OLD)
        g.write_release(releases, "1.0.1", IMAGE, NEW)
        made = g.Gateway(folder / "gw", f"[source.stick]\ntype = directory\npath = {releases}\nproduct = tracker\n"
                         + PRODUCT + transport)
        cls.addClassCleanup(made.__exit__, None)
        made.start()
        made.wait_for_release("tracker", "1.0.1")
        return made
