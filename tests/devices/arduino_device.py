#!/usr/bin/python3
"""A sketch with the HTTP updater of the Arduino cores: ESP8266httpUpdate, or HTTPUpdate of the ESP32. One HTTP/1.0
request whose headers say what it is; 304 means nothing new; a length is required, MD5 enforced when it is told."""
import gzip
import hashlib

import device_common as common
import esp_common as esp

USER_AGENT = {"ESP8266": "ESP8266-http-Update", "ESP32": "ESP32-http-Update"}


class TooLittleSpace(common.DeviceError):
    """The image does not fit beside the one that runs."""


class ArduinoDevice(esp.Board):
    """`flash` is what image and new image share. `tells`: the sketch hands its version to the updater."""

    def __init__(self, link, state, path="/update.bin", family="ESP8266", mode="sketch", tells=True, flash=4 << 20,
                 mac="18:FE:AA:BB:CC:DD", report=lambda text: None):
        super().__init__(link, state, report)
        self.path = path
        self.family = family
        self.mode = mode
        self.tells = tells
        self.flash = flash
        self.mac = mac

    def told_version(self):
        return self.version

    def fields(self):
        family, running = self.family, self.running
        lines = [f"Host: {self.link.host}:{self.link.port}", f"User-Agent: {USER_AGENT[family]}", "Connection: close"]
        if family == "ESP8266":
            lines += [f"x-{family}-Chip-ID: 2713345", f"x-{family}-sketch-md5: {hashlib.md5(running).hexdigest()}"]
        elif esp.is_valid(running):
            lines.append(f"x-{family}-sketch-sha256: {running[-esp.DIGEST_SIZE:].hex().upper()}")
        lines += [f"x-{family}-STA-MAC: {self.mac}", f"x-{family}-AP-MAC: 1A{self.mac[2:]}",
                  f"x-{family}-free-space: {self.flash - len(running)}", f"x-{family}-sketch-size: {len(running)}",
                  f"x-{family}-chip-size: {self.flash}", f"x-{family}-sdk-version: 2.2.2-dev(38a443e)",
                  f"x-{family}-mode: {self.mode}"]
        if self.tells and running:
            lines.append(f"x-{family}-version: {self.told_version()}")
        return [*lines, "Content-Length: 0"]

    def update(self):
        with self.link.connect() as connection:
            status, headers, reader = esp.request(connection, "GET", self.path, "1.0", self.fields())
            if status == 304:
                return "current"
            if status != 200:
                raise common.DeviceError(f"wrong HTTP code {status}")
            length = int(headers.get("content-length", 0))
            if length <= 0:
                raise common.DeviceError("the server did not report the size")
            if length > self.flash - len(self.running):
                raise TooLittleSpace(f"{length} bytes do not fit")
            content = b"".join(esp.read_exactly(reader, length))
        md5 = headers.get("x-md5", "")
        if md5 and (len(md5) != 32 or md5.lower() != hashlib.md5(content).hexdigest()):
            raise common.DeviceError("wrong MD5")
        self.take(content)
        return "updated"

    def take(self, content):
        if self.mode == "spiffs":
            (self.state / "spiffs.bin").write_bytes(content)
        elif content[0] == esp.PACKED and self.family == "ESP8266":
            self.boot(gzip.decompress(content))
        elif content[0] == esp.MAGIC:
            self.boot(content)
        else:
            raise common.DeviceError("the image does not begin with 0xE9")


def arduino(link, options, report):
    return ArduinoDevice(link, options.state, f"{options.root}/{options.path}", options.family, report=report)


def extra(parser):
    parser.add_argument("--path", default="update.bin", metavar="NAME", help="below the root")
    parser.add_argument("--family", choices=USER_AGENT, default="ESP8266")


if __name__ == "__main__":
    common.program(arduino, __doc__, extra)
