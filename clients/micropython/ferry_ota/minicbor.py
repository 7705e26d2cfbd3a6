"""As much of CBOR (RFC 8949) as SMP needs. Encodes maps of small values; decodes anything within bounds, of definite or
indefinite length, without copying byte strings. Numbers with a point become None."""
from .errors import ProtocolError

_DEEPEST = 6
_MOST = 64  # items of a packet, all levels together
_BREAK = object()


def _head(out, major, number):
    if number < 24:
        out.append(major << 5 | number)
    else:
        size = 1 if number < 0x100 else 2 if number < 0x10000 else 4
        out.append(major << 5 | (24, 25, 0, 26)[size - 1])
        for position in range(size - 1, -1, -1):
            out.append(number >> (8 * position) & 0xFF)


def encode(values):
    """A map of texts to texts, bytes, booleans or numbers below 2^32, in the order of `values`: (key, value) pairs."""
    out = bytearray()
    _head(out, 5, len(values))
    for key, value in values:
        _encode_text(out, key)
        if isinstance(value, bool):
            out.append(0xF5 if value else 0xF4)
        elif isinstance(value, int):
            _head(out, 0, value)
        elif isinstance(value, str):
            _encode_text(out, value)
        else:
            _head(out, 2, len(value))
            out.extend(value)
    return out


def _encode_text(out, text):
    text = text.encode()
    _head(out, 3, len(text))
    out.extend(text)


def decode_map(view):
    """The map that `view` (a memoryview) consists of; byte strings in it are parts of `view`."""
    decoder = _Decoder(view)
    value = decoder.value(0)
    if not isinstance(value, dict) or decoder.at != len(view):
        raise ProtocolError("CBOR that is no map")
    return value


class _Decoder:
    def __init__(self, view):
        self._view = view
        self.at = 0
        self._items = 0

    def _take(self, count):
        if count > len(self._view) - self.at:
            raise ProtocolError("CBOR that ends early")
        self.at += count
        return self._view[self.at - count:self.at]

    def _number(self, low):
        """The number that follows a first byte; None for an indefinite length."""
        if low < 24:
            return low
        if low == 31:
            return None
        if low > 27:
            raise ProtocolError("CBOR with a reserved length")
        number = 0
        for byte in self._take(1 << (low - 24)):
            number = number << 8 | byte
        return number

    def value(self, depth):
        self._items += 1
        if depth > _DEEPEST or self._items > _MOST:
            raise ProtocolError("CBOR that is too deep or too long")
        first = self._take(1)[0]
        major, low = first >> 5, first & 31
        number = self._number(low)
        if major == 7:
            return self._simple(low)
        if major in (4, 5):
            return self._array(number, depth) if major == 4 else self._map(number, depth)
        if number is None:
            raise ProtocolError("CBOR with a text or number in pieces")
        if major == 0:
            return number
        if major == 1:
            return -1 - number
        if major == 6:
            return self.value(depth + 1)
        taken = self._take(number)
        return taken if major == 2 else self._text(taken)

    @staticmethod
    def _text(taken):
        try:
            return bytes(taken).decode()
        except UnicodeError:
            raise ProtocolError("CBOR with a text that is no UTF-8") from None

    @staticmethod
    def _simple(low):
        if low == 31:
            return _BREAK
        return {20: False, 21: True}.get(low)

    def _array(self, number, depth):
        values = []
        while number is None or len(values) < number:
            value = self.value(depth + 1)
            if value is _BREAK:
                self._end(number)
                break
            values.append(value)
        return values

    def _map(self, number, depth):
        values = {}
        pairs = 0
        while number is None or pairs < number:
            key = self.value(depth + 1)
            if key is _BREAK:
                self._end(number)
                break
            value = self.value(depth + 1)
            if not isinstance(key, (str, int)) or value is _BREAK:
                raise ProtocolError("CBOR with a map that is none")
            values[key] = value
            pairs += 1
        return values

    @staticmethod
    def _end(number):
        if number is not None:
            raise ProtocolError("CBOR that stops where nothing stops")
