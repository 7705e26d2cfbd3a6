"""SMP packets and their framing on a console line, written from the protocol's description and apart from the
product's code, so that each checks the other.

    packet = Packet(op=READ, group=OS, command=6, seq=1, body={})      a request, version 2 unless said otherwise
    encode(packet), decode(data)                                       the 8-byte header and its CBOR map
    frame(encode(packet))                                              the console lines of one packet
    Deframer().feed(data)                                              the packets that are whole by then, as bytes

Framing: u16be(length + 2), the packet, CRC-16 (0x1021 from 0, big-endian), all in base64, cut into lines of at
most 127 bytes: 06 09 begins the first, 04 14 each other, 0a ends each.
"""
import base64
import binascii
import struct
from typing import NamedTuple

import cbor

READ, READ_ANSWER, WRITE, WRITE_ANSWER = range(4)
OS, IMAGE, FILES = 0, 1, 8
ECHO, RESET, PARAMETERS, INFO, BOOTLOADER = 0, 5, 6, 7, 8  # of OS
STATE, UPLOAD, ERASE = 0, 1, 5  # of IMAGE
FILE, STATUS, HASH = 0, 1, 2  # of FILES
OK, UNKNOWN, NO_MEMORY, INVALID, TIMEOUT, NO_ENTRY, BAD_STATE, TOO_LONG, UNSUPPORTED, CORRUPT, BUSY, DENIED = range(12)

HEADER = struct.Struct(">BBHHBB")
FIRST, NEXT = b"\x06\x09", b"\x04\x14"
LINE = 127  # bytes with both marks
LINE_RAW = 93  # bytes of a full line before base64


class SmpError(Exception):
    """What came is no SMP, or says that it failed; `rc` is the error number then."""

    def __init__(self, text, rc=None):
        super().__init__(text)
        self.rc = rc


class Packet(NamedTuple):
    """One request or answer. `body` is its CBOR map."""
    op: int
    group: int
    command: int
    seq: int
    body: dict
    version: int = 2

    def answer(self, body, version=None):
        return self._replace(op=self.op + 1, body=body, version=version or self.version)

    @property
    def rc(self):
        """The error number in either version's shape; 0 is success."""
        error = self.body.get("err")
        return error.get("rc", UNKNOWN) if isinstance(error, dict) else self.body.get("rc", OK)


def encode(packet, indefinite=False):
    body = cbor.encode(packet.body, indefinite)
    first = (packet.version - 1) << 3 | packet.op
    return HEADER.pack(first, 0, len(body), packet.group, packet.seq, packet.command) + body


def decode(data):
    if len(data) < HEADER.size:
        raise SmpError("shorter than a header")
    first, _, length, group, seq, command = HEADER.unpack_from(data)
    if length != len(data) - HEADER.size:
        raise SmpError(f"{len(data) - HEADER.size} bytes follow the header, {length} were announced")
    version = (first >> 3 & 3) + 1
    if version > 2 or first & 7 > WRITE_ANSWER:
        raise SmpError(f"version {version}, operation {first & 7}")
    try:
        body = cbor.decode(data[HEADER.size:]) if length else {}
    except cbor.CborError as error:
        raise SmpError(f"body: {error}") from error
    if not isinstance(body, dict):
        raise SmpError("the body is no map")
    return Packet(first & 7, group, command, seq, body, version)


def frame(data):
    """The lines of one packet, as they go over the line."""
    raw = struct.pack(">H", len(data) + 2) + data + struct.pack(">H", binascii.crc_hqx(data, 0))
    return b"".join((NEXT if at else FIRST) + base64.b64encode(raw[at:at + LINE_RAW]) + b"\n"
                    for at in range(0, len(raw), LINE_RAW))


def framed_size(length):
    """Bytes on the line of a packet of `length` bytes."""
    raw = length + 4
    lines = -(-raw // LINE_RAW)
    return -(-raw // 3) * 4 + 3 * lines


class Assembler:
    """Puts lines together to packets. What does not fit is dropped in silence and counted in `dropped`."""

    def __init__(self, limit=65535):
        self.limit = limit
        self.raw = None
        self.dropped = 0

    @property
    def assembling(self):
        return self.raw is not None

    def line(self, line):
        """`line` without its 0a. Gives the packet that it completes, or None."""
        mark, content = line[:2], line[2:].rstrip(b"\r")
        if mark not in (FIRST, NEXT):
            return None
        if mark == NEXT and self.raw is None:
            self.dropped += 1
            return None
        if mark == FIRST and self.raw is not None:
            self.dropped += 1
        try:
            piece = base64.b64decode(content, validate=True)
        except binascii.Error:
            return self.drop()
        self.raw = piece if mark == FIRST else self.raw + piece
        if len(self.raw) < 2:
            return self.drop()
        length = struct.unpack_from(">H", self.raw)[0]
        if length > self.limit + 2 or len(self.raw) > length + 2:
            return self.drop()
        return self.whole(length) if len(self.raw) == length + 2 else None

    def whole(self, length):
        data = self.raw[2:length]
        if length < 2 or binascii.crc_hqx(data, 0).to_bytes(2, "big") != self.raw[length:]:
            return self.drop()
        self.raw = None
        return data

    def drop(self):
        self.raw = None
        self.dropped += 1


class Deframer:
    """Packets out of a stream that has console text in between; that is kept in `text`."""

    def __init__(self):
        self.assembler = Assembler()
        self.rest = b""
        self.text = []

    def feed(self, data):
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        packets = []
        for line in lines:
            if line[:2] not in (FIRST, NEXT):
                self.text.append(line)
            elif len(line) >= LINE:
                self.assembler.dropped += 1
            elif (packet := self.assembler.line(line)) is not None:
                packets.append(packet)
        return packets
