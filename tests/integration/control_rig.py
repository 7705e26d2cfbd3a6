"""The control server over canned data and ferryctl, for the tests of both."""

import json
import os
import signal
import socket
import subprocess
import sys
import unittest

from waiting import TIME_LIMIT, scratch

PROBE, FERRYCTL = sys.argv[1:3]
DEADLINE = TIME_LIMIT


class Probe:
    """The control server, driven over its standard input."""

    def __init__(self, path, *numbers):
        self.process = subprocess.Popen(
            [PROBE, path, *map(str, numbers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, bufsize=1)
        self.ready = self.process.stdout.readline() == "ready\n"

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def watched(self):
        self.order(do="say")
        return self.process.stdout.readline() == "said true\n"

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        errors = self.process.communicate()[1]
        return self.process.returncode, errors


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = str(scratch(self))
        os.chmod(self.folder, 0o755)
        self.path = os.path.join(self.folder, "control")

    def probe(self, *numbers):
        probe = Probe(self.path, *numbers)
        self.addCleanup(probe.end)
        self.assertTrue(probe.ready)
        return probe

    def ctl(self, *arguments, **more):
        return subprocess.run([FERRYCTL, "--socket", self.path, *arguments], text=True,
                              capture_output=True, timeout=DEADLINE, **more)

    def follow(self, *arguments, **more):
        """A ferryctl that stays; its output comes line by line."""
        process = subprocess.Popen([FERRYCTL, "--socket", self.path, *arguments], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

        def end():
            process.kill()
            process.communicate()
        self.addCleanup(end)
        return process

    def connect(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(DEADLINE)
        client.connect(self.path)
        self.addCleanup(client.close)
        return client

    def curl(self, target, *arguments):
        done = subprocess.run(
            ["curl", "-s", "-w", "\n%{http_code}", "--unix-socket", self.path, *arguments,
             "http://ferry" + target], text=True, capture_output=True, timeout=DEADLINE)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body)


def everything(client):
    received = b""
    while True:
        part = client.recv(65536)
        if not part:
            return received
        received += part
