"""SHA-1 (FIPS 180-4) for interpreters that were built without it. Words are kept as halves of 16 bits, since whole
ones do not fit a small integer on 32-bit ports and would be allocated one by one."""
from array import array

_FIRST = (0x6745, 0x2301, 0xEFCD, 0xAB89, 0x98BA, 0xDCFE, 0x1032, 0x5476, 0xC3D2, 0xE1F0)
_ROUND = (0x5A82, 0x7999, 0x6ED9, 0xEBA1, 0x8F1B, 0xBCDC, 0xCA62, 0xC1D6)


class Sha1:
    def __init__(self):
        self._state = array("H", _FIRST)
        self._high = array("H", bytes(160))
        self._low = array("H", bytes(160))
        self._block = bytearray(64)
        self._used = 0
        self._length = 0

    def update(self, data):
        block, used = self._block, self._used
        for byte in data:
            block[used] = byte
            used += 1
            if used == 64:
                self._mix()
                used = 0
        self._used = used
        self._length += len(data)

    def digest(self):
        """Ends it: update() is not allowed afterwards."""
        bits = self._length * 8
        block, used = self._block, self._used
        block[used] = 0x80
        for position in range(used + 1, 64):
            block[position] = 0
        if used >= 56:
            self._mix()
            for position in range(64):
                block[position] = 0
        for position in range(8):
            block[63 - position] = (bits >> (8 * position)) & 0xFF
        self._mix()
        out = bytearray(20)
        for position in range(10):
            out[2 * position] = self._state[position] >> 8
            out[2 * position + 1] = self._state[position] & 0xFF
        return bytes(out)

    def _schedule(self):
        high, low, block = self._high, self._low, self._block
        for t in range(16):
            high[t] = block[4 * t] << 8 | block[4 * t + 1]
            low[t] = block[4 * t + 2] << 8 | block[4 * t + 3]
        for t in range(16, 80):
            above = high[t - 3] ^ high[t - 8] ^ high[t - 14] ^ high[t - 16]
            below = low[t - 3] ^ low[t - 8] ^ low[t - 14] ^ low[t - 16]
            high[t] = (above << 1 | below >> 15) & 0xFFFF
            low[t] = (below << 1 | above >> 15) & 0xFFFF

    def _mix(self):
        self._schedule()
        high, low, state = self._high, self._low, self._state
        # At most three at once: MicroPython allocates a tuple for more, and an iterator to unpack the array.
        ah, al = state[0], state[1]
        bh, bl = state[2], state[3]
        ch, cl = state[4], state[5]
        dh, dl = state[6], state[7]
        eh, el = state[8], state[9]
        for t in range(80):
            if t < 20:
                fh, fl, k = (bh & ch) | (~bh & dh), (bl & cl) | (~bl & dl), 0
            elif t < 40:
                fh, fl, k = bh ^ ch ^ dh, bl ^ cl ^ dl, 2
            elif t < 60:
                fh, fl, k = (bh & ch) | (bh & dh) | (ch & dh), (bl & cl) | (bl & dl) | (cl & dl), 4
            else:
                fh, fl, k = bh ^ ch ^ dh, bl ^ cl ^ dl, 6
            below = ((al << 5 | ah >> 11) & 0xFFFF) + fl + el + _ROUND[k + 1] + low[t]
            above = ((ah << 5 | al >> 11) & 0xFFFF) + fh + eh + _ROUND[k] + high[t] + (below >> 16)
            eh, dh, ch = dh, ch, (bh >> 2 | bl << 14) & 0xFFFF
            el, dl, cl = dl, cl, (bl >> 2 | bh << 14) & 0xFFFF
            bh, ah = ah, above & 0xFFFF
            bl, al = al, below & 0xFFFF
        self._add(0, ah, al)
        self._add(2, bh, bl)
        self._add(4, ch, cl)
        self._add(6, dh, dl)
        self._add(8, eh, el)

    def _add(self, at, high, low):
        state = self._state
        low += state[at + 1]
        state[at] = (state[at] + high + (low >> 16)) & 0xFFFF
        state[at + 1] = low & 0xFFFF
