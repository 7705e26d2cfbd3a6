"""Power that goes at every step of the file system, on kinds of file systems that forget in different ways: after the
next start the device runs the old release or the new one, whole, and in the end the new one."""
import sys

import ferry_ota
from emulated_files import EmulatedFiles, PowerCut
from emulated_gateway import FOLDERS, IMAGE, NEW, OLD, WORK, MemoryFirmware, device, release

KINDS = (("littlefs", ()), ("fat", ()), ("littlefs", ("sd", "flash/lib")), ("fat", ("sd", "flash/lib")))
# Every step is tried under CPython; MicroPython as WebAssembly, which hashes in Python, takes every n-th.
STRIDE = 1 if sys.implementation.name == "cpython" else 13


def first_files(kind, mounts):
    return EmulatedFiles(kind, OLD, FOLDERS, mounts)


def is_whole(files, firmware):
    """"old" or "new"; what it runs is named when it is neither."""
    content, image = files.content(WORK), firmware.runs()
    if content == OLD and image == b"old image":
        return "old"
    assert content == NEW and image == IMAGE, (content, image)
    return "new"


def start(transport, files, firmware):
    """Starts until nothing asks for another start, and gives what boot() said last."""
    for _ in range(3):
        restarts = []
        ota = device(transport, files, firmware, restart=lambda: restarts.append(1))
        outcome = ota.boot()
        assert outcome != ferry_ota.BROKEN
        if not restarts:
            return ota, outcome
    raise AssertionError("it restarts again and again")


def finish(transport, files, firmware):
    """Whatever the state is: with power and link the device ends with the new release."""
    ota, outcome = start(transport, files, firmware)
    is_whole(files, firmware)
    if outcome != ferry_ota.TRIAL and ota.version == "1.0":
        assert ota.update(force=True) == ferry_ota.INSTALLED
        ota, outcome = start(transport, files, firmware)
    if outcome == ferry_ota.TRIAL:
        assert ota.confirm()
    assert is_whole(files, firmware) == "new" and ota.version == "2.0"
    assert [name for name in files.names(WORK) if not name.startswith("state")] == []


def cut(files, at, action):
    """Runs `action` and takes the power at step `at`. False when it came to its end before."""
    files.cut_at = files.steps + at
    try:
        action()
        return False
    except PowerCut:
        return True
    finally:
        files.cut_at = None


def through_every_cut(prepare, action, check):
    """`prepare()` gives (transport, files, firmware); `action(them)` is cut at each of its steps."""
    at = 0
    while True:
        at += STRIDE
        transport, files, firmware = prepare()
        was_cut = cut(files, at, lambda: action(transport, files, firmware))
        files = files.rebooted()
        check(transport, files, firmware)
        yield
        if not was_cut:
            assert at > 10, "hardly a step was made"
            return


def test_power_cut_at_every_step_of_an_update():
    def update(transport, files, firmware):
        device(transport, files, firmware).update()

    for kind, mounts in KINDS:
        for _ in through_every_cut(lambda: (release(image=IMAGE), first_files(kind, mounts), MemoryFirmware()),
                                   update, finish):
            yield


def test_power_cut_at_every_step_of_a_confirmation():
    def prepare():
        transport, files, firmware = release(image=IMAGE), first_files(kind, mounts), MemoryFirmware()
        device(transport, files, firmware).update()
        return transport, files, firmware

    def confirm(transport, files, firmware):
        ota = device(transport, files, firmware)
        ota.boot()
        ota.confirm()

    for kind, mounts in KINDS:
        for _ in through_every_cut(prepare, confirm, finish):
            yield


def test_the_journal_is_lost_at_every_step_of_a_confirmation():
    """The flash fails as well: still no mixture."""
    def prepare():
        transport, files = release(), first_files("littlefs", ())
        device(transport, files).update()
        return transport, files, None

    def confirm(transport, files, firmware):
        ota = device(transport, files)
        ota.boot()
        ota.confirm()

    def check(transport, files, firmware):
        for name in ("/state", "/state.new"):
            if WORK + name in files.lasting:
                files.lasting[WORK + name] = b"[]"
        ota = device(transport, files)
        assert ota.boot() in (ferry_ota.ROLLED_BACK, ferry_ota.NORMAL)
        assert files.content(WORK) in (OLD, NEW), files.content(WORK)

    for _ in through_every_cut(prepare, confirm, check):
        yield


def unconfirmed(kind, mounts):
    transport, files, firmware = release(image=IMAGE), first_files(kind, mounts), MemoryFirmware()
    device(transport, files, firmware).update()
    for _ in range(3):
        assert device(transport, files, firmware).boot() == ferry_ota.TRIAL
    return transport, files, firmware


def test_power_cut_at_every_step_of_a_rollback():
    def check(transport, files, firmware):
        ota, _ = start(transport, files, firmware)
        assert is_whole(files, firmware) == "old"
        assert (ota.update(), ota.refused) == (ferry_ota.REFUSED, "2.0")
        finish(transport, files, firmware)

    for kind, mounts in KINDS:
        for _ in through_every_cut(lambda: unconfirmed(kind, mounts),
                                   lambda transport, files, firmware: device(transport, files, firmware).boot(), check):
            yield


def test_power_cut_again_while_it_recovers():
    """The second cut comes at each step of what the start after the first one does."""
    for kind, mounts in KINDS:
        at, was_cut = 0, True
        while was_cut:
            at += STRIDE
            transport, files, firmware = release(image=IMAGE), first_files(kind, mounts), MemoryFirmware()
            was_cut = cut(files, at, lambda: device(transport, files, firmware).update())
            for second in range(1, 200, STRIDE):
                again, loader = files.rebooted(), MemoryFirmware()
                loader.images, loader.boots_next = dict(firmware.images), firmware.boots_next
                cut_twice = cut(again, second, lambda: device(transport, again, loader).boot())
                finish(release(image=IMAGE), again.rebooted(), loader)
                yield
                if not cut_twice:
                    break


def test_the_journal_is_the_old_or_the_new_at_every_byte():
    from ferry_ota.state import Journal
    for kind in ("littlefs", "fat"):
        files = EmulatedFiles(kind, folders=(WORK, "flash"))
        journal = Journal(files, WORK)
        state = journal.load("1")
        state.phase = "trial"
        journal.save(state)
        whole = files.lasting[WORK + "/state"]
        state.boots = 7
        journal.save(state)
        new = files.lasting[WORK + "/state"]
        for length in range(len(new) + 1):
            for there in (whole, None):
                files.lasting = {WORK + "/state.new": new[:length]}
                if there is not None:
                    files.lasting[WORK + "/state"] = there
                found = journal.load("1")
                assert not found.damaged
                if there is not None:
                    assert (found.phase, found.boots) == ("trial", 0)
                else:
                    assert (found.phase, found.boots) == (("trial", 7) if length == len(new) else ("idle", 0))
        for length in range(len(whole)):
            files.lasting = {WORK + "/state": whole[:length]}
            assert journal.load("1").damaged
            files.lasting[WORK + "/state.new"] = new
            assert journal.load("1").boots == 7
        yield
