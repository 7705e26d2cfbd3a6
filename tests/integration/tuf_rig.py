"""What the tests of ferry-tuf-client share: a repository, its server, and the program with its two folders."""
import json
import os
import subprocess
import sys
import unittest
import urllib.parse

import tuf_repository
from waiting import scratch


class TufTest(unittest.TestCase):
    PROGRAM = None
    CONSISTENT = True

    def setUp(self):
        self.folder = scratch(self)
        self.metadata = self.folder / "metadata"
        self.targets = self.folder / "targets"
        self.metadata.mkdir()
        self.targets.mkdir()
        self.serve(tuf_repository.Repository(self.CONSISTENT))

    def serve(self, repository):
        self.repository = repository
        self.server = tuf_repository.Server(repository)
        self.addCleanup(self.server.close)

    def run_client(self, *arguments, before=()):
        """(exit status, standard error). Each failure is told in one line."""
        environment = {**os.environ, "http_proxy": "http://127.0.0.1:1"}
        done = subprocess.run([*before, self.PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                              timeout=60, env=environment)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        if not before:
            self.assertEqual(len(done.stderr.splitlines()), done.returncode, done.stderr)
        return done.returncode, done.stderr

    def init(self, root=None, good=True):
        file = self.folder / "initial_root.json"
        file.write_bytes(root or self.repository.served["1.root.json"])
        status, told = self.run_client("--metadata-dir", self.metadata, "init", file)
        self.assertEqual(status, 0 if good else 1, told)
        return told

    def refresh(self, good=True, before=()):
        self.repository.asked.clear()
        status, told = self.run_client("--metadata-url", self.server.url + "/metadata", "--metadata-dir",
                                       self.metadata, "refresh", before=before)
        self.assertEqual(status, 0 if good else 1, told)
        return told

    def download(self, *names, good=True, before=()):
        self.repository.asked.clear()
        wanted = [word for name in names for word in ("--target-name", name)]
        status, told = self.run_client(
            "--metadata-url", self.server.url + "/metadata", "--metadata-dir", self.metadata, *wanted,
            "--target-base-url", self.server.url + "/targets", "--target-dir", self.targets, "download",
            before=before)
        self.assertEqual(status, 0 if good else 1, told)
        return told

    def version(self, role):
        """Of what is trusted; None when nothing is."""
        file = self.metadata / (urllib.parse.quote(role, "") + ".json")
        return json.loads(file.read_bytes())["signed"]["version"] if file.exists() else None

    def trusted(self):
        return [self.version(role) for role in tuf_repository.TOP]

    def held(self):
        """Artifacts by their file's name, and never a half one."""
        return {file.name: file.read_bytes() for file in self.targets.iterdir()}


def main():
    """PROGRAM first on the command line, unittest's arguments after it."""
    TufTest.PROGRAM = sys.argv.pop(1)
    unittest.main()
