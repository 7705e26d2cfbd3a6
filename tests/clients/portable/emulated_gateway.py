"""A transport without a link, and releases to serve over it: bytes by name, cut where a case wants it."""
import hashlib
import json
from binascii import hexlify

from ferry_ota import OTA, Limits, digest
from ferry_ota.errors import HttpError, LinkError, RangeError
from ferry_ota.firmware import Writer
from ferry_ota.transport import Body, Transport

OLD = {"flash/main.py": b"print('old')\n", "flash/lib/a.py": b"a = 1\n" * 60, "sd/gone.wav": b"RIFF" * 50}
NEW = {"flash/main.py": b"print('new')\n" * 30, "flash/lib/a.py": b"a = 2\n", "flash/lib/deep/new.py": b"n = 1\n" * 100,
       "flash/empty.txt": b""}
FOLDERS = ("flash", "flash/lib", "sd")
IMAGE = bytes(range(256)) * 3
WORK = "flash/.ferry"


def sha1(data):
    state = digest.new(40)
    state.update(data)
    return digest.text(state)


def sha256(data):
    return hexlify(hashlib.sha256(data).digest()).decode()


class MemoryBody(Body):
    def __init__(self, link, data, start, tag):
        self._link = link
        self._data = data
        self._at = start
        self.start = start
        self.total = len(data)
        self.tag = tag

    def readinto(self, view):
        count = min(len(view), self.total - self._at)
        if self._link.cut_after is not None:
            if not self._link.cut_after:
                self._link.cut_after = self._link.cut_every
                raise LinkError("cut")
            count = min(count, self._link.cut_after)
            self._link.cut_after -= count
        view[:count] = memoryview(self._data)[self._at:self._at + count]
        self._at += count
        self._link.received += count
        return count


class MemoryTransport(Transport):
    """`cut_every`: bytes after which the link breaks, again and again."""

    def __init__(self, names, cut_every=None):
        self.names = names
        self.cut_every = self.cut_after = cut_every
        self.received = 0
        self.asked = []

    def is_gateway(self, authority):
        return authority in ("", "gw:8000")

    def open(self, name, offset, tag):
        self.asked.append((name, offset))
        if name not in self.names:
            raise HttpError(404, name)
        data = self.names[name]
        now = '"%s"' % sha256(data)
        if tag and tag != now:
            offset = 0
        if offset and offset >= len(data):
            raise RangeError(len(data))
        return MemoryBody(self, data, offset, now)


def manifest_of(old, new, version, previous=None, image=None):
    """(text, {name: bytes}) of the step from one set of files to the next, as the gateway's pycom dialect does it."""
    names = {}
    manifest = {"delete": sorted(path for path in old if path not in new), "new": [], "update": [], "version": version}
    if previous:
        manifest["previous_version"] = previous
    for path in sorted(new):
        if old.get(path) == new[path]:
            continue
        name = "/%s/%s" % (version, path)
        names[name] = new[path]
        manifest["update" if path in old else "new"].append(
            {"URL": "http://gw:8000" + name, "dst_path": "/" + path, "hash": sha1(new[path])})
    if image is not None:
        name = "/firmware_%s.bin" % version
        names[name] = image
        manifest["firmware"] = {"URL": "http://gw:8000" + name, "hash": sha1(image)}
    return json.dumps(manifest), names


def release(old=OLD, new=NEW, version="2.0", previous="1.0", image=None):
    """A transport that offers it, and nothing to whoever has it."""
    text, names = manifest_of(old, new, version, previous, image)
    names["/manifest.json?current_ver=" + previous] = text.encode()
    names["/manifest.json?current_ver=" + version] = b"null"
    return MemoryTransport(names)


class MemoryFirmware(Writer):
    """What starts the device: an image, and the one before."""

    def __init__(self):
        self.images = {"old": b"old image"}
        self.boots_next = "old"
        self.booted = "old"
        self.confirmed = False

    def activate(self, source, size, view):
        image = bytearray()
        count = source.readinto(view)
        while count:
            image.extend(view[:count])
            count = source.readinto(view)
        assert len(image) == size
        self.images["new"] = bytes(image)
        self.boots_next = "new"

    def running(self):
        return self.booted

    def revert(self, image):
        self.boots_next = image

    def confirm(self):
        self.confirmed = True

    def reboot(self):
        self.booted = self.boots_next

    def runs(self):
        return self.images[self.booted]


def limits(block=256):
    made = Limits()
    made.block = block
    made.pause_ms = 0
    return made


def device(transport, files, firmware=None, **options):
    """OTA as after a start of the device."""
    options.setdefault("limits", limits())
    if firmware is not None:
        firmware.reboot()
    return OTA(transport, "1.0", work=WORK, files=files, firmware=firmware, **options)
