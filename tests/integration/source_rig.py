"""What the tests of the sources share: a folder, certificates, a site, and the probe over a store."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "devices"))
import services  # noqa: E402
import site_writer  # noqa: E402
from waiting import scratch, wait_for  # noqa: E402,F401 (source_rig.wait_for for the tests)


class Runner:
    """The probe with its runners, spoken to over its standard input."""

    def __init__(self, probe, ini, log):
        self.log = open(log, "ab")
        self.process = subprocess.Popen([probe, ini, "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, bufsize=1)

    def show(self, order="show"):
        self.process.stdin.write(order + "\n")
        return json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.log.close()


class SourceTest(unittest.TestCase):
    """Each test has a folder of its own; certificates are made once."""
    PROBE = None

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.certificates = services.Certificates(pathlib.Path(cls.shared.name) / "tls")

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        self.folder = scratch(self)
        self.key, self.public_key = site_writer.make_key(self.folder)
        self.site = site_writer.SiteWriter(self.folder / "site", self.key)
        self.store = self.folder / "store"
        self.counter = self.folder / "counter"

    def write_ini(self, *sections, quota="4G"):
        """`sections`: dicts of one source each, with its name."""
        lines = [f"[storage]\npath = {self.store}\nquota = {quota}\n", "[product.meter]\n"]
        for section in sections:
            lines.append(f"[source.{section['name']}]")
            lines += [f"{key} = {value}" for key, value in section.items() if key != "name"]
        ini = self.folder / "ferry.ini"
        ini.write_text("\n".join(lines) + "\n")
        return ini

    def https(self, cloud, name="cloud", **more):
        section = {"name": name, "type": "https", "url": cloud.url, "public_key": self.public_key,
                   "ca_file": self.certificates.ca, "stall_timeout": "1s", **more}
        return {key: value for key, value in section.items() if value is not None}

    def sync(self, ini, expect_ok=None):
        """One attempt; gives what the store holds afterwards."""
        done = subprocess.run([self.PROBE, ini, "sync", self.counter], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "https_proxy": "http://127.0.0.1:1"})
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = json.loads(done.stdout)
        if expect_ok is not None:
            for name, state in shown["sources"].items():
                self.assertEqual("error" not in state, expect_ok, f"{name}: {state}\n{done.stderr}")
        return shown

    def assert_whole(self, shown, *versions):
        """Exactly these versions are held, and every byte that a device would get is right."""
        self.assertEqual(sorted(release["version"] for release in shown["releases"]), sorted(versions))
        for release in shown["releases"]:
            self.assertTrue(release["complete"], release)
            for name, artifact in release["artifacts"].items():
                self.assertTrue(artifact["whole"], name)

    @staticmethod
    def kinds(shown):
        return [event["kind"] for event in shown["events"]]


def main():
    """PROBE first on the command line, unittest's arguments after it."""
    SourceTest.PROBE = sys.argv.pop(1)
    unittest.main()
