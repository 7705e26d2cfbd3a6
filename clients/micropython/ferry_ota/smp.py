"""Requests and answers of SMP (MCUmgr's Simple Management Protocol): a header of 8 bytes and a CBOR map. The
file-system group is what a device pulls by."""
from . import minicbor
from .errors import ProtocolError, SmpError

FILES = 8      # group
DOWNLOAD = 0   # commands of it
STATUS = 1
_READ = 0
_READ_ANSWER = 1
_VERSION_2 = 1 << 3


def request(group, command, sequence, values):
    """A packet that reads."""
    body = minicbor.encode(values)
    head = bytes((_READ | _VERSION_2, 0, len(body) >> 8, len(body) & 0xFF, group >> 8, group & 0xFF, sequence, command))
    return head + body


def answer(packet, group, command, sequence, name):
    """The map of an answer; None when the packet answers something else. SmpError when it refuses. Servers may answer
    in either version."""
    if len(packet) < 8 or packet[0] & 7 != _READ_ANSWER:
        return None
    if (packet[4] << 8 | packet[5], packet[6], packet[7]) != (group, sequence, command):
        return None
    if packet[2] << 8 | packet[3] != len(packet) - 8:
        raise ProtocolError("an SMP packet with a wrong length")
    values = minicbor.decode_map(packet[8:])
    error, group = values, 0
    if isinstance(values.get("err"), dict):
        error = values["err"]
        group = error.get("group") if isinstance(error.get("group"), int) else -1
    code = error.get("rc")
    if code:
        raise SmpError(code if isinstance(code, int) else 1, name, group)
    return values
