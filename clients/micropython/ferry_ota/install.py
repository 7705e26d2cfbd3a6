"""Replacing files so that every step may be the last before power is gone. What has been done is told by files in the
library's folder, never by a counter:

    n         staged: the step that brings it to its place is still to do
    n.old     a copy of what was there
    n.none    nothing was there; how many of the folders above were

A step that is repeated does what is left of it. All copies are made before the first file is replaced."""
from . import plan
from .errors import FirmwareError, InstallError
from .files import PART


class Installer:
    def __init__(self, files, folder, view, firmware):
        self._files = files
        self._folder = folder
        self._view = view
        self._firmware = firmware

    def _name(self, entry, suffix=""):
        return "%s/%d%s" % (self._folder, entry.number, suffix)

    def backup(self, entry):
        if entry.kind == plan.FIRMWARE:
            return
        files, path = self._files, entry.path
        if files.is_folder(path):
            raise InstallError("there is a folder where a file belongs: " + path)
        if files.size(path) >= 0:
            files.copy(path, self._name(entry, ".old"), self._view)
        else:
            files.write(self._name(entry, ".none"), b"%d\n" % self._depth(path))
        if entry.kind == plan.DELETE:
            files.write(self._name(entry), b"")

    def drop_backup(self, entry):
        for suffix in (".old", ".none", ".old" + PART):
            self._files.remove(self._name(entry, suffix))

    def replace(self, entry):
        files, staged = self._files, self._name(entry)
        size = files.size(staged)
        if size < 0:
            return
        if entry.kind == plan.WRITE:
            files.make_folders(entry.path)
            files.move(staged, entry.path, self._view)
            return
        if entry.kind == plan.FIRMWARE:
            self._activate(staged, size)
        else:
            files.remove(entry.path)
        files.remove(staged)

    def _activate(self, staged, size):
        try:
            with self._files.open(staged, "rb") as source:
                self._firmware.activate(source, size, self._view)
        except OSError as error:
            raise FirmwareError("the firmware was refused: %s" % error) from None

    def restore(self, entry):
        if entry.kind == plan.FIRMWARE:
            return
        files, old, none = self._files, self._name(entry, ".old"), self._name(entry, ".none")
        files.remove(entry.path + PART)
        if files.size(old) >= 0:
            files.move(old, entry.path, self._view)
            return
        text = files.read(none, 8)
        if text is None or not text.endswith(b"\n"):
            return
        files.remove(entry.path)
        self._remove_folders(entry.path, int(text))
        files.remove(none)

    def _depth(self, path):
        """How many of the folders above are there."""
        depth, end = 0, path.find("/")
        while end > 0 and self._files.is_folder(path[:end]):
            depth += 1
            end = path.find("/", end + 1)
        return depth

    def _remove_folders(self, path, depth):
        """Those that were made for the file, unless somebody else uses them meanwhile."""
        folders = path.split("/")[:-1]
        while len(folders) > depth:
            folder = "/".join(folders)
            if self._files.is_folder(folder):
                try:
                    self._files.rmdir(folder)
                except OSError:
                    return
            folders.pop()
