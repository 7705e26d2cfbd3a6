"""The directory source over real folders: Pycom's layout, copies under way, a medium that comes and goes.

Usage: test_directory_source.py SOURCE_PROBE [unittest arguments]
"""
import os
import pathlib
import random
import subprocess
import threading
import time
import unittest

import source_rig
from waiting import wait_for

IMAGE = random.Random(3).randbytes((2 << 20) + 77)


class DirectorySource(source_rig.SourceTest):
    def setUp(self):
        super().setUp()
        self.releases = self.folder / "releases"
        self.ini = self.write_ini({"name": "stick", "type": "directory", "path": self.releases, "product": "meter",
                                   "interval": "1h"})

    def put(self, path, content=b"content", below=None):
        file = (below or self.releases) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def runner(self):
        return self.enterContext(source_rig.Runner(self.PROBE, self.ini, self.folder / "log"))

    def until_held(self, runner, *versions):
        def held():
            shown = runner.show()
            if {release["version"] for release in shown["releases"]} >= set(versions):
                return shown
            return None
        return wait_for(held, f"{versions} to be held")

    def until_looked(self, runner):
        """Waits for one whole attempt that began after now."""
        before = runner.show("poke")
        wait_for(lambda: not runner.show()["sources"]["stick"]["running"], "the end of an attempt")
        return before

    def pycom_folder(self, below=None):
        self.put("1.0.0/flash/lib/lib_a.py", b"a = 1\n", below)
        self.put("1.0.0/flash/main.py", b"print(1)\n", below)
        self.put("1.0.0/sd/gone.wav", b"RIFF", below)
        self.put("1.0.1/flash/lib/lib_a.py", b"a = 1\n", below)
        self.put("1.0.1/flash/lib/new_lib.py", b"b = 2\n", below)
        self.put("1.0.1/flash/main.py", b"print(2)\n", below)
        self.put("firmware_1.0.0.bin", IMAGE, below)
        self.put("firmware_1.0.1.bin", IMAGE + b"1", below)
        self.put("OTA_server.py", b"import http.server\n", below)

    def test_pycoms_folder_is_taken_as_it_is(self):
        self.pycom_folder()
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0.0", "1.0.1")
        new = next(release for release in shown["releases"] if release["version"] == "1.0.1")
        self.assertEqual(sorted(new["artifacts"]), ["firmware_1.0.1.bin", "flash/lib/lib_a.py",
                                                    "flash/lib/new_lib.py", "flash/main.py"])
        self.assertEqual(new["artifacts"]["flash/main.py"]["dst_path"], "flash/main.py")
        self.assertEqual(new["artifacts"]["firmware_1.0.1.bin"]["role"], "firmware")
        self.assertEqual(self.kinds(shown), ["fetched", "verified"] * 2)
        self.assertEqual(shown["events"][1]["detail"]["trust"], "local")
        again = self.sync(self.ini, True)
        self.assertTrue(again["sources"]["stick"]["unchanged"])
        self.assertEqual(again["sources"]["stick"]["bytes_fetched"], shown["sources"]["stick"]["bytes_fetched"])

    def test_a_folder_that_is_not_there_is_no_error(self):
        shown = self.sync(self.ini, True)
        self.assertEqual(shown["releases"], [])

    def test_a_new_version_is_seen_at_once(self):
        self.put("1.0.0/main.py")
        runner = self.runner()
        self.until_held(runner, "1.0.0")
        self.put("1.0.1/flash/lib/deep/main.py")
        self.assert_whole(self.until_held(runner, "1.0.1"), "1.0.0", "1.0.1")

    def test_a_folder_that_is_made_later_is_seen(self):
        runner = self.runner()
        wait_for(lambda: runner.show()["sources"]["stick"]["succeeded"], "the first attempt")
        self.put("1.0.0/main.py")
        self.until_held(runner, "1.0.0")

    def test_a_copy_under_way_is_left_until_it_is_whole(self):
        runner = self.runner()
        with open(self.put("firmware_1.0.0.bin", b"begin"), "ab", buffering=0) as file:
            for _ in range(20):
                file.write(os.urandom(10000))
                time.sleep(0.2)  # slower than that nothing is being copied any more
                self.assertEqual(runner.show()["releases"], [])
        shown = self.until_held(runner, "1.0.0")
        self.assertEqual(shown["releases"][0]["artifacts"]["firmware_1.0.0.bin"]["size"], 200005)

    def test_a_version_that_is_changed_later_is_refused_and_told_once(self):
        for path, content, words in (("1.0.0/flash/main.py", b"print(9)\n", "flash/main.py differs"),
                                     ("1.0.0/flash/more.py", b"", "flash/more.py is new"),
                                     ("firmware_1.0.0.bin", b"late", "firmware_1.0.0.bin is new")):
            with self.subTest(path=path):
                subprocess.run(["rm", "-rf", self.releases, self.store], check=True)
                self.put("1.0.0/flash/main.py", b"print(1)\n")
                self.sync(self.ini, True)
                self.put(path, content)
                with source_rig.Runner(self.PROBE, self.ini, self.folder / "log") as runner:
                    wait_for(lambda: runner.show()["sources"]["stick"]["rejected"], "the change to be refused")
                    self.until_looked(runner)
                    shown = runner.show()
                self.assertEqual(shown["sources"]["stick"]["rejected"], 1)
                self.assertEqual(self.kinds(shown), ["fetched", "verified", "rejected"])
                self.assertIn(words, shown["events"][-1]["detail"]["why"])
                self.assert_whole(shown, "1.0.0")
                self.assertEqual(list(shown["releases"][0]["artifacts"]), ["flash/main.py"])

    def test_a_version_that_is_taken_away_stays(self):
        self.pycom_folder()
        self.sync(self.ini, True)
        subprocess.run(["rm", "-rf", self.releases], check=True)
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0.0", "1.0.1")
        self.assertEqual(shown["sources"]["stick"]["rejected"], 0)

    def test_links_to_the_outside_are_never_read(self):
        secret = self.folder / "secret"
        secret.write_bytes(b"root:x:0:0")
        self.put("1.0.0/flash/main.py")
        (self.releases / "1.0.0/flash/secret").symlink_to(secret)
        self.put("1.0.1/flash/main.py")
        (self.releases / "firmware_1.0.1.bin").symlink_to("/etc/passwd")
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0.1")
        self.assertEqual(list(shown["releases"][0]["artifacts"]), ["flash/main.py"])
        self.assertEqual(shown["sources"]["stick"]["rejected"], 1)
        self.assertIn("out of the folder", shown["events"][0]["detail"]["why"])

    def test_files_that_never_stop_changing_do_not_hold_up_the_others(self):
        self.put("1.0.0/main.py")
        self.put("1.0.1/log.txt")
        stop = threading.Event()

        def write():
            while not stop.is_set():
                self.put("1.0.1/log.txt", os.urandom(100))
                time.sleep(0.05)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            self.assert_whole(self.sync(self.ini, True), "1.0.0")
        finally:
            stop.set()
            writer.join()

    def test_a_killed_import_goes_on(self):
        self.put("firmware_1.0.0.bin", random.Random(4).randbytes(48 << 20))
        probe = subprocess.Popen([self.PROBE, self.ini, "sync", self.counter], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)

        def received():
            return int.from_bytes(self.counter.read_bytes(), "little") if self.counter.exists() else 0
        wait_for(lambda: received() > 20 << 20, "half of the import")
        probe.kill()
        probe.wait()
        self.assert_whole(self.sync(self.ini, True), "1.0.0")
        self.assertLessEqual(received(), (48 << 20) + (1 << 20))

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_a_medium_that_comes_and_goes(self):
        stick = self.releases
        stick.mkdir()

        def mounted(*command):
            subprocess.run(command, check=True)
        self.addCleanup(subprocess.run, ["umount", "-q", "-l", stick], check=False)
        runner = self.runner()
        wait_for(lambda: runner.show()["sources"]["stick"]["succeeded"], "the first attempt")
        mounted("mount", "-t", "tmpfs", "-o", "size=64m", "stick", stick)
        self.pycom_folder()
        self.assert_whole(self.until_held(runner, "1.0.0", "1.0.1"), "1.0.0", "1.0.1")
        # Nothing is held open: the stick can be taken away, and what it brought stays.
        wait_for(lambda: not runner.show()["sources"]["stick"]["running"], "the end of the attempt")
        mounted("umount", stick)
        self.until_looked(runner)
        shown = runner.show()
        self.assert_whole(shown, "1.0.0", "1.0.1")
        self.assertEqual(shown["sources"]["stick"]["rejected"], 0)
        self.assertEqual(shown["sources"]["stick"]["last_error"], "")
        # Another stick, prepared elsewhere, is found by its being mounted alone.
        other = self.folder / "other"
        other.mkdir()
        self.put("2.0/flash/main.py", below=pathlib.Path(other))
        mounted("mount", "--bind", other, stick)
        self.assert_whole(self.until_held(runner, "2.0"), "1.0.0", "1.0.1", "2.0")

    @unittest.skipUnless(os.geteuid() == 0, "mounting needs root")
    def test_a_medium_that_is_pulled_out_while_it_is_read(self):
        stick = self.releases
        stick.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "stick", stick], check=True)
        self.addCleanup(subprocess.run, ["umount", "-q", "-l", stick], check=False)
        self.put("firmware_1.0.0.bin", random.Random(5).randbytes(100 << 20))
        self.put("1.0.1/main.py")
        probe = subprocess.Popen([self.PROBE, self.ini, "sync", self.counter], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        wait_for(lambda: self.counter.exists() and self.counter.read_bytes() > bytes(8), "the import to begin")
        os.truncate(self.releases / "firmware_1.0.0.bin", 50 << 20)  # as a filesystem ends that is going away
        subprocess.run(["umount", "-l", stick], check=True)
        probe.communicate(timeout=60)
        self.assertEqual(probe.returncode, 0)
        shown = self.sync(self.ini, True)
        for release in shown["releases"]:
            self.assertNotEqual(release["version"], "1.0.0")
        self.assertEqual(shown["sources"]["stick"]["rejected"], 0)


if __name__ == "__main__":
    source_rig.main()
