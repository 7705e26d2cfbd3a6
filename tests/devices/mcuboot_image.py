#!/usr/bin/python3
"""Makes MCUboot images, whole ones and broken ones, and reads them as a bootloader does.

    make("1.2.3+4", body(200_000, seed=7))             bytes: header, body, TLVs with the SHA-256
    make("1.2.3", body(1000, 1), protected=[(0x50, b"dependency")], broken="hash")
    read(data)                                         Image(version, hash, valid), or None where there is none

broken: magic, hash (the body does not fit its hash), no-hash, size (longer than the file), cut (ends in the body).
On the command line: mcuboot_image.py FILE --version 1.2.3 --size 200000 --seed 7 [--broken hash]
"""
import argparse
import hashlib
import pathlib
import random
import struct
from typing import NamedTuple

MAGIC = 0x96F3B83D
PROTECTED, UNPROTECTED = 0x6908, 0x6907
SHA256 = 0x10
HEADER = struct.Struct("<IIHHIIBBHII")
BROKEN = ("magic", "hash", "no-hash", "size", "cut")


class Image(NamedTuple):
    """What a slot holds. `hash` is the one in its TLV; `valid`: the bytes before it fit it."""
    version: str
    hash: bytes
    valid: bool
    length: int


def body(size, seed):
    return random.Random(seed).randbytes(size)


def numbers(version):
    """(major, minor, revision, build) of 1.2.3, 1.2.3+4 or 1.2.3.4."""
    parts = [int(part) for part in version.replace("+", ".").split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


def text(major, minor, revision, build):
    return f"{major}.{minor}.{revision}" + (f".{build}" if build else "")


def area(magic, entries):
    content = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in entries)
    return struct.pack("<HH", magic, len(content) + 4) + content


def make(version, content, protected=(), header_size=32, broken=None, load_address=0):
    """The image of `version` around the bytes `content`."""
    kept = area(PROTECTED, protected) if protected else b""
    size = len(content) + (1 << 20 if broken == "size" else 0)
    header = HEADER.pack(MAGIC ^ (broken == "magic"), load_address, header_size, len(kept), size, 0,
                         *numbers(version), 0).ljust(header_size, b"\0")
    digest = hashlib.sha256(header + content + kept).digest()
    if broken == "hash":
        content = bytes([content[0] ^ 1]) + content[1:]
    entries = [] if broken == "no-hash" else [(SHA256, digest)]
    whole = header + content + kept + area(UNPROTECTED, entries)
    return whole[:header_size + len(content) // 2] if broken == "cut" else whole


def entries_at(data, at, magic):
    """The (type, value) of the block of TLVs at `at`; None when there is none."""
    if at + 4 > len(data):
        return None
    found, total = struct.unpack_from("<HH", data, at)
    if found != magic or at + total > len(data):
        return None
    entries, end = [], at + total
    at += 4
    while at + 4 <= end:
        kind, length = struct.unpack_from("<HH", data, at)
        entries.append((kind, bytes(data[at + 4:at + 4 + length])))
        at += 4 + length
    return entries


def read(data):
    """The image at the beginning of `data`, which may be longer, or None."""
    if len(data) < HEADER.size:
        return None
    magic, _, header_size, kept, size, _, *version, _ = HEADER.unpack_from(data)
    if magic != MAGIC:
        return None
    end = header_size + size + kept
    entries = entries_at(data, end, UNPROTECTED)
    digest = dict(entries or ()).get(SHA256)
    if digest is None:
        return None
    total = end + struct.unpack_from("<HH", data, end)[1]
    return Image(text(*version), digest, hashlib.sha256(data[:end]).digest() == digest, total)


def hash_at(data):
    """Where in a whole image the TLV's hash begins."""
    image = read(data)
    return bytes(data).rindex(image.hash)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--size", type=int, default=200_000, help="bytes of the body")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--header-size", type=int, default=32)
    parser.add_argument("--broken", choices=BROKEN)
    options = parser.parse_args()
    image = make(options.version, body(options.size, options.seed), header_size=options.header_size,
                 broken=options.broken)
    options.file.write_bytes(image)


if __name__ == "__main__":
    main()
