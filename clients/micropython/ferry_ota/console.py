"""SMP packets as lines on a console (Zephyr's and Mynewt's serial transport): length, packet and CRC-16 in base64, in
lines of at most 127 bytes. Text of others in between is skipped."""
from array import array
from binascii import a2b_base64, b2a_base64

_FIRST = b"\x06\x09"
_NEXT = b"\x04\x14"
_LINE = 127
_RAW = 93  # bytes that fill a line


# CRC-16/XMODEM of the four bits that are the table's index.
_TABLE = array("H", (0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
                     0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF))


def crc16(data):
    """CRC-16/XMODEM: polynomial 0x1021, first value 0."""
    crc, table = 0, _TABLE
    for byte in data:
        crc = (crc << 4 & 0xFFFF) ^ table[crc >> 12 ^ byte >> 4]
        crc = (crc << 4 & 0xFFFF) ^ table[crc >> 12 ^ byte & 15]
    return crc


def lines(packet):
    """Yields the lines of a packet."""
    crc = crc16(packet)
    length = len(packet) + 2
    whole = bytes((length >> 8, length & 0xFF)) + packet + bytes((crc >> 8, crc & 0xFF))
    for start in range(0, len(whole), _RAW):
        yield (_NEXT if start else _FIRST) + b2a_base64(whole[start:start + _RAW])


class Decoder:
    """Puts packets together in one buffer of `longest` bytes. What does not fit is skipped as noise is; `dropped`
    counts packets that began and came to nothing."""

    def __init__(self, longest):
        self._packet = bytearray(longest + 4)
        self._view = memoryview(self._packet)
        self._line = bytearray(_LINE)
        self._in_line = 0    # bytes of it, the mark included; 0 outside of one
        self._last = 0
        self._length = 0     # bytes of the packet so far; 0 outside of one
        self.packet = None
        self.dropped = 0

    def feed(self, data, at, end):
        """Takes bytes of `data` until one ends a packet, or up to `end`. Gives how far it came; then `packet` is the
        packet, as a memoryview that the next call may change, or None."""
        line, used, last = self._line, self._in_line, self._last
        self.packet = None
        while at < end and self.packet is None:
            byte = data[at]
            at += 1
            if byte == 9 and last == 6 or byte == 20 and last == 4:
                line[0], line[1], used = last, byte, 2
            elif used:
                if byte == 10:
                    self.packet = self._end_line(used)
                    used = 0
                elif used == _LINE:
                    used = self._drop() or 0
                else:
                    line[used] = byte
                    used += 1
            last = byte
        self._in_line, self._last = used, last
        return at

    def _drop(self):
        self.dropped += 1
        self._length = 0
        return None

    def _end_line(self, used):
        if self._line[0] == 6:
            if self._length:
                self._drop()
        elif not self._length:
            return None
        end = used - (self._line[used - 1] == 13)
        try:
            raw = a2b_base64(bytes(self._line[2:end]))
        except Exception:  # ValueError, and Exception itself where binascii is micropython-lib's
            return self._drop()
        if self._length + len(raw) > len(self._packet):
            return self._drop()
        self._packet[self._length:self._length + len(raw)] = raw
        self._length += len(raw)
        return self._finish() if self._length >= 2 else self._drop()

    def _finish(self):
        wanted = (self._packet[0] << 8 | self._packet[1]) + 2
        if self._length < wanted and wanted <= len(self._packet):
            return None
        if self._length != wanted or wanted < 4 or crc16(self._view[2:wanted]):
            return self._drop()
        self._length = 0
        return self._view[2:wanted - 2]
