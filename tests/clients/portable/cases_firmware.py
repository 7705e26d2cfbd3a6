"""The firmware writers over emulated partitions: what is written, read back, activated, and given up."""
import sys

import ferry_ota
from cases_update import old_device, raised
from emulated_files import PowerCut
from emulated_gateway import NEW, OLD, WORK, MemoryTransport, device, release
from ferry_ota import errors
from ferry_ota.firmware import Esp32Writer, PycomWriter

BLOCK = 4096


def image(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


class Flash:
    """Two partitions of eight blocks, and which one starts. `refuse`: set_boot finds no image."""

    def __init__(self):
        self.content = {"ota_0": bytearray(image(BLOCK)), "ota_1": bytearray(b"\xff" * (8 * BLOCK))}
        self.running = self.boots_next = "ota_0"
        self.refuse = False
        self.valid = False
        self.writes = 0
        flash = self

        class Partition:
            RUNNING = 1
            TYPE_APP = 0

            def __init__(self, which):
                self.label = flash.running if which == Partition.RUNNING else which

            @staticmethod
            def find(kind, label):
                return [Partition(label)] if label in flash.content else []

            @staticmethod
            def mark_app_valid_cancel_rollback():
                flash.valid = True

            def get_next_update(self):
                return Partition("ota_1" if flash.running == "ota_0" else "ota_0")

            def info(self):
                return (0, 16, 0x10000, 8 * BLOCK, self.label, False)

            def writeblocks(self, number, block):
                assert len(block) == BLOCK and self.label != flash.running and number < 8
                flash.writes += 1
                flash.content[self.label][number * BLOCK:(number + 1) * BLOCK] = block

            def readblocks(self, number, block):
                block[:] = flash.content[self.label][number * BLOCK:(number + 1) * BLOCK]

            def set_boot(self):
                if flash.refuse:
                    raise OSError(-5379)
                flash.boots_next = self.label
        self.partition = Partition

    def restart(self):
        self.running = self.boots_next


def updated(size, every=None):
    flash, files, transport = Flash(), old_device(), release(image=image(size))
    transport.cut_every = transport.cut_after = every
    ota = device(transport, files, limits=None)
    ota = ferry_ota.OTA(transport, "1.0", work=WORK, files=files, firmware=Esp32Writer(flash.partition))
    assert ota.update() == ferry_ota.INSTALLED
    assert bytes(flash.content["ota_1"][:size]) == image(size) and flash.boots_next == "ota_1"
    return flash, files, transport


def started(flash, files, transport):
    flash.restart()
    return ferry_ota.OTA(transport, "1.0", work=WORK, files=files, firmware=Esp32Writer(flash.partition))


def test_esp32_images_of_many_sizes():
    for size in (1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 8 * BLOCK - 7, 8 * BLOCK):
        flash, files, transport = updated(size)
        assert flash.writes == (size + BLOCK - 1) // BLOCK
        ota = started(flash, files, transport)
        assert ota.boot() == ferry_ota.TRIAL and ota.confirm() and flash.valid
        yield


def test_esp32_links_that_are_cut():
    for every in (1500, 5000, 9000):
        updated(5 * BLOCK + 77, every)
        yield


def test_esp32_image_that_is_too_large():
    flash, transport = Flash(), release(image=image(8 * BLOCK + 1))
    ota = ferry_ota.OTA(transport, "1.0", work=WORK, files=old_device(), firmware=Esp32Writer(flash.partition))
    raised(errors.SizeError, ota.update)
    assert not flash.writes


def test_esp32_image_that_is_refused():
    flash, files = Flash(), old_device()
    flash.refuse = True
    ota = ferry_ota.OTA(release(image=image(BLOCK)), "1.0", work=WORK, files=files,
                        firmware=Esp32Writer(flash.partition))
    flash.refuse = True
    try:
        ota.update()
        raise AssertionError("it was accepted")
    except (errors.InstallError, OSError):
        pass
    assert files.content(WORK) == OLD and flash.boots_next == "ota_0"


def test_esp32_is_rolled_back():
    flash, files, transport = updated(2 * BLOCK)
    for _ in range(3):
        assert started(flash, files, transport).boot() == ferry_ota.TRIAL
    assert started(flash, files, transport).boot() == ferry_ota.ROLLED_BACK
    assert flash.boots_next == "ota_0" and files.content(WORK) == OLD


def test_esp32_boot_loader_went_back():
    flash, files, transport = updated(2 * BLOCK)
    flash.boots_next = "ota_0"
    assert started(flash, files, transport).boot() == ferry_ota.ROLLED_BACK
    assert files.content(WORK) == OLD


def test_esp32_power_cut_at_every_step():
    """Whatever starts after the cut finishes with the new image and the new files."""
    at = 0
    while True:
        at += 3 if sys.implementation.name == "cpython" else 20  # which hashes in Python
        flash, files, transport = Flash(), old_device(), release(image=image(3 * BLOCK + 9))
        files.cut_at = at
        was_cut = False
        try:
            started(flash, files, transport).update()
        except PowerCut:
            was_cut = True
        files = files.rebooted()
        for _ in range(6):
            ota = started(flash, files, transport)
            if ota.boot() == ferry_ota.TRIAL:
                break
            if ota.phase in ("idle", "fetching", "staged", "backed"):
                assert files.content(WORK) == OLD and flash.boots_next == "ota_0"
                ota.update()
        assert ota.confirm() and files.content(WORK) == NEW and flash.running == "ota_1"
        yield
        if not was_cut:
            return


class Pycom:
    def __init__(self, good=True):
        self.calls = []
        self.image = bytearray()
        self.good = good

    def ota_start(self):
        self.calls.append("start")
        self.image = bytearray()

    def ota_write(self, data):
        self.image.extend(data)

    def ota_finish(self):
        self.calls.append("finish")

    def ota_verify(self):
        return self.good


def test_pycom_writes_the_staged_image():
    pycom, files = Pycom(), old_device()
    ota = device(release(image=image(5000)), files, None)
    ota = ferry_ota.OTA(release(image=image(5000)), "1.0", work=WORK, files=files, firmware=PycomWriter(pycom))
    assert ota.update() == ferry_ota.INSTALLED
    assert bytes(pycom.image) == image(5000) and pycom.calls == ["start", "finish"]
    assert ota.boot() == ferry_ota.TRIAL and ota.confirm()


def test_pycom_image_that_does_not_verify():
    files = old_device()
    ota = ferry_ota.OTA(release(image=image(50)), "1.0", work=WORK, files=files, firmware=PycomWriter(Pycom(False)))
    raised(errors.InstallError, ota.update)
    assert files.content(WORK) == OLD


def test_a_wrong_image_is_never_activated():
    flash, transport = Flash(), release(image=image(BLOCK))
    transport.names["/firmware_2.0.bin"] = image(BLOCK + 1)
    assert isinstance(transport, MemoryTransport)
    ota = ferry_ota.OTA(transport, "1.0", work=WORK, files=old_device(), firmware=Esp32Writer(flash.partition))
    raised(errors.HashError, ota.update)
    assert flash.boots_next == "ota_0"
