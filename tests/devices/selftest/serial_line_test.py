#!/usr/bin/python3
"""Lines between real ptys: pace, faults, the plug, many lines in one process, and the programs. Their time is
accelerated; lower bounds of time are exact, upper ones are generous."""
import contextlib
import errno
import fcntl
import io
import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import mcuboot_image  # noqa: E402
import smp_packet as smp  # noqa: E402
from serial_fleet import Fleet  # noqa: E402
from serial_line import Line  # noqa: E402
from smp_device import Settings, SmpDevice  # noqa: E402

OLD = mcuboot_image.make("1.0.0", mcuboot_image.body(3000, 1))
NEW = mcuboot_image.make("1.1.0", mcuboot_image.body(8000, 2))
LIMIT = 20.0


def wait_for(condition, what):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.005)


class Port:
    """A tty, opened as a gateway opens it."""

    def __init__(self, path):
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.deframer = smp.Deframer()
        self.sequence = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.descriptor)

    def write(self, data):
        while data:
            assert select.select([], [self.descriptor], [], LIMIT)[1], "the port takes nothing"
            data = data[os.write(self.descriptor, data[:256]):]

    def read(self, count, limit=LIMIT):
        """So many bytes, or what came until the time was over."""
        data, deadline = b"", time.monotonic() + limit
        while len(data) < count and select.select([self.descriptor], [], [], max(0, deadline - time.monotonic()))[0]:
            piece = os.read(self.descriptor, 4096)
            if not piece:
                break
            data += piece
        return data

    def ask(self, group, command, body, write=False, timeout=0.2):
        """The answer's map; asked again when there is none in time."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            self.sequence = (self.sequence + 1) % 256
            op = smp.WRITE if write else smp.READ
            self.write(smp.frame(smp.encode(smp.Packet(op, group, command, self.sequence, body))))
            end = time.monotonic() + timeout
            while select.select([self.descriptor], [], [], max(0, end - time.monotonic()))[0]:
                data = os.read(self.descriptor, 4096)
                if not data:
                    raise OSError(errno.EIO, "the port hung up")
                for raw in self.deframer.feed(data):
                    answer = smp.decode(raw)
                    if answer.seq == self.sequence:
                        return answer.body
        raise AssertionError("no answer")

    def upload(self, image, until=None):
        offset = 0
        while offset < (until or len(image)):
            body = {"off": offset, "data": image[offset:offset + 300]}
            if offset == 0:
                body.update(len=len(image), sha=mcuboot_image.read(image).hash)
            offset = self.ask(smp.IMAGE, smp.UPLOAD, body, write=True)["off"]


class Pace(unittest.TestCase):
    def test_both_directions_at_ten_bits_a_byte(self):
        payload = bytes(range(256)) * 20
        with Line(baud=115200, factor=4.0) as line, Port(line.link) as gateway, Port(line.device_path) as device:
            begin = time.monotonic()
            writers = [threading.Thread(target=port.write, args=[payload]) for port in (gateway, device)]
            for writer in writers:
                writer.start()
            self.assertEqual(device.read(len(payload)), payload)
            self.assertEqual(gateway.read(len(payload)), payload)
            seconds = time.monotonic() - begin
            for writer in writers:
                writer.join()
            self.assertEqual(line.counts()["to_device"], len(payload))
        exact = len(payload) * 10 / 115200 / 4
        self.assertGreaterEqual(seconds, exact * 0.97)
        self.assertLess(seconds, exact * 10 + 2)

    def test_a_slow_line_stays_slow(self):
        with Line(baud=1200) as line, Port(line.link) as gateway, Port(line.device_path) as device:
            begin = time.monotonic()
            gateway.write(bytes(48))
            self.assertEqual(len(device.read(48)), 48)
            self.assertGreaterEqual(time.monotonic() - begin, 0.4 * 0.97)

    def test_nobody_listens(self):
        with Line(baud=115200, factor=50) as line, Port(line.device_path) as device:
            device.write(b"lost")
            wait_for(lambda: line.up.taken == 4, "the bytes are through")
            with Port(line.link) as gateway:
                wait_for(lambda: line.terminal.open, "the line knows")
                device.write(b"heard")
                self.assertEqual(gateway.read(5), b"heard")


class Plug(unittest.TestCase):
    def test_unplugged_and_back_under_another_name(self):
        with Line(device=SmpDevice(OLD), factor=20) as line:
            before = line.path
            with Port(line.link) as port:
                port.ask(smp.OS, smp.ECHO, {"d": "x"}, write=True)
                line.unplug()
                self.assertFalse(line.link.is_symlink())
                try:
                    self.assertEqual(os.read(port.descriptor, 10), b"")
                except OSError as error:
                    self.assertEqual(error.errno, errno.EIO)
                with self.assertRaises(OSError):
                    os.write(port.descriptor, b"x")
                with Line() as other:
                    self.assertNotEqual(other.path, before)
                self.assertFalse(os.path.exists(before))
                line.replug()
            self.assertNotEqual(line.path, before)
            self.assertEqual(os.readlink(line.link), line.path)
            with Port(line.link) as port:
                self.assertEqual(port.ask(smp.OS, smp.ECHO, {"d": "y"}, write=True), {"r": "y"})

    def test_the_power_goes_with_the_plug_or_not(self):
        for power, offset in ((True, 0), (False, 3000)):
            device = SmpDevice(OLD)
            with Line(device=device, factor=20) as line:
                with Port(line.link) as port:
                    port.upload(NEW, until=3000)
                line.unplug(power=power)
                line.replug()
                with Port(line.link) as port:
                    port.ask(smp.OS, smp.ECHO, {"d": "x"}, write=True)
                    answer = port.ask(smp.IMAGE, smp.UPLOAD, {"off": 9000, "data": b"x"}, write=True)
                self.assertEqual(answer, {"off": offset})

    def test_another_device_at_the_same_port(self):
        with Line(device=SmpDevice(OLD, Settings(name="one")), factor=20) as line:
            for name in ("two", "three"):
                line.replug(device=SmpDevice(OLD, Settings(name=name)))
                with Port(line.link) as port:
                    self.assertEqual(port.ask(smp.OS, smp.INFO, {"format": "n"}), {"output": name})
            with Port(line.link) as port:
                line.attach(SmpDevice(OLD, Settings(name="four")))
                self.assertEqual(port.ask(smp.OS, smp.INFO, {"format": "n"}), {"output": "four"})

    def test_exclusive_use_and_locks_work(self):
        with Line() as line, Port(line.link) as port:
            fcntl.ioctl(port.descriptor, termios.TIOCEXCL)
            fcntl.flock(port.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self.assertRaises(OSError):
                with open(os.open(line.path, os.O_RDONLY | os.O_NOCTTY), "rb", buffering=0) as other:
                    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Many(unittest.TestCase):
    def test_a_bad_line_and_a_device_on_it(self):
        device = SmpDevice(OLD)
        with Line(device=device, factor=20, flip=1 / 1000, lose_line=1 / 50) as line, Port(line.link) as port:
            port.upload(NEW)
            self.assertTrue(device.has("uploaded", version="1.1.0"))
            self.assertGreater(sum(line.counts()["faults_to_device"].values()), 0)

    def test_eight_lines_at_once(self):
        lines = [Line(device=SmpDevice(OLD, Settings(name=f"d{n}")), factor=4, name=f"usb-{n}") for n in range(8)]
        try:
            def drive(line):
                with Port(line.link) as port:
                    port.upload(NEW)
            drivers = [threading.Thread(target=drive, args=[line]) for line in lines]
            for driver in drivers:
                driver.start()
            for driver in drivers:
                driver.join(LIMIT)
            self.assertTrue(all(line.device.has("uploaded") for line in lines))
            used = time.process_time()
            time.sleep(0.5)
            self.assertLess(time.process_time() - used, 0.15)
        finally:
            for line in lines:
                line.close()

    def test_fifty_devices_on_eight_ports(self):
        lines = [Line(factor=50, name=f"usb-{n}", device=SmpDevice(), plugged=False) for n in range(8)]
        devices = [SmpDevice(OLD, Settings(name=f"d{n}")) for n in range(50)]
        fleet = Fleet(lines, devices, done=lambda device: device.has("uploaded"))
        ended = threading.Event()

        def serve(line):
            """A gateway of one port: whoever is found there gets the image."""
            while not ended.is_set():
                with contextlib.suppress(OSError, AssertionError, KeyError), Port(line.link) as port:
                    if not line.device.has("uploaded"):
                        port.upload(OLD)
                ended.wait(0.01)
        servers = [threading.Thread(target=serve, args=[line], daemon=True) for line in lines]
        for server in servers:
            server.start()
        try:
            wait_for(fleet.turn, "all have their image")
        finally:
            ended.set()
            for line in lines:
                line.close()
            for server in servers:
                server.join(LIMIT)
        self.assertEqual({name for _, name, _ in fleet.history}, {device.name for device in devices})
        self.assertEqual(len({line for line, _, _ in fleet.history}), 8)

    def test_a_device_that_breaks_is_said_so(self):
        device = SmpDevice(OLD)
        device.on_bytes = None
        line = Line(device=device, factor=20)
        with contextlib.redirect_stderr(io.StringIO()) as said, Port(line.link) as port:
            port.write(b"x")
            wait_for(lambda: line.failed, "the line has failed")
        self.assertIn("TypeError", said.getvalue())
        with self.assertRaises(RuntimeError):
            line.close()


class Programs(unittest.TestCase):
    def test_line_and_device_as_programs(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "old.bin").write_bytes(OLD)
            line = self.program("serial_line.py", "--folder", folder, "--factor", "10")
            ports = json.loads(line.stdout.readline())
            device = self.program("smp_device.py", "--port", ports["device"], "--flash", folder / "flash", "--image",
                                  folder / "old.bin", "--name", "meter-9", "--factor", "10", "--v1")
            self.assertEqual(json.loads(device.stdout.readline())["event"], "booted")
            with Port(ports["link"]) as port:
                self.assertEqual(port.ask(smp.OS, smp.INFO, {"format": "n"}), {"output": "meter-9", "rc": 0})
            for command in ("unplug", "replug"):
                after = self.command(line, {"do": command})
            self.assertNotEqual(after["gateway"], ports["gateway"])
            with Port(ports["link"]) as port:
                self.assertEqual(port.ask(smp.OS, smp.ECHO, {"d": "x"}, write=True), {"r": "x", "rc": 0})
            self.assertGreater(self.command(line, {"do": "counts"})["to_device"], 0)
            self.assertEqual(self.command(line, {"do": "faults", "lose_line": 1.0})["done"], "faults")
            self.assertTrue((folder / "flash/state.json").exists())

    def command(self, line, command):
        line.stdin.write(json.dumps(command) + "\n")
        line.stdin.flush()
        return json.loads(line.stdout.readline())

    def program(self, name, *arguments):
        process = subprocess.Popen(["/usr/bin/python3", str(HERE.parent / name), *map(str, arguments)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def end():
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()
        self.addCleanup(end)
        return process


if __name__ == "__main__":
    unittest.main()
