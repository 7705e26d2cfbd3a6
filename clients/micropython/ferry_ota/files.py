"""The file system, as much of it as this library needs; nothing else here touches one. Names are relative to `root`,
with '/' between their parts. Each method is one step that a power cut may follow; none is hidden in another."""
import os

PART = ".ferry-part"  # ends the name of a copy that is not whole yet
_FOLDER = 0x4000
_EXISTS = 17
_OTHER_MOUNT = (1, 18)  # EPERM is what MicroPython says, EXDEV what others say


class Files:
    def __init__(self, root="/"):
        self.root = root if root.endswith("/") else root + "/"

    # Steps.

    def open(self, name, mode):
        return open(self.root + name, mode)

    def rename(self, old, new):
        os.rename(self.root + old, self.root + new)

    def unlink(self, name):
        os.remove(self.root + name)

    def mkdir(self, name):
        os.mkdir(self.root + name)

    def rmdir(self, name):
        os.rmdir(self.root + name)

    def settle(self, stream):
        """What was written to `stream` is on the medium afterwards, as far as the port can tell."""
        stream.flush()
        if hasattr(os, "fsync"):
            os.fsync(stream.fileno())
        elif hasattr(os, "sync"):
            os.sync()

    # Questions.

    def mode(self, name):
        """The kind bits of a file or folder; 0 when there is none."""
        try:
            return os.stat((self.root + name).rstrip("/") or "/")[0]
        except OSError:
            return 0

    def size(self, name):
        """Bytes of a file; -1 when there is none, or a folder of that name."""
        try:
            found = os.stat(self.root + name)
        except OSError:
            return -1
        return -1 if found[0] & _FOLDER else found[6]

    def is_folder(self, name):
        return bool(self.mode(name) & _FOLDER)

    def names(self, folder):
        return os.listdir(self.root + folder)

    def free(self, folder):
        """Bytes that are left where `folder` lies; None when nobody can tell."""
        try:
            found = os.statvfs(self.root + folder)
        except (OSError, AttributeError):
            return None
        return found[0] * found[4]

    # Made of steps.

    def remove(self, name):
        """A file that is not there is no failure."""
        if self.size(name) >= 0:
            self.unlink(name)

    def write(self, name, content):
        """A small file, settled; a power cut may leave a part of it."""
        with self.open(name, "wb") as out:
            out.write(content)
            self.settle(out)

    def read(self, name, limit):
        """At most `limit` bytes of a file; None when there is none."""
        if self.size(name) < 0:
            return None
        with self.open(name, "rb") as source:
            return source.read(limit)

    def replace(self, old, new):
        """Renames over what is there. Where the file system refuses that (FAT), the old one goes first, so for a
        moment there is `old` alone. False when the two lie on different file systems."""
        try:
            self.rename(old, new)
        except OSError as error:
            if error.args[0] in _OTHER_MOUNT:
                return False
            if error.args[0] != _EXISTS or self.size(new) < 0:
                raise
            self.unlink(new)
            self.rename(old, new)
        return True

    def copy(self, old, new, view):
        """`new` appears whole or not at all; `view` is the buffer to use."""
        part = new + PART
        with self.open(old, "rb") as source, self.open(part, "wb") as out:
            count = source.readinto(view)
            while count:
                out.write(view if count == len(view) else view[:count])
                count = source.readinto(view)
            self.settle(out)
        self.replace(part, new)

    def move(self, old, new, view):
        """`new` appears whole, then `old` is gone."""
        if not self.replace(old, new):
            self.copy(old, new, view)
            self.unlink(old)

    def make_folders(self, name):
        """All folders above `name`."""
        end = name.find("/")
        while end > 0:
            if not self.is_folder(name[:end]):
                self.mkdir(name[:end])
            end = name.find("/", end + 1)
