"""A yaota8266 bootloader in over-the-air mode, written from its source, and the maker of its signed containers; apart
from the product's code.

    key = make_key()                       RSA with 512 bits and exponent 3
    container = make_container(image, key)
    YaotaDevice(key)                       behind a UdpLink(device, raw=True); device.image is what it got
"""
import hashlib
import random
import struct

from timed_device import TimedDevice

BLOCK = 256
SECTOR = 4096
AES_KEY = b"\x01" * 16
SIGNATURE = 64
HEAD = struct.Struct("<HHI")


def is_prime(number, rounds=24, chooser=random.Random(1)):
    if any(number % small == 0 for small in (2, 3, 5, 7, 11, 13, 17, 19, 23)):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(rounds):
        value = pow(chooser.randrange(2, number - 1), odd, number)
        if value in (1, number - 1):
            continue
        for _ in range(twos - 1):
            value = value * value % number
            if value == number - 1:
                break
        else:
            return False
    return True


def make_key(seed=1):
    """(modulus, private exponent)."""
    chooser = random.Random(seed)
    primes = []
    while len(primes) < 2:
        candidate = chooser.getrandbits(256) | 3 << 254 | 1
        if candidate % 3 == 2 and is_prime(candidate):
            primes.append(candidate)
    p, q = primes
    return p * q, pow(3, -1, (p - 1) * (q - 1))


def sign(content, key):
    message = AES_KEY + hashlib.sha1(content).digest()
    padded = b"\x00\x01" + b"\xff" * (SIGNATURE - 3 - len(message)) + b"\x00" + message
    return pow(int.from_bytes(padded, "big"), key[1], key[0]).to_bytes(SIGNATURE, "big")


def make_packet(sequence, offset, data, key):
    content = HEAD.pack(0, len(data), offset) + data
    content += b"\0" * (-len(content) % 16)
    return struct.pack("<I", sequence) + content + sign(content, key)


def make_container(image, key):
    pieces = [(at, image[at:at + BLOCK]) for at in range(0, len(image), BLOCK)] + [(0, b"")] * 3
    content = b"yaota8266\x01"
    for sequence, (offset, data) in enumerate(pieces, 1):
        packet = make_packet(sequence, offset, data, key)
        content += struct.pack("<H", len(packet)) + packet
    return content + struct.pack("<H", 0) + hashlib.sha1(content).digest()


class YaotaDevice(TimedDevice):
    """Events: packet {offset}, finished {length}, forgot."""

    def __init__(self, key, report=None, forget_seconds=2.0, name="yaota"):
        super().__init__(name, report)
        self.modulus, self.forget_seconds = key[0], forget_seconds
        self.image = b""
        self.refused = self.repeated = 0
        self.restart()

    def restart(self):
        self.content = b""
        self.previous = None
        self.heard = None

    def on_power(self):
        self.at(0.2, self.look)

    def look(self):
        if self.heard is not None and self.now - self.heard > self.forget_seconds:
            self.tell("forgot")
            self.restart()
        self.at(0.2, self.look)

    def is_signed(self, content, signature):
        padded = pow(int.from_bytes(signature, "big"), 3, self.modulus).to_bytes(SIGNATURE, "big")
        return padded.endswith(AES_KEY + hashlib.sha1(content).digest())

    def on_bytes(self, data):
        if len(data) < 4 + HEAD.size + SIGNATURE or not self.is_signed(data[4:-SIGNATURE], data[-SIGNATURE:]):
            self.refused += 1
            return
        operation, length, offset = HEAD.unpack_from(data, 4)
        if length == 0:
            if self.content:
                self.image = self.content
                self.tell("finished", length=len(self.image))
            self.restart()
            return
        if offset == self.previous:
            self.repeated += 1
        elif offset != len(self.content):
            return
        else:
            self.previous = offset
            self.content += data[4 + HEAD.size:4 + HEAD.size + length]
            self.tell("packet", offset=offset)
        self.heard = self.now
        # The acknowledgement holds one cipher block: the header, and the beginning of the data.
        self.put(data[:4 + 16])
