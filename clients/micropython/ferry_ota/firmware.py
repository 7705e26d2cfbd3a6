"""Handing an image over to whatever starts the device. A writer is given to OTA; it has the methods of Writer. The two
here are for Pycom modules and for ESP32 ports with two image partitions."""
from . import digest
from .errors import FirmwareError, ProtocolError, SizeError
from .stage import Stage

_BLOCK = 4096
_ERASED = 0xFF
_NOTE = 16  # blocks after which the progress is noted
_LONGEST = 80


class Writer:
    """`image` is the writer's own word for what runs, "" when it cannot tell; at most 64 letters."""

    def stage(self, files, folder, number):
        """Where the image is gathered before it is verified."""
        return Stage(files, folder, number)

    def activate(self, source, size, view):
        """The staged image starts next time. `source` is the staged file. Called again after a power cut, maybe by
        the new image already; the result is the same. OSError or FirmwareError when the image is refused."""
        raise NotImplementedError

    def running(self):
        return ""

    def revert(self, image):
        """The image that running() once named starts next time."""

    def confirm(self):
        """The running image is good and stays."""


class PycomWriter(Writer):
    """`pycom.ota_*`: the image is staged as a file and written when it is installed. There is no way back to the
    image before: a rollback brings back the files alone."""

    def __init__(self, pycom):
        self._pycom = pycom

    def activate(self, source, size, view):
        pycom = self._pycom
        pycom.ota_start()
        count = source.readinto(view)
        while count:
            pycom.ota_write(view if count == len(view) else view[:count])
            count = source.readinto(view)
        pycom.ota_finish()
        if hasattr(pycom, "ota_verify") and not pycom.ota_verify():
            raise FirmwareError("the written image does not verify")


class Esp32Writer(Writer):
    """`esp32.Partition`: the image is gathered in the partition that does not run, and read back to be verified."""

    def __init__(self, partition_class):
        self._class = partition_class

    def stage(self, files, folder, number):
        return PartitionStage(files, folder, number, self._class)

    def activate(self, source, size, view):
        label = _fields(source.read(_LONGEST))[0]
        _find(self._class, label).set_boot()

    def running(self):
        return self._class(self._class.RUNNING).info()[4]

    def revert(self, image):
        _find(self._class, image).set_boot()

    def confirm(self):
        if hasattr(self._class, "mark_app_valid_cancel_rollback"):
            self._class.mark_app_valid_cancel_rollback()


def _find(partition_class, label):
    found = partition_class.find(partition_class.TYPE_APP, label=label)
    if not found:
        raise FirmwareError("there is no partition " + label)
    return found[0]


def _fields(text):
    """(label, length) of a note; ("", "0") when it is torn."""
    fields = text.decode().rstrip("\n").split(" ") if text and text.endswith(b"\n") else ()
    return fields if len(fields) == 2 else ("", "0")


class PartitionStage(Stage):
    """`n.at` notes the label of the partition and how many bytes of it are written; so does the staged file `n`, which
    has nothing else in it."""

    def __init__(self, files, folder, number, partition_class):
        super().__init__(files, folder, number)
        self._class = partition_class
        self._partition = partition_class(partition_class.RUNNING).get_next_update()
        self._label = self._partition.info()[4]
        self._room = self._partition.info()[3]
        self._block = bytearray(_BLOCK)
        self._filled = 0

    def load(self):
        self._filled = 0
        super().load()

    def gathered(self):
        label, length = _fields(self.files.read(self.name + ".at", _LONGEST))
        return int(length) if label == self._label else 0

    def free(self):
        return None

    def restart(self, total, tag):
        if total is None:
            raise ProtocolError("the image comes without a length")
        if total > self._room:
            raise SizeError("the image has %d bytes, its partition %d" % (total, self._room))
        super().restart(total, tag)

    def append(self, view):
        if self.length + len(view) > self.total:
            raise ProtocolError("the image is longer than announced")
        position = 0
        while position < len(view):
            count = min(len(view) - position, _BLOCK - self._filled)
            self._block[self._filled:self._filled + count] = view[position:position + count]
            self._filled += count
            position += count
            self.length += count
            if self._filled == _BLOCK:
                self._partition.writeblocks(self.length // _BLOCK - 1, self._block)
                self._filled = 0
                if not self.length // _BLOCK % _NOTE:
                    self._note(".at", self.length)

    def close(self):
        """Whole blocks outlast a power cut; the bytes after them wait in memory, unless they are the image's end."""
        if self._filled and self.complete():
            for position in range(self._filled, _BLOCK):
                self._block[position] = _ERASED
            self._partition.writeblocks(self.length // _BLOCK, self._block)
            self._filled = 0
        if self.length > self._filled:
            self._note(".at", self.length - self._filled)

    def discard(self):
        self._filled = 0
        self.files.remove(self.name + ".at")
        self.files.remove(self.name + ".tag")
        self.length, self.total, self.tag = 0, None, ""

    def digest(self, length, view):
        self.close()
        return self._read_back(self._partition, self.length, length)

    def accept(self):
        self._note("", self.length)
        self.files.remove(self.name + ".at")
        self.files.remove(self.name + ".tag")

    def staged_digest(self, length, view):
        label, size = _fields(self.files.read(self.name, _LONGEST))
        return self._read_back(_find(self._class, label), int(size), length) if label else ""

    def _note(self, suffix, length):
        name = self.name + suffix
        self.files.write(name + ".new", ("%s %d\n" % (self._label, length)).encode())
        self.files.replace(name + ".new", name)

    def _read_back(self, partition, size, length):
        state = digest.new(length)
        block = memoryview(self._block)
        for number in range((size + _BLOCK - 1) // _BLOCK):
            partition.readblocks(number, self._block)
            rest = size - number * _BLOCK
            state.update(block if rest >= _BLOCK else block[:rest])
        return digest.text(state)
