"""An update from manifest to confirmation, and what makes it end otherwise."""
import ferry_ota
from emulated_files import EmulatedFiles, PowerCut
from emulated_gateway import (FOLDERS, IMAGE, NEW, OLD, WORK, MemoryFirmware, device, limits, manifest_of, release)
from ferry_ota import errors


def old_device(**options):
    return EmulatedFiles(content=OLD, folders=FOLDERS, **options)


def raised(kind, function, *arguments):
    try:
        function(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError("%s was not raised" % kind.__name__)


def test_update_trial_confirm():
    transport, files = release(), old_device()
    ota = device(transport, files)
    assert ota.boot() == ferry_ota.NORMAL
    assert ota.update() == ferry_ota.INSTALLED
    assert files.content(WORK) == NEW
    files = files.rebooted()
    ota = device(transport, files)
    assert (ota.boot(), ota.version) == (ferry_ota.TRIAL, "1.0")
    raised(errors.StateError, ota.update)
    assert ota.confirm() and ota.version == "2.0" and not ota.confirm()
    assert files.names(WORK) == ["state"], files.names(WORK)
    ota = device(transport, files.rebooted())
    assert (ota.boot(), ota.version, ota.update()) == (ferry_ota.NORMAL, "2.0", ferry_ota.CURRENT)


def test_unconfirmed_code_is_rolled_back_and_not_taken_again():
    transport, files = release(), old_device()
    device(transport, files).update()
    for _ in range(3):
        files = files.rebooted()
        assert device(transport, files).boot() == ferry_ota.TRIAL
        assert files.content(WORK) == NEW
    files = files.rebooted()
    ota = device(transport, files)
    assert ota.boot() == ferry_ota.ROLLED_BACK
    assert files.content(WORK) == OLD and files.folders == set(FOLDERS + (WORK,))
    assert (ota.update(), ota.refused, ota.version) == (ferry_ota.REFUSED, "2.0", "1.0")
    assert ota.update(force=True) == ferry_ota.INSTALLED


def test_rollback_on_request():
    transport, files = release(), old_device()
    device(transport, files).update()
    ota = device(transport, files)
    ota.boot()
    assert ota.rollback() and files.content(WORK) == OLD and not ota.rollback()


def test_a_newer_release_is_taken_after_a_rollback():
    transport, files = release(), old_device()
    ota = device(transport, files)
    ota.update()
    ota.rollback()
    transport = release(version="2.1")
    assert device(transport, files).update() == ferry_ota.INSTALLED


def test_cut_links_are_resumed_and_each_byte_comes_once():
    for every in (1, 7, 100, 255, 256, 257):
        transport, files = release(), old_device()
        transport.cut_every = transport.cut_after = every
        made = limits(block=16)
        made.tries = 40
        assert device(transport, files, limits=made).update() == ferry_ota.INSTALLED
        assert files.content(WORK) == NEW
        assert transport.received == sum(len(data) for name, data in transport.names.items() if data != b"null")


def test_gives_up_when_there_is_no_progress():
    transport, files = release(), old_device()
    transport.cut_every = transport.cut_after = 0
    raised(errors.LinkError, device(transport, files).update)
    assert len(transport.asked) == limits().tries
    assert files.content(WORK) == OLD


def test_goes_on_after_a_restart_with_what_was_gathered():
    transport, files = release(), old_device()
    transport.cut_every = 0
    ota = device(transport, files)
    restarts = 0
    while True:
        transport.cut_after = 800
        try:
            ota.update()
            break
        except errors.LinkError:
            restarts += 1
            files = files.rebooted()
            ota = device(transport, files)
            ota.boot()
    assert restarts > 2
    assert files.content(WORK) == NEW
    assert sum(1 for name, offset in transport.asked if offset > 0) > 2


def test_a_manifest_that_changed_meanwhile_is_begun_afresh():
    transport, files = release(), old_device()
    ota = device(transport, files)
    ota.manifest()
    ota.download()
    newer = dict(NEW)
    newer["flash/main.py"] = b"print('newer')\n"
    assert device(release(new=newer, version="3.0"), files).update() == ferry_ota.INSTALLED
    assert files.content(WORK) == newer


def test_a_withdrawn_release_is_given_up():
    transport, files = release(), old_device()
    ota = device(transport, files)
    ota.manifest()
    transport.names["/manifest.json?current_ver=1.0"] = b"null"
    assert (ota.update(), ota.phase) == (ferry_ota.CURRENT, "idle")


def test_wrong_bytes_are_never_installed():
    transport, files = release(), old_device()
    transport.names["/2.0/flash/main.py"] = b"something else"
    ota = device(transport, files)
    ota.manifest()
    raised(errors.HashError, ota.download)
    assert files.content(WORK) == OLD and files.size(WORK + "/4") < 0 and ota.phase == "fetching"
    raised(errors.HashError, ota.update)
    transport.names["/2.0/flash/main.py"] = NEW["flash/main.py"]
    assert ota.update() == ferry_ota.INSTALLED


def test_a_staged_file_that_went_bad_is_fetched_again():
    transport, files = release(), old_device()
    ota = device(transport, files)
    ota.manifest()
    ota.download()
    files.lasting[WORK + "/2"] = b"rotten"
    assert "went bad" in raised(errors.HashError, ota.verify)
    assert ota.phase == "fetching"
    assert ota.update() == ferry_ota.INSTALLED and files.content(WORK) == NEW


def test_a_file_that_changed_on_the_gateway_is_not_joined():
    transport, files = release(), old_device()
    transport.cut_after, transport.cut_every = 1600, 0
    raised(errors.LinkError, device(transport, files).update)
    assert files.size(WORK + "/4.part") > 0
    newer = dict(NEW)
    newer["flash/main.py"] = bytes(reversed(NEW["flash/main.py"]))
    other = release(new=newer)
    assert device(other, files).update() == ferry_ota.INSTALLED
    assert files.content(WORK) == newer


def test_a_full_file_system():
    transport, files = release(), old_device()
    files.capacity = files.used() + 9000
    ota = device(transport, files)
    raised(errors.SpaceError, ota.update)
    assert files.content(WORK) == OLD
    files.capacity = None
    assert ota.update() == ferry_ota.INSTALLED


def test_larger_than_allowed():
    for field, kind in (("file", errors.SizeError), ("manifest", errors.SizeError), ("entries", errors.ManifestError)):
        made = limits()
        setattr(made, field, 3)
        files = old_device()
        raised(kind, device(release(), files, limits=made).update)
        assert files.content(WORK) == OLD


def test_a_manifest_for_another_version():
    text, names = manifest_of(OLD, NEW, "2.0", "0.9")
    transport = release()
    transport.names["/manifest.json?current_ver=1.0"] = text.encode()
    assert "0.9" in raised(errors.ManifestError, device(transport, old_device()).update)


def test_a_missing_file_is_named():
    transport = release()
    del transport.names["/2.0/flash/main.py"]
    assert "404 not found: /2.0/flash/main.py" in raised(errors.HttpError, device(transport, old_device()).update)


def test_what_cannot_be_replaced_puts_all_back():
    files = old_device()
    files.folders.add("flash/empty.txt")
    raised(errors.InstallError, device(release(), files).update)
    assert files.content(WORK) == OLD
    # A folder that appears between backup and install.
    files = old_device()
    ota = device(release(), files)
    for part in (ota.manifest, ota.download, ota.verify, ota.backup):
        part()
    files.folders.add("flash/main.py")
    moved = files.lasting.pop("flash/main.py")
    raised(errors.InstallError, ota.install)
    assert ota.phase == "reverting"
    files.folders.remove("flash/main.py")
    files.lasting["flash/main.py"] = moved
    again = device(release(), files)
    assert again.boot() == ferry_ota.ROLLED_BACK and files.content(WORK) == OLD


def test_files_that_differ_from_what_the_gateway_thinks():
    """An update of a file that is not there, a deletion of one that is not, a new one that is."""
    files = EmulatedFiles(content={"flash/empty.txt": b"mine"}, folders=FOLDERS)
    ota = device(release(), files)
    assert ota.update() == ferry_ota.INSTALLED and files.content(WORK) == NEW
    ota.rollback()
    assert files.content(WORK) == {"flash/empty.txt": b"mine"}


def test_firmware_and_files():
    transport, files, firmware = release(image=IMAGE), old_device(), MemoryFirmware()
    assert "no writer" in raised(errors.FirmwareError, device(transport, old_device()).update)
    assert device(transport, files, firmware).update() == ferry_ota.INSTALLED
    ota = device(transport, files.rebooted(), firmware)
    assert (ota.boot(), firmware.runs()) == (ferry_ota.TRIAL, IMAGE)
    assert ota.confirm() and firmware.confirmed


def test_an_installation_that_power_interrupted_is_finished():
    """Before the image was activated: the start that finishes it runs the old one, and asks for another start."""
    transport, files, firmware, restarts = release(image=IMAGE), old_device(), MemoryFirmware(), []
    ota = device(transport, files, firmware)
    for part in (ota.manifest, ota.download, ota.verify, ota.backup):
        part()
    files.cut_at = files.steps + 6  # the journal says that it installs, and nothing is done
    try:
        ota.install()
    except PowerCut:
        files = files.rebooted()
    ota = device(transport, files, firmware, restart=lambda: restarts.append(1))
    assert (ota.phase, firmware.boots_next, ota.boot(), restarts) == ("installing", "old", ferry_ota.INSTALLED, [1])
    assert device(transport, files, firmware).boot() == ferry_ota.TRIAL
    assert files.content(WORK) == NEW and firmware.runs() == IMAGE


def test_firmware_that_does_not_start():
    """The boot loader went back to the image before: so do the files."""
    transport, files, firmware, restarts = release(image=IMAGE), old_device(), MemoryFirmware(), []
    device(transport, files, firmware).update()
    firmware.boots_next = "old"
    ota = device(transport, files, firmware, restart=lambda: restarts.append(1))
    assert ota.boot() == ferry_ota.ROLLED_BACK and files.content(WORK) == OLD
    assert firmware.boots_next == "old" and restarts == [1]


def test_firmware_is_rolled_back_with_the_files():
    transport, files, firmware = release(image=IMAGE), old_device(), MemoryFirmware()
    device(transport, files, firmware).update()
    for _ in range(3):
        assert device(transport, files, firmware).boot() == ferry_ota.TRIAL
    assert device(transport, files, firmware).boot() == ferry_ota.ROLLED_BACK
    firmware.reboot()
    assert firmware.runs() == b"old image" and files.content(WORK) == OLD


def test_a_damaged_journal():
    """During a trial the old code comes back; otherwise nothing happens."""
    transport, files = release(), old_device()
    device(transport, files).update()
    files.lasting[WORK + "/state"] = files.lasting[WORK + "/state"][:-5]
    ota = device(transport, files)
    raised(errors.StateError, ota.update)
    assert ota.boot() == ferry_ota.ROLLED_BACK
    assert files.content(WORK) == OLD and ota.version == "1.0"
    assert ota.update() == ferry_ota.INSTALLED
    device(transport, files).confirm()
    files.lasting[WORK + "/state"] = b""
    device(transport, files).boot()
    assert files.content(WORK) == NEW


def test_protected_files_stay():
    assert "protected" in raised(errors.PathError,
                                 device(release(), old_device(), protected=("flash/lib",)).update)
