"""The part of CBOR (RFC 8949) that SMP uses, written apart from the product's so that each checks the other.

    encode({"off": 0, "data": b"..."})                  bytes, definite lengths, shortest heads
    encode({"off": 0}, indefinite=True)                 maps and arrays as bf…ff and 9f…ff, as some devices do
    decode(data)                                        the one value that `data` holds

Values: None, bool, int (64 bits), bytes, str, list, dict. decode() is strict: it raises CborError for anything
else, for bytes left over, keys twice in a map, text that is not UTF-8, and nesting deeper than 16.
"""
import struct

DEPTH = 16
HEADS = {24: ">B", 25: ">H", 26: ">I", 27: ">Q"}
INDEFINITE = 31
BREAK = object()


class CborError(ValueError):
    """Not the CBOR that SMP speaks."""


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for code, layout in HEADS.items():
        if number < 1 << 8 * struct.calcsize(layout):
            return bytes([major << 5 | code]) + struct.pack(layout, number)
    raise CborError(f"{number} does not fit into 64 bits")


def encode(value, indefinite=False):
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return head(2, len(value)) + bytes(value)
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    if isinstance(value, (list, tuple)):
        content = b"".join(encode(item, indefinite) for item in value)
        return b"\x9f" + content + b"\xff" if indefinite else head(4, len(value)) + content
    if isinstance(value, dict):
        content = b"".join(encode(key, indefinite) + encode(item, indefinite) for key, item in value.items())
        return b"\xbf" + content + b"\xff" if indefinite else head(5, len(value)) + content
    raise CborError(f"{type(value).__name__} has no place in an SMP packet")


def decode(data):
    reader = Reader(data)
    value = reader.item(0)
    if value is BREAK:
        raise CborError("a break outside of anything")
    if reader.at != len(data):
        raise CborError(f"{len(data) - reader.at} bytes left over")
    return value


class Reader:
    """Reads one item after the other from `data`."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise CborError("cut short")
        self.at += count
        return self.data[self.at - count:self.at]

    def item(self, depth):
        if depth > DEPTH:
            raise CborError("nested too deeply")
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if major == 7:
            return self.simple(low)
        if low == INDEFINITE and major >= 2:
            count = None
        elif low < 24:
            count = low
        elif low in HEADS:
            layout = HEADS[low]
            count = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        else:
            raise CborError(f"head {first:#04x} is reserved")
        if major == 0:
            return count
        if major == 1:
            return -1 - count
        if major in (2, 3):
            return self.string(major, count)
        if major == 4:
            return list(self.items(count, depth))
        if major == 5:
            return self.map(count, depth)
        raise CborError("tags are not used by SMP")

    def simple(self, low):
        values = {20: False, 21: True, 22: None, INDEFINITE: BREAK}
        if low not in values:
            raise CborError(f"simple value {low} is not used by SMP")
        return values[low]

    def string(self, major, count):
        if count is None:
            content = b""
            while self.data[self.at:self.at + 1] != b"\xff":
                piece = self.data[self.at:self.at + 1]
                if not piece or piece[0] >> 5 != major or piece[0] & 31 == INDEFINITE:
                    raise CborError("a string of pieces has a piece of another kind")
                part = self.item(DEPTH)
                content += part if major == 2 else part.encode()
            self.at += 1
        else:
            content = bytes(self.take(count))
        if major == 2:
            return content
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise CborError("text that is not UTF-8") from error

    def items(self, count, depth):
        while count is None or count > 0:
            value = self.item(depth + 1)
            if value is BREAK:
                if count is not None:
                    raise CborError("a break where a count was given")
                return
            yield value
            count = None if count is None else count - 1

    def map(self, count, depth):
        values = list(self.items(None if count is None else count * 2, depth))
        if len(values) % 2:
            raise CborError("a key without a value")
        result = {}
        for key, value in zip(values[::2], values[1::2]):
            if not isinstance(key, (str, int)) or key in result:
                raise CborError(f"key {key!r} is twice in a map, or no key")
            result[key] = value
        return result
