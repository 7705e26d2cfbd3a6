"""The devices of the demonstration: the emulated clients of tests/devices, each a process that tries for an update
again and again, as it would at the roadside."""
import hashlib
import pathlib
import re
import subprocess
import sys
import threading
import time

from gateway import ROOT, die_with_parent

DEVICES = ROOT / "tests" / "devices"
BETWEEN_TRIES = 0.5  # seconds


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Device:
    """One device: what it runs, what it should run, and the process that plays it. `options` are those of its
    program; `image` is the file below its state that holds the image it would boot."""

    def __init__(self, name, kind, program, state, image, old, new, options):
        self.name, self.kind, self.program = name, kind, program
        self.state = pathlib.Path(state)
        self.image = self.state / image
        self.old_version, old_image = old
        self.new_version, new_image = new
        self.wanted = sha256(new_image)
        self.options = [str(option) for option in options]
        self.finished = threading.Event()
        self.cut_at = None       # block that was on its way when the link was cut
        self.went_on = None      # block that was asked for next
        self.waits = False       # it asked before there was something for it
        self.process = None
        self.state.mkdir(parents=True)
        self.image.write_bytes(old_image)

    def runs(self):
        """SHA-256 of what it would boot now."""
        return sha256(self.image.read_bytes()) if self.image.exists() else ""

    def up_to_date(self):
        return self.runs() == self.wanted


class Fleet:
    """Runs the devices, each on a thread that reads what its process says. Ends with the `with` block."""

    def __init__(self, devices, screen):
        self.devices = devices
        self.screen = screen
        self.ending = threading.Event()
        self.threads = []

    def __enter__(self):
        return self

    def start(self, device, gateway):
        """The device comes into reach of the gateway, HOST:PORT."""
        thread = threading.Thread(target=self._play, args=(device, gateway), daemon=True)
        self.threads.append(thread)
        thread.start()

    def __exit__(self, *_):
        self.ending.set()
        for device in self.devices:
            if device.process and device.process.poll() is None:
                device.process.kill()
        for thread in self.threads:
            thread.join(5)

    def _play(self, device, gateway):
        command = [sys.executable, DEVICES / device.program, "--gateway", gateway, "--state", device.state,
                   *device.options]
        while not self.ending.is_set() and not device.finished.is_set():
            device.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                              stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)
            for line in device.process.stdout:
                text = line.strip().partition(": ")[2] or line.strip()
                if not self.ending.is_set():
                    self._tell(device, text)
            device.process.wait()
            if device.up_to_date():
                device.finished.set()
            else:
                time.sleep(BETWEEN_TRIES)

    def _tell(self, device, text):
        if text.startswith("updated"):
            self.screen.good(device.name, f"runs {device.new_version} now: {self._short(text.removeprefix('updated: '))}")
        elif match := re.match(r"chunk (\d+): attempt \d+ failed", text):
            device.cut_at = int(match[1])
            self.screen.trouble(device.name, f"lost the gateway at block {match[1]}, asks for it again")
        elif text.startswith("current") and device.up_to_date():
            self.screen.say(device.name, "asks for an update: it is up to date")
        elif text.startswith(("current", "failed", "gave up")):
            # As long as the gateway has nothing for it; said once.
            if not device.waits:
                device.waits = True
                self.screen.say(device.name, "asks for an update: nothing there yet, asks again and again")
        else:
            self.screen.say(device.name, self._short(text))

    @staticmethod
    def _short(text):
        return re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1…", text)
