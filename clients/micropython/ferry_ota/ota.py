"""Over-the-air updates of a device's files and firmware, above any transport. See the README for how it is used."""
from . import plan, state as phases
from .errors import FirmwareError, HashError, InstallError, ManifestError, OtaError, StateError
from .fetch import Fetcher
from .files import Files
from .install import Installer
from .manifest import Reader
from .stage import Stage

# What update() gives.
CURRENT = "current"      # there is nothing newer
REFUSED = "refused"      # what there is was rolled back before
INSTALLED = "installed"  # the new code runs after a restart
# What boot() gives, with INSTALLED when it finished an installation.
NORMAL = "normal"
TRIAL = "trial"              # the new code runs: confirm() it
ROLLED_BACK = "rolled back"  # the old code is back
BROKEN = "broken"            # the flash failed; the next boot() tries again


class Limits:
    """Bounds in bytes, letters and numbers; set before OTA is made. `block` is the one buffer that all bytes go
    through, `tries` the attempts in a row without progress, `boots` the starts without confirm()."""

    def __init__(self):
        self.block = 1024
        self.manifest = 32 * 1024
        self.entries = 128
        self.path = 128
        self.url = 256
        self.file = 4 * 1024 * 1024
        self.firmware = 16 * 1024 * 1024
        self.tries = 5
        self.pause_ms = 500
        self.boots = 3


class OTA:
    """`version`: what runs as long as nothing was ever installed. `root`: the folder that paths in manifests start
    from; `work`: this library's own folder below it, on a file system that can be written. `manifest`: what the
    transport is asked for; %s stands for the version. `firmware`: a firmware.Writer. `protected`: files and folders
    that no manifest may touch. `report`: told each change of state in words. `restart`: called when an image that
    was made active or given up has to be started; None leaves it to the caller."""

    def __init__(self, transport, version, root="/", work=".ferry", manifest="/manifest.json?current_ver=%s",
                 firmware=None, protected=(), limits=None, report=None, restart=None, files=None):
        self._transport = transport
        self._files = files or Files(root)
        self._work = work
        self._name = manifest
        self._firmware = firmware
        self._protected = (work,) + tuple(protected)
        self._limits = limits or Limits()
        self._report = report or _silent
        self._restart = restart
        self._view = memoryview(bytearray(self._limits.block))
        self._fetcher = Fetcher(transport, self._view, self._limits.tries, self._limits.pause_ms)
        self._installer = Installer(self._files, work, self._view, firmware)
        self._journal = phases.Journal(self._files, work)
        self._state = self._journal.load(version)
        self.refused = ""  # the version that manifest() did not take because it was rolled back

    @property
    def version(self):
        """What the device runs; during a trial still the one before."""
        return self._state.version

    @property
    def phase(self):
        return self._state.phase

    # One update.

    def update(self, force=False):
        """Everything from connect() to install(). `force` takes a version that was rolled back before."""
        self.connect()
        try:
            if self.manifest(force) is None:
                return REFUSED if self.refused else CURRENT
            self.download()
        finally:
            self.disconnect()
        self.verify()
        self.backup()
        self.install()
        return INSTALLED

    def connect(self):
        self._transport.connect()

    def disconnect(self):
        self._transport.disconnect()

    def manifest(self, force=False):
        """Asks for the manifest. Gives the version that it leads to, None when there is nothing to do; what an
        earlier attempt has gathered for the same manifest is kept."""
        state = self._expect(phases.IDLE, phases.FETCHING, phases.STAGED, phases.BACKED)
        self._files.make_folders(self._work + "/state")
        self.refused = ""
        stage = Stage(self._files, self._work, "manifest")
        stage.discard()
        self._fetcher.whole(self._name % state.version.replace("+", "%2B"), stage, self._limits.manifest)
        found, firmware = self._write_plan(stage)
        if found is None or found.version == state.version:
            return self._abandon()
        if found.version == state.failed and not force:
            self.refused = found.version
            return self._abandon()
        if found.previous not in ("", state.version):
            raise ManifestError("a manifest for %s, and this is %s" % (found.previous, state.version))
        if firmware and self._firmware is None:
            raise FirmwareError("there is firmware in the manifest, and no writer for it")
        if state.phase == phases.IDLE or not self._is_same_plan():
            self._adopt(found.version)
        return found.version

    def download(self):
        """Gathers every file in its stage, and verifies it there."""
        if self._expect(phases.FETCHING, phases.STAGED, phases.BACKED).phase != phases.FETCHING:
            return
        for entry in self._entries():
            if entry.kind == plan.DELETE or self._files.size(self._own(str(entry.number))) >= 0:
                continue
            limit = self._limits.firmware if entry.kind == plan.FIRMWARE else self._limits.file
            self._fetcher.fetch(entry.name, self._stage(entry), limit, entry.hash)
        self._enter(phases.STAGED)

    def verify(self):
        """Reads every staged file once more. What went bad meanwhile is dropped, to be fetched again: HashError."""
        self._expect(phases.STAGED, phases.BACKED)
        bad = ""
        for entry in self._entries():
            if entry.kind == plan.DELETE:
                continue
            if self._stage(entry).staged_digest(len(entry.hash), self._view) != entry.hash:
                self._files.remove(self._own(str(entry.number)))
                bad = entry.path or "the firmware"
        if bad:
            self._enter(phases.FETCHING)
            raise HashError("%s went bad after it was fetched" % bad)

    def backup(self):
        """Copies everything that will be replaced or deleted."""
        self._expect(phases.STAGED, phases.BACKED)
        self._enter(phases.STAGED)
        for entry in self._entries():
            self._installer.drop_backup(entry)
            self._installer.backup(entry)
        self._enter(phases.BACKED)

    def install(self):
        """Replaces the files and activates the firmware. When that fails the old ones are put back: InstallError.
        Afterwards the device has to restart."""
        state = self._expect(phases.BACKED)
        state.image = self._firmware.running() if self._has_firmware() else ""
        state.boots = 0
        self._enter(phases.INSTALLING)
        if not self._install_or_revert():
            raise InstallError("installing %s failed, the old files are back" % state.failed)

    # What comes after it.

    def boot(self):
        """The first thing after a start: finishes what a power cut interrupted, counts starts of code that has not
        confirmed, and rolls back when there were too many. Raises nothing, so that the device starts whatever the
        flash says."""
        try:
            return self._boot()
        except (OSError, OtaError) as error:
            self._report("boot: %s" % error)
            return BROKEN

    def _boot(self):
        state = self._state
        if state.damaged or state.phase == phases.REVERTING:
            return self._put_back("rolling back after a power cut")
        if state.phase == phases.CLEANING:
            self._clean()
        if state.phase == phases.INSTALLING:
            if not self._install_or_revert():
                return ROLLED_BACK
            if state.image and self._firmware.running() == state.image:
                self._start_again()
                return INSTALLED
        return self._count_boot() if state.phase == phases.TRIAL else NORMAL

    def confirm(self):
        """The new code works and stays. False when there is nothing to confirm."""
        state = self._state
        if state.phase != phases.TRIAL:
            return False
        if state.image:
            self._firmware.confirm()
        state.version, state.next, state.failed, state.image = state.next, "", "", ""
        self._enter(phases.CLEANING)
        self._clean()
        return True

    def rollback(self):
        """Gives up what is being tried, now. The device has to restart. False when there is nothing."""
        if self._state.phase not in (phases.TRIAL, phases.INSTALLING, phases.REVERTING):
            return False
        self._put_back("rolled back on request")
        return True

    # Within.

    def _own(self, name):
        return self._work + "/" + name

    def _expect(self, *allowed):
        if self._state.damaged or self._state.phase not in allowed:
            raise StateError("not while the phase is %s" % self._state.phase)
        return self._state

    def _enter(self, phase):
        if phase != self._state.phase:
            self._report("%s: %s" % (self._state.next or self._state.version, phase))
        self._state.phase = phase
        self._journal.save(self._state)

    def _entries(self):
        with self._files.open(self._own("plan"), "rb") as source:
            for entry in plan.read(source):
                yield entry

    def _stage(self, entry):
        if entry.kind == plan.FIRMWARE:
            return self._firmware.stage(self._files, self._work, entry.number)
        return Stage(self._files, self._work, entry.number)

    def _has_firmware(self):
        for entry in self._entries():
            if entry.kind == plan.FIRMWARE:
                return True
        return False

    def _write_plan(self, stage):
        """(manifest or None, number of images) of the manifest that lies in its stage."""
        limits, files = self._limits, self._files
        if not stage.length:
            raise ManifestError("the manifest is empty")
        reader = Reader(self._transport.name_of, limits.path, limits.url, self._protected)
        with files.open(stage.name + ".part", "rb") as source, files.open(self._own("plan.new"), "wb") as out:
            writer = plan.PlanWriter(out, limits.entries)
            found = reader.read(source, self._view, writer)
            if found is not None:
                writer.finish(self._state.version, found.version)
            files.settle(out)
        stage.discard()
        return found, writer.firmware

    def _is_same_plan(self):
        half = len(self._view) // 2
        with self._files.open(self._own("plan"), "rb") as old, self._files.open(self._own("plan.new"), "rb") as new:
            return plan.same(old, new, self._view[:half], self._view[half:2 * half])

    def _abandon(self):
        """What was gathered for a plan that is none any more goes away with the next one."""
        if self._state.phase != phases.IDLE:
            self._state.next = ""
            self._enter(phases.IDLE)

    def _adopt(self, version):
        """Nothing of an earlier plan is left when the new one counts."""
        self._abandon()
        self._empty("plan.new")
        self._files.replace(self._own("plan.new"), self._own("plan"))
        self._state.next = version
        self._enter(phases.FETCHING)

    def _empty(self, kept=""):
        """The plan goes first: without it nobody takes what is left for backups."""
        self._files.remove(self._own("plan"))
        for name in self._files.names(self._work):
            if name not in ("state", "state.new", kept):
                self._files.remove(self._own(name))

    def _clean(self):
        self._empty()
        self._enter(phases.IDLE)

    def _install_or_revert(self):
        try:
            for entry in self._entries():
                self._installer.replace(entry)
            self._enter(phases.TRIAL)
            return True
        except (OSError, OtaError) as error:
            self._put_back("installing failed: %s" % error)
            return False

    def _count_boot(self):
        state = self._state
        if state.image and self._firmware.running() == state.image:
            return self._put_back("the new firmware did not start")
        if state.boots >= self._limits.boots:
            return self._put_back("not confirmed after %d starts" % state.boots)
        state.boots += 1
        self._enter(phases.TRIAL)
        return TRIAL

    def _put_back(self, why):
        self._report(why)
        self._revert()
        return ROLLED_BACK

    def _revert(self):
        """Every file is tried, whatever happens to one; as long as one fails, the next boot() tries again."""
        state = self._state
        if state.damaged:
            self._read_plan_end()
        if state.phase != phases.REVERTING:
            self._enter(phases.REVERTING)
        failure = None
        for entry in self._entries():
            try:
                self._installer.restore(entry)
            except OSError as error:
                failure = error
        image = state.image
        if image:
            self._firmware.revert(image)
        if failure is not None:
            raise InstallError("a file could not be put back: %s" % failure)
        state.failed, state.next, state.image = state.next, "", ""
        self._enter(phases.CLEANING)
        self._clean()
        if image:
            self._start_again()

    def _read_plan_end(self):
        """What a journal that went bad would have said."""
        state = self._state
        state.damaged = False
        state.phase = phases.REVERTING
        if self._files.size(self._own("plan")) < 0:
            self._files.write(self._own("plan"), b"")
        with self._files.open(self._own("plan"), "rb") as source:
            found = plan.version(source)
        if found:
            state.version = found
        self._journal.save(state)

    def _start_again(self):
        if self._restart is not None:
            self._restart()


def _silent(text):
    pass
