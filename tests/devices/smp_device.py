#!/usr/bin/python3
"""A device that is an SMP server on its console, with MCUboot's two slots behind it.

    device = SmpDevice(image, Settings(name="meter-1", buf_count=4), folder="…/flash", report=print_event)
    Line(baud=115200, device=device)                     in the test's process (serial_line.py), or as a program:
    smp_device.py --port /dev/pts/3 --flash DIR --image FILE [an option for each field of Settings]

Upload state is in RAM: a reset or a lack of power forgets it. Slots and their flags are flash (smp_flash.py): a
device made again over the same folder is the same device. Every event is told (timed_device.py):
booted {version, confirmed, swapped, reverted, refused}, upload_begun {length, started}, upload_resumed {offset},
progress {offset}, uploaded {length, version}, upload_refused {rc}, erased, marked {pending}, confirmed, reset,
watchdog. `started` is when the first line of that upload's packet had come in.
"""
import argparse
import dataclasses
import hashlib
import pathlib
import sys

import mcuboot_image
import smp_packet as smp
from smp_console import Console
from smp_flash import Flash
from timed_device import TimedDevice, add_options, print_event, serve, settings_of

FIRST_DATA = 32  # bytes: the image's header has to be in the first packet
PROGRESS = 16 * 1024
BANNER = b"*** Booting Zephyr OS build v3.2.0 ***\r\n"
INFO = {"s": "Zephyr", "r": "3.2.0", "v": "0", "b": "1970", "m": "arm", "p": "cortex-m4", "i": "nrf52840dk",
        "o": "Zephyr"}


@dataclasses.dataclass
class Settings:
    """What kind of device it is. Times in seconds, sizes in bytes."""
    name: str = "device"
    buf_size: int = 384  # of a packet buffer, the header included
    buf_count: int = 4
    line_buffers: int = 4
    line_seconds: float = 0.001  # to empty one line buffer
    packet_seconds: float = 0.001  # to answer any request
    write_rate: float = 250_000.0  # bytes a second into flash
    erase_seconds: float = 0.1
    reset_seconds: float = 0.05  # between the answer and the reset
    boot_seconds: float = 0.3  # silent for so long
    slot_size: int = 512 * 1024
    seed: int = 1
    # Quirks.
    v1: bool = False  # answers version 1 to everybody
    indefinite: bool = False  # CBOR maps without a length
    parameters: bool = True  # False: rc 8
    info: bool = True  # False: rc 8, as servers without that command
    match: bool = False  # says in the last answer whether the SHA-256 is right
    erase_rc7: bool = False  # says so after erasing well
    corrupt: str = ""  # "hash" or "body": one bit of what was uploaded goes wrong in flash
    recovery: bool = False  # MCUboot's serial recovery: offset 0 always begins afresh
    primary: bool = False  # uploads go to slot 0; no test, no confirm
    busy: int = 0  # so many requests of the image group are answered rc 10
    revert: str = ""  # a test image is "silent" from the start, or does "refuse" to be confirmed; then the watchdog
    watchdog_seconds: float = 2.0
    self_confirm: float = 0.0  # a test image confirms itself after so long; 0: never
    noise: float = 0.0  # probability of a line of text before an answer
    torn: float = 0.0  # probability of a line of text in the middle of an answer


class Upload:
    """What the device's RAM knows of an upload."""

    def __init__(self, length, sha):
        self.length, self.sha = length, sha
        self.offset = 0


class SmpDevice(TimedDevice):
    """`image` is what slot 0 holds when the flash is new."""

    def __init__(self, image=b"", settings=None, folder=None, report=None):
        self.settings = settings or Settings()
        super().__init__(self.settings.name, report)
        self.flash = Flash(folder, image, self.settings.slot_size)
        self.console = Console(self, self.settings, self.answer)
        self.busy_left = self.settings.busy
        self.upload = None
        self.up = False
        self.requests = 0
        self.sent_twice = 0  # pieces of an upload that it had already
        self.upload_packets = 0
        self.upload_wire = 0  # bytes of these on the line, framing and all
        self.upload_first, self.upload_largest = 0, 0  # bytes of the first and of the largest of them
        self.commands = {
            (smp.OS, smp.ECHO): self.echo, (smp.OS, smp.RESET): self.reset, (smp.OS, smp.PARAMETERS): self.parameters,
            (smp.OS, smp.INFO): self.os_info, (smp.OS, smp.BOOTLOADER): self.bootloader,
            (smp.IMAGE, smp.STATE): self.state, (smp.IMAGE, smp.UPLOAD): self.take_upload,
            (smp.IMAGE, smp.ERASE): self.erase,
        }

    @property
    def slot(self):
        """Where uploads go."""
        return 0 if self.settings.primary else 1

    @property
    def version(self):
        """Of what runs, or would run."""
        return self.flash.images[0].version if self.flash.images[0] else None

    # Power and boot.

    def on_power(self):
        self.forget()
        self.at(self.settings.boot_seconds, self.boot)

    def on_lost_power(self):
        self.forget()

    def forget(self):
        self.up = False
        self.upload = None
        self.console.restart()

    def restart(self, event):
        self.tell(event)
        self.due.clear()
        self.on_power()

    def boot(self):
        result = self.flash.boot()
        settings = self.settings
        on_trial = result["swapped"] and not result["confirmed"]
        self.tell("booted", **result)
        if on_trial and settings.revert:
            self.at(settings.watchdog_seconds, lambda: self.restart("watchdog"))
            if settings.revert == "silent":
                return
        if on_trial and settings.self_confirm and not settings.revert:
            self.at(settings.self_confirm, self.confirm)
        self.up = True
        self.put(BANNER)

    def on_bytes(self, data):
        if self.up:
            self.console.receive(data)

    # Requests. A command gives (its answer's map, seconds), or raises SmpError with the error number.

    def answer(self, data):
        seconds = self.settings.packet_seconds
        try:
            packet = smp.decode(data)
        except smp.SmpError:
            return None, seconds
        if packet.op not in (smp.READ, smp.WRITE):
            return None, seconds
        self.requests += 1
        if (packet.group, packet.command) == (smp.IMAGE, smp.UPLOAD):
            self.upload_packets += 1
            self.upload_wire += smp.framed_size(len(data))
            self.upload_first = self.upload_first or len(data)
            self.upload_largest = max(self.upload_largest, len(data))
        version = 1 if self.settings.v1 else packet.version
        try:
            body, more = self.run(packet)
            seconds += more
            if version == 1 and "rc" not in body:
                body = {**body, "rc": smp.OK}
        except smp.SmpError as error:
            body = {"rc": error.rc} if version == 1 else {"err": {"group": packet.group, "rc": error.rc}}
        return packet.answer(body, version), seconds

    def run(self, packet):
        command = self.commands.get((packet.group, packet.command))
        if command is None:
            raise smp.SmpError("unknown", smp.UNSUPPORTED)
        if packet.group == smp.IMAGE and self.busy_left:
            self.busy_left -= 1
            raise smp.SmpError("busy", smp.BUSY)
        return command(packet)

    def echo(self, packet):
        return {"r": packet.body.get("d", "")}, 0

    def reset(self, packet):
        self.at(self.settings.packet_seconds + self.settings.reset_seconds, lambda: self.restart("reset"))
        return {}, 0

    def parameters(self, packet):
        if not self.settings.parameters:
            raise smp.SmpError("unsupported", smp.UNSUPPORTED)
        return {"buf_size": self.settings.buf_size, "buf_count": self.settings.buf_count}, 0

    def os_info(self, packet):
        wanted = packet.body.get("format", "s")
        known = {**INFO, "n": self.settings.name}
        if not self.settings.info:
            raise smp.SmpError("unsupported", smp.UNSUPPORTED)
        if not isinstance(wanted, str) or set(wanted) - set(known) - {"a"}:
            raise smp.SmpError("unknown format", smp.INVALID)
        letters = [letter for letter in "snrvbmpio" if letter in wanted or "a" in wanted]
        return {"output": " ".join(known[letter] for letter in letters)}, 0

    def bootloader(self, packet):
        query = packet.body.get("query")
        if query is None:
            return {"bootloader": "MCUboot"}, 0
        if query != "mode":
            raise smp.SmpError("unknown query", smp.INVALID)
        return {"mode": 0 if self.settings.primary else 3}, 0

    # Images.

    def state(self, packet):
        if packet.op == smp.WRITE:
            self.write_state(packet.body)
        return {"images": self.flash.state(), "splitStatus": 0}, 0

    def write_state(self, body):
        digest, confirm = body.get("hash"), body.get("confirm", False)
        running, other = self.flash.images
        if self.settings.primary:
            raise smp.SmpError("no slots", smp.UNSUPPORTED)
        if digest is None and not confirm:
            raise smp.SmpError("which image?", smp.INVALID)
        if digest is None or running and running.hash == digest:
            if not confirm or self.settings.revert == "refuse" and not self.flash.flags["confirmed"]:
                raise smp.SmpError("not to be had", smp.BAD_STATE)
            self.confirm()
        elif other and other.hash == digest:
            if not self.flash.flags["confirmed"]:
                raise smp.SmpError("the running image is on trial", smp.BAD_STATE)
            self.flash.mark("permanent" if confirm else "test")
            self.tell("marked", pending=self.flash.flags["pending"])
        else:
            raise smp.SmpError("no such image", smp.INVALID)

    def confirm(self):
        if not self.flash.flags["confirmed"]:
            self.flash.confirm()
            self.tell("confirmed", version=self.version)

    def erase(self, packet):
        if self.flash.flags["pending"] or not self.flash.flags["confirmed"]:
            raise smp.SmpError("in use", smp.BAD_STATE)
        self.upload = None
        self.flash.erase(1)
        self.tell("erased")
        return ({"rc": smp.TOO_LONG} if self.settings.erase_rc7 else {}), self.settings.erase_seconds

    def take_upload(self, packet):
        body = packet.body
        offset, data = body.get("off"), body.get("data", b"")
        if packet.op != smp.WRITE or not isinstance(offset, int) or not isinstance(data, bytes):
            raise smp.SmpError("no upload", smp.INVALID)
        if offset == 0:
            seconds = self.begin_upload(body, data)
            if seconds is None:
                self.tell("upload_resumed", offset=self.upload.offset)
                return {"off": self.upload.offset}, 0
        elif self.upload is None or offset != self.upload.offset:
            self.sent_twice += self.upload is not None and offset < self.upload.offset
            return {"off": self.upload.offset if self.upload else 0}, 0
        else:
            seconds = 0
        return self.store(data), seconds + len(data) / self.settings.write_rate

    def begin_upload(self, body, data):
        """Seconds that it takes, or None when the upload that is under way goes on."""
        sha, length = body.get("sha"), body.get("len")
        rc = self.refusal(data, length, body.get("upgrade", False))
        if rc:
            self.tell("upload_refused", rc=rc)
            raise smp.SmpError("refused", rc)
        if self.upload and sha and sha == self.upload.sha and not self.settings.recovery:
            return None
        self.upload = Upload(length, sha)
        self.flash.erase(self.slot)
        self.tell("upload_begun", length=length, started=round(self.console.started, 6))
        return self.settings.erase_seconds

    def refusal(self, data, length, upgrade):
        """Why an upload may not begin, 0 when it may."""
        if not isinstance(length, int) or len(data) < FIRST_DATA:
            return smp.INVALID
        magic, _, _, _, _, _, *version, _ = mcuboot_image.HEADER.unpack_from(data)
        if magic != mcuboot_image.MAGIC:
            return smp.INVALID
        if self.flash.flags["pending"] or not self.flash.flags["confirmed"]:
            return smp.NO_ENTRY
        if length > self.settings.slot_size:
            return smp.UNKNOWN
        if upgrade and self.version and tuple(version) <= mcuboot_image.numbers(self.version):
            return smp.BAD_STATE
        return smp.OK

    def store(self, data):
        upload = self.upload
        if upload.offset + len(data) > upload.length:
            raise smp.SmpError("more than was announced", smp.INVALID)
        self.flash.write(self.slot, upload.offset, data)
        before, upload.offset = upload.offset, upload.offset + len(data)
        if before // PROGRESS != upload.offset // PROGRESS:
            self.tell("progress", offset=upload.offset)
        if upload.offset < upload.length:
            return {"off": upload.offset}
        self.upload = None
        image = self.flash.look(self.slot)
        if self.settings.corrupt and image:
            self.flash.corrupt(self.slot, self.settings.corrupt)
            image = self.flash.look(self.slot)
        self.tell("uploaded", length=upload.length, version=image.version if image else None)
        got = hashlib.sha256(self.flash.slots[self.slot]).digest()
        return {"off": upload.length, **({"match": got == upload.sha} if self.settings.match else {})}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, Settings())
    parser.add_argument("--flash", type=pathlib.Path, help="folder that keeps the device's flash")
    parser.add_argument("--image", type=pathlib.Path, help="what slot 0 holds when the flash is new")
    options = parser.parse_args()
    image = options.image.read_bytes() if options.image else b""
    device = SmpDevice(image, settings_of(options, Settings), options.flash, print_event)
    return serve(device, options.port, options.factor)


if __name__ == "__main__":
    sys.exit(main())
