#!/usr/bin/python3
"""A plug with Tasmota on an ESP8266: the Arduino updater with the name of its own image, packed. What does not fit
beside the image that runs makes it take NAME-minimal first, which fetches the own image once it runs."""
import device_common as common
from arduino_device import ArduinoDevice, TooLittleSpace

TRIES = 5


class TasmotaDevice(ArduinoDevice):
    """`path` is its OtaUrl. An image's version is "14.2.0(tasmota)", as it tells it."""

    def __init__(self, link, state, path="/tasmota.bin.gz", **options):
        super().__init__(link, state, path, **options)
        self.url = path
        self.asked = []

    def is_minimal(self):
        return self.version.endswith("minimal)")

    def minimal_url(self):
        """What stands after the last dash of the name goes; its types stay."""
        folder, _, name = self.url.rpartition("/")
        stem, dot, types = name.partition(".")
        return f"{folder}/{stem.rpartition('-')[0] or stem}-minimal{dot}{types}"

    def update(self):
        self.path = self.url
        for _ in range(TRIES):
            self.asked.append(self.path)
            try:
                outcome = super().update()
            except TooLittleSpace as error:
                if self.is_minimal():
                    raise
                self.report(f"{error}: the minimal image first")
                self.path = self.minimal_url()
                continue
            if outcome == "updated" and self.is_minimal():
                self.path = self.url  # it has started, and goes on by itself
                continue
            return outcome
        raise common.DeviceError("gave up")


def tasmota(link, options, report):
    return TasmotaDevice(link, options.state, f"{options.root}/tasmota.bin.gz", report=report)


if __name__ == "__main__":
    common.program(tasmota, __doc__)
