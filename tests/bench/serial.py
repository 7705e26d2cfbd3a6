#!/usr/bin/python3
"""How much of a serial line an upload uses: an image of 200 kB at 115200 baud to a device with four packet buffers of
384 bytes, by the gateway's serial transport (SMP over the console framing), and the same file by sz and rz of lrzsz
over the same line. The line is two ptys with the pace of a UART in between (tests/devices/serial_line.py); the
device and the line keep exact time, the programs at its end live with what else the machine does.

Prints a Markdown table. The bound: bytes that the framing needs for this image, in packets of the size that was
used and of the best size that fits the device's buffer (base64, marks, lengths, CRC, SMP header, CBOR), over what
115200 baud carry, ten bits a byte. The time: from the first byte of the first upload packet to the moment at which
the device has the last one in its flash."""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# In place of this folder, whose http.py would stand in for the library's.
sys.path[0] = str(ROOT / "tests" / "integration")

import gateway as g  # noqa: E402
import mcuboot_image  # noqa: E402
import smp_packet as smp  # noqa: E402
from serial_line import Line  # noqa: E402
from smp_device import Settings, SmpDevice  # noqa: E402

LIMIT = 300.0
TO_REACH = 0.92


def piece_for(length, offset, packet):
    """Bytes of an image of `length` that fit into the upload packet of `packet` bytes at `offset`, at most."""
    body = {"off": offset, "data": b""}
    if offset == 0:
        body.update(len=length, sha=bytes(32))
    room = packet - len(smp.encode(smp.Packet(smp.WRITE, smp.IMAGE, smp.UPLOAD, 0, body)))
    # The length of `data` is itself 0, 1 or 2 bytes longer than that of an empty one.
    room -= (room > 23) + (room > 256)
    return min(room, length - offset)


def encoded(length, packet):
    """Bytes on the line for an image of `length` in packets of `packet` bytes: the fewest that the framing allows."""
    total, offset = 0, 0
    while offset < length:
        data = bytes(piece_for(length, offset, packet))
        body = {"off": offset, "data": data}
        if offset == 0:
            body.update(len=length, sha=bytes(32))
        total += smp.framed_size(len(smp.encode(smp.Packet(smp.WRITE, smp.IMAGE, smp.UPLOAD, 0, body))))
        offset += len(data)
    return total


def best_packet(length, largest):
    """The packet size up to `largest` that needs the fewest bytes on the line."""
    return min(range(128, largest + 1), key=lambda packet: encoded(length, packet))


def upload(folder, build, image, options):
    """One delivery by a gateway; gives its figures."""
    old = mcuboot_image.make("1.0.0", mcuboot_image.body(20_000, 1))
    device = SmpDevice(old, Settings(buf_size=options.buffer, buf_count=options.buffers))
    with Line(options.baud, device=device) as line:
        releases = folder / "releases"
        g.write_release(releases, "1.1.0", image)
        text = (f"[source.stick]\ntype = directory\npath = {releases}\nproduct = bench\n[product.bench]\n"
                f"[transport.line]\nplugin = serial\nport = {line.link}\nbaud = {options.baud}\ndialect = smp\n"
                "product = bench\npoll_interval = 1s\n")
        with g.Gateway(folder / "gateway", text, build, log_level="warning") as gateway:
            gateway.start()
            g.wait_for(lambda: device.has("confirmed", version="1.1.0"), "the device runs it for good", LIMIT)
    begun, done = device.has("upload_begun"), device.has("uploaded")
    # `started` is when the device had its first line, which took its time as well.
    first = min(smp.framed_size(device.upload_first), smp.LINE) * 10 / options.baud
    return {"seconds": done["at"] - begun["started"] + first, "wire": device.upload_wire,
            "packets": device.upload_packets, "largest": device.upload_largest, "twice": device.sent_twice}


def send_by_zmodem(folder, image, options):
    """The same file by sz to rz; gives seconds and bytes on the line."""
    folder.mkdir()
    sent = folder / "image.bin"
    sent.write_bytes(image)
    target = folder / "received"
    target.mkdir()
    with Line(options.baud) as line, open(line.device_path, "r+b", buffering=0) as far, \
            open(line.link, "r+b", buffering=0) as near:
        receiver = subprocess.Popen(["rz", "-b", "-q", "-y"], cwd=target, stdin=far, stdout=far,
                                    stderr=subprocess.DEVNULL)
        begin = time.monotonic()
        subprocess.run(["sz", "-b", "-q", sent], stdin=near, stdout=near, stderr=subprocess.DEVNULL, check=True,
                       timeout=LIMIT)
        seconds = time.monotonic() - begin
        receiver.wait(LIMIT)
        wire = line.counts()["to_device"]
    if (target / sent.name).read_bytes() != image:
        raise SystemExit("rz received other bytes")
    return {"seconds": seconds, "wire": wire}


def measure(options, image):
    """[(the gateway's figures or None, sz's)], in turns."""
    build = None if options.only_peer else g.Build(options.build)
    rows = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="ferry-bench-serial-") as name:
            folder = pathlib.Path(name)
            ours = None if options.only_peer else upload(folder, build, image, options)
            rows.append((ours, send_by_zmodem(folder / "zmodem", image, options)))
    return rows


def report(options, image, rows):
    length, second = len(image), options.baud / 10
    best = best_packet(length, options.buffer)
    bound = encoded(length, best)
    print(f"{length} bytes at {options.baud} baud ({second:.0f} bytes a second) to a device with {options.buffers} "
          f"buffers of {options.buffer} bytes, {options.rounds} rounds in turns, medians.\n")
    print("| | bytes on the line | payload share | seconds | bytes a second | share of the bound | to reach |\n"
          "|---|---|---|---|---|---|---|")
    print(f"| the framing's bound, packets of {best} bytes | {bound} | {length / bound:.3f} | {bound / second:.2f} | "
          f"{length / bound * second:.0f} | | |")
    result = {"bytes": length, "baud": options.baud, "bound_packet": best, "bound_wire": bound,
              "bound_seconds": bound / second}
    if rows[0][0] is not None:
        result["ferry"] = {key: statistics.median(ours[key] for ours, _ in rows) for key in rows[0][0]}
        largest = int(result["ferry"]["largest"])
        used = encoded(length, largest)
        result["used_seconds"] = used / second
        print(f"| the bound, packets of {largest} bytes as used | {used} | {length / used:.3f} | {used / second:.2f} | "
              f"{length / used * second:.0f} | | |")
        line_of("ferry", result["ferry"], length, bound / second, f"at least {TO_REACH:.2f}")
    result["zmodem"] = {key: statistics.median(theirs[key] for _, theirs in rows) for key in rows[0][1]}
    line_of("sz and rz", result["zmodem"], length, length / second, "")
    if rows[0][0] is not None:
        print(f"\nPackets: {result['ferry']['packets']:.0f}, sent twice: {result['ferry']['twice']:.0f}.")
    print("\nsz sends nearly all bytes as they are: its bound is the line itself.")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=2) + "\n")


def line_of(name, figures, length, bound_seconds, to_reach):
    print(f"| {name} | {figures['wire']:.0f} | {length / figures['wire']:.3f} | {figures['seconds']:.2f} | "
          f"{length / figures['seconds']:.0f} | {bound_seconds / figures['seconds']:.3f} | {to_reach} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/bench", help="build folder")
    parser.add_argument("--size", type=int, default=200_000, help="bytes of the image's body")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--baud", type=int, default=115200)
    parser.add_argument("--buffer", type=int, default=384, help="bytes of a packet buffer of the device")
    parser.add_argument("--buffers", type=int, default=4)
    parser.add_argument("--only-peer", action="store_true", help="sz and rz alone, without a gateway")
    parser.add_argument("--json", help="file that gets the figures")
    options = parser.parse_args()
    image = mcuboot_image.make("1.1.0", mcuboot_image.body(options.size, 2))
    report(options, image, measure(options, image))


if __name__ == "__main__":
    main()
