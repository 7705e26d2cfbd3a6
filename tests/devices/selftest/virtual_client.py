"""An SMP client in virtual time, one request after the other: what the self-tests drive devices with."""
import hashlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import smp_packet as smp  # noqa: E402
from serial_wire import VirtualLine  # noqa: E402


class NoAnswer(Exception):
    """Not within the timeout, in the line's time."""


class VirtualClient:
    """`ask` gives the answer's Packet; `call` its map, and raises SmpError when that names an error."""

    def __init__(self, device, baud=115200, seed=1, version=2, **faults):
        self.line = VirtualLine(device, baud, seed, **faults)
        self.device = device
        self.version = version
        self.deframer = smp.Deframer()
        self.seen = 0
        self.sequence = 0
        self.answers = []

    def boot(self):
        assert self.line.run(10, lambda: self.device.up), "it does not boot"

    def listen(self):
        data = self.line.received[self.seen:]
        self.seen += len(data)
        self.answers.extend(smp.decode(packet) for packet in self.deframer.feed(data))

    def send(self, group, command, body, write=False):
        self.sequence = (self.sequence + 1) % 256
        packet = smp.Packet(smp.WRITE if write else smp.READ, group, command, self.sequence, body, self.version)
        self.line.send(smp.frame(smp.encode(packet)))
        return self.sequence

    def answer_to(self, sequence):
        self.listen()
        return next((answer for answer in self.answers if answer.seq == sequence), None)

    def ask(self, group, command, body, write=False, timeout=2.0):
        self.answers.clear()
        sequence = self.send(group, command, body, write)
        if not self.line.run(timeout, lambda: self.answer_to(sequence) is not None):
            raise NoAnswer(f"group {group}, command {command}")
        return self.answer_to(sequence)

    def call(self, group, command, body=None, write=False):
        answer = self.ask(group, command, body or {}, write)
        if answer.rc:
            raise smp.SmpError(f"error {answer.rc}", answer.rc)
        return answer.body

    def images(self):
        return self.call(smp.IMAGE, smp.STATE)["images"]

    def piece(self, image, offset, size=256, **fields):
        body = {"off": offset, "data": image[offset:offset + size], **fields}
        if offset == 0:
            body = {"len": len(image), "sha": hashlib.sha256(image).digest(), **body}
        return self.ask(smp.IMAGE, smp.UPLOAD, body, write=True)

    def upload(self, image, until=None, tries=10, **fields):
        """Follows the offsets that the device answers, from 0 to `until`. Gives the last answer's map."""
        offset, failed = 0, 0
        while True:
            try:
                answer = self.piece(image, offset, **fields)
            except NoAnswer:
                failed += 1
                if failed > tries:
                    raise
                continue
            if answer.rc:
                raise smp.SmpError(f"error {answer.rc}", answer.rc)
            failed, offset = 0, answer.body["off"]
            if offset >= (len(image) if until is None else until):
                return answer.body

    def upload_in_windows(self, image, window, packet=384):
        """As many requests of `packet` bytes at once as `window`, after the first answer; gives its seconds."""
        began, offset, done = self.line.now, 0, 0
        flying = set()
        while done < len(image):
            while len(flying) < (window if done else 1) and offset < len(image):
                body = {"off": offset, "data": b""}
                if offset == 0:
                    body.update(len=len(image), sha=hashlib.sha256(image).digest())
                empty = len(smp.encode(smp.Packet(smp.WRITE, smp.IMAGE, smp.UPLOAD, 0, body)))
                body["data"] = image[offset:offset + packet - empty - 2]
                flying.add(self.send(smp.IMAGE, smp.UPLOAD, body, write=True))
                offset += len(body["data"])
            self.answers.clear()
            if not self.line.run(1.0, lambda: self.listen() or self.answers):
                raise NoAnswer("upload in windows")
            for answer in self.answers:
                flying.discard(answer.seq)
                done = max(done, answer.body["off"])
        return self.line.now - began

    def reset(self):
        self.call(smp.OS, smp.RESET, {}, write=True)
        assert self.line.run(1, lambda: not self.device.up), "it does not reset"
