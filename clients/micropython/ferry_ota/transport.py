"""What a link must offer. WiFi (`wifi.py`), a serial line (`serial_pull.py`) and Bluetooth LE (`ble.py`) do. All
methods block, for a bounded time; whatever goes wrong is an OtaError by name, whose `retry` says whether asking again
may help. OTA decides about that, and goes on at the offset that it has reached.
"""
from . import paths
from .errors import ManifestError


class Body:
    """The bytes of one answer, from `start` on. `total`: length of the whole file, None when the other end does not
    say. `tag`: a text without spaces by which the other end tells that the file is still the same, "" when there is
    none; it is given back to open() on resume, maybe after a restart of the device."""

    start = 0
    total = None
    tag = ""

    def readinto(self, view):
        """Fills `view` from its beginning, as far as it can without waiting twice, and gives the number of bytes;
        0 at the end of the file alone. An answer that breaks off raises LinkError."""
        raise NotImplementedError

    def close(self):
        pass


class Transport:
    def connect(self):
        """Brings the link up; once before the first open(). LinkError when that takes too long."""

    def disconnect(self):
        """Saves power; connect() may follow."""

    def name_of(self, url, longest):
        """What open() is to be asked for, from a URL in a manifest. Refuses (ManifestError, ProtocolError) what does
        not lie on the gateway."""
        authority, name = paths.name_of(url, longest)
        if not self.is_gateway(authority):
            raise ManifestError("a URL that does not lie on the gateway: %r" % url)
        return name

    def is_gateway(self, authority):
        """Whether HOST:PORT in a URL means the other end of this link; "" always does. On a line with two ends
        there is nobody else."""
        return True

    def open(self, name, offset, tag):
        """A Body that begins at `offset`, or at 0 when the file has changed since `tag` was told, or when the other
        end cannot begin there. RangeError when the file ends before `offset`. The caller closes it before it opens
        another."""
        raise NotImplementedError
