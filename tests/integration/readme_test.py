#!/usr/bin/python3
"""The README's commands do what it says. Each fenced block of commands has a case here that runs it, or names the test
that does; a block that nobody knows fails, so that nothing can be added that is not run."""
import os
import pathlib
import re
import stat
import subprocess
import unittest

import gateway as g

README = (g.ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks():
    """The commands of each block; of a console block only what is typed."""
    found = []
    for kind, text in BLOCK.findall(README):
        if kind == "console":
            text = "".join(f"{line[2:]}\n" for line in text.splitlines() if line.startswith("$ "))
        found.append(text)
    return found


def block_with(words):
    found = [block for block in blocks() if words in block]
    assert len(found) == 1, f"{len(found)} blocks of the README have '{words}'"
    return found[0]


class Readme(unittest.TestCase):
    def setUp(self):
        self.folder = g.scratch(self)
        self.build = g.Build()
        self.bin = self.folder / "bin"
        self.bin.mkdir()

    def program(self, name, text):
        """A command that the blocks find on their path."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def bash(self, commands, folder=None):
        environment = {**os.environ, "PATH": f"{self.bin}:/usr/bin:/bin"}
        return subprocess.run(["bash", "-eu", "-c", commands], cwd=folder or self.folder, env=environment,
                              capture_output=True, text=True, timeout=60, check=False)

    def test_settings_of_the_fleet_are_good(self):
        etc = self.folder / "etc"
        (etc / "conf.d").mkdir(parents=True)
        (etc / "ferry.ini").write_bytes((g.ROOT / "config" / "ferry.ini").read_bytes())
        self.program("ferryd", f'exec {self.build.ferryd} --config {etc}/ferry.ini "$@"')
        done = self.bash(block_with("/etc/ferry/conf.d/").replace("/etc/ferry/", f"{etc}/"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no problem", done.stdout)
        # The block is what was checked, and a mistake in it would have been told.
        drop_in = next(pathlib.Path(etc / "conf.d").iterdir())
        drop_in.write_text(drop_in.read_text().replace("type = https", "type = htps"))
        self.assertEqual(self.bash("ferryd --check-config").returncode, 2)

    def test_a_site_is_made_as_it_says(self):
        image = os.urandom(1000)
        g.write_release(self.folder / "releases", "1.0.1", image, {"flash/main.py": b"print(1)\n"})
        self.program("ferryctl", f'exec {self.build.ferryctl} "$@"')
        done = self.bash(block_with("ferryctl publish"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("public_key = ", done.stdout)
        self.assertTrue((self.folder / "site" / "index.json").exists())
        self.assertIn(image, [path.read_bytes() for path in (self.folder / "site").rglob("*") if path.is_file()])

    def test_every_other_block_is_run_elsewhere(self):
        elsewhere = {
            "./dev run --once\n": "demo.once",
            "./dev test\n": "the run of these tests",
            "./dev deb\napt-get install -y ./build/deb/ferryd_*.deb\n": "the packaging tests",
        }
        here = [block_with("/etc/ferry/conf.d/"), block_with("ferryctl publish")]
        for block in blocks():
            self.assertTrue(block in elsewhere or block in here, f"no test runs this block:\n{block}")
        dev = (g.ROOT / "dev").read_text()
        for command in re.findall(r"\./dev (\w+)", README):
            self.assertRegex(dev, rf"(?m)^  {command}\)$", f"./dev {command}")

    def test_what_ferryctl_is_said_to_know_it_knows(self):
        usage = subprocess.run([self.build.ferryctl, "--help"], capture_output=True, text=True, check=True).stdout
        for command in ("status", "sources", "releases", "devices", "deliveries", "watch", "keygen", "publish"):
            self.assertRegex(usage, rf"(?m)^  {command}\b")
            self.assertIn(command, README)


if __name__ == "__main__":
    unittest.main(verbosity=2)
