"""The tuf source against a repository that was written apart from it, over TLS.

Usage: test_tuf_source.py SOURCE_PROBE [unittest arguments]
"""
import contextlib
import hashlib
import os
import signal
import sqlite3
import subprocess

import tuf_source_rig
from cloud_server import Fault
from tuf_repository import days
from tuf_source_rig import IMAGE, OTHER


class TufSource(tuf_source_rig.TufSourceTest):
    def trusted(self):
        """Versions of what is kept, by name."""
        with contextlib.closing(sqlite3.connect(self.store / "catalog.db")) as database:
            return dict(database.execute("SELECT name, version FROM trusted_document WHERE source = 'cloud'"))

    def vouchers(self):
        with contextlib.closing(sqlite3.connect(self.store / "catalog.db")) as database:
            return dict(database.execute("SELECT r.version, v.snapshot FROM release r JOIN release_voucher v"
                                         " ON v.release = r.id"))

    def test_a_repository_is_pulled_and_pulled_once(self):
        self.release("1.0", {"firmware_1.0.bin": IMAGE, "flash/main.py": b"print(1)\n"})
        self.publish()
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0")
        state = shown["sources"]["cloud"]
        self.assertEqual((state["admitted"], state["sequence"], state["rejected"]), (1, 2, 0))
        self.assertEqual(shown["events"][1]["detail"]["trust"], "tuf")
        self.assertEqual(shown["releases"][0]["artifacts"]["flash/main.py"]["dst_path"], "flash/main.py")
        self.asked()
        again = self.sync(self.ini, True)
        self.assertTrue(again["sources"]["cloud"]["unchanged"])
        self.assertEqual(self.asked(), ["2.root.json", "timestamp.json"])

    def test_metadata_is_kept_byte_for_byte_with_the_release_that_it_admits(self):
        self.release("1.0")
        self.publish()
        self.sync(self.ini, True)
        self.assertEqual(self.vouchers(), {"1.0": 2})
        self.release("1.1", {"firmware_1.1.bin": OTHER})
        self.publish()
        self.sync(self.ini, True)
        self.assertEqual(self.vouchers(), {"1.0": 2, "1.1": 3})
        self.assertEqual(self.trusted(), {"root": 1, "timestamp": 3, "snapshot": 3, "targets": 3})
        with contextlib.closing(sqlite3.connect(self.store / "catalog.db")) as database:
            for name, content in database.execute(
                    "SELECT name, content FROM trusted_document WHERE source = 'cloud'"):
                self.assertEqual(content, self.repository.served[self.repository.name_of(name)])

    def test_a_repository_without_consistent_snapshots(self):
        self.repository = type(self.repository)(consistent=False)
        self.root.write_bytes(self.repository.served["1.root.json"])
        self.release("1.0")
        self.publish()
        self.assert_whole(self.sync(self.ini, True), "1.0")
        self.assertEqual(self.asked("targets")[-1:], ["meter/1.0/firmware_1.0.bin"])

    def test_artifacts_may_lie_elsewhere(self):
        self.release("1.0")
        self.publish()
        os.rename(self.upstream / "targets", self.upstream / "bytes")
        ini = self.write_ini(self.tuf(targets_url=self.cloud.url + "bytes/"))
        self.assert_whole(self.sync(ini, True), "1.0")

    def test_hash_bins(self):
        bins = [f"bin-{digit}" for digit in "0123456789abcdef"]
        for name in bins:
            self.repository.delegate("targets", name, prefixes=[name[-1]])
        for number in range(40):
            path = f"meter/1.{number}/f.bin"
            role = "bin-" + hashlib.sha256(path.encode()).hexdigest()[0]
            self.release(f"1.{number}", {"f.bin": b"%d" % number}, role=role)
        self.publish("targets", *bins)
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, *[f"1.{number}" for number in range(40)])
        # Only the bin that changed is fetched again.
        self.asked()
        path = hashlib.sha256(b"meter/2.0/f.bin").hexdigest()[0]
        self.release("2.0", {"f.bin": b"new"}, role="bin-" + path)
        self.publish("bin-" + path)
        self.assertEqual(len(self.sync(self.ini, True)["releases"]), 41)
        self.assertEqual(self.asked(), ["2.root.json", "timestamp.json", "3.snapshot.json", f"2.bin-{path}.json"])

    def test_a_release_may_come_from_a_role_for_its_product(self):
        for team in ("meter", "pump"):
            self.repository.delegate("targets", team, paths=[f"{team}/*/*"])
            self.release("1.0", {"a.bin": team.encode()}, product=team, role=team)
        self.publish("targets", "meter", "pump")
        shown = self.sync(self.ini, True)
        self.assertEqual({release["product"] for release in shown["releases"]}, {"meter", "pump"})

    def test_targets_of_others_are_let_be(self):
        self.repository.add("notes.txt", b"hello", custom={"else": 1})
        self.repository.add("plain", b"hello")
        self.release("1.0")
        self.publish()
        shown = self.sync(self.ini, True)
        self.assert_whole(shown, "1.0")
        self.assertEqual(shown["sources"]["cloud"]["rejected"], 0)

    def test_roots_are_followed_and_kept(self):
        self.release("1.0")
        for _ in range(3):
            self.repository.rotate("targets")
            self.repository.publish("root")
        self.publish()
        self.assert_whole(self.sync(self.ini, True), "1.0")
        self.assertEqual(self.trusted()["root"], 4)
        self.asked()
        self.sync(self.ini, True)
        self.assertEqual(self.asked()[0], "5.root.json")

    def test_another_root_file_is_trusted_from_then_on(self):
        self.release("1.0")
        self.publish()
        self.sync(self.ini, True)
        self.repository = type(self.repository)()
        self.release("2.0", {"firmware_2.0.bin": OTHER})
        self.publish()
        self.assertIn("error", self.sync(self.ini)["sources"]["cloud"])
        self.root.write_bytes(self.repository.served["1.root.json"])
        self.assert_whole(self.sync(self.ini, True), "1.0", "2.0")

    def test_a_root_file_that_is_none_is_told_at_the_start(self):
        self.root.write_text("{}")
        self.assertIn("root", self.sync(self.ini)["sources"]["cloud"]["error"])
        self.root.unlink()
        self.assertIn("root.json", self.sync(self.ini)["sources"]["cloud"]["error"])

    def test_roles_that_are_gone_are_kept_no_longer(self):
        self.repository.delegate("targets", "meter", paths=["meter/*/*"])
        self.release("1.0", role="meter")
        self.publish("targets", "meter")
        self.sync(self.ini, True)
        self.assertIn("meter", self.trusted())
        del self.repository.part["targets"]["delegations"]
        self.release("1.1", {"firmware_1.1.bin": OTHER})
        self.publish()
        self.assert_whole(self.sync(self.ini, True), "1.0", "1.1")
        self.assertNotIn("meter", self.trusted())

    def test_metadata_is_kept_even_when_artifacts_are_not_to_be_had(self):
        self.release("1.0")
        self.publish()
        self.cloud.misbehave("/targets/", Fault(status=503))
        shown = self.sync(self.ini, False)
        self.assertEqual(shown["releases"], [])
        self.assertEqual(self.trusted()["timestamp"], 2)
        self.cloud.behave()
        self.assert_whole(self.sync(self.ini, True), "1.0")

    def test_what_was_verified_stays_when_metadata_expires(self):
        self.release("1.0")
        self.publish()
        self.sync(self.ini, True)
        self.repository.part["timestamp"]["expires"] = days(-1)
        self.repository.publish("timestamp")
        self.put()
        shown = self.sync(self.ini, False)
        self.assertIn("expired", shown["sources"]["cloud"]["error"])
        self.assert_whole(shown, "1.0")

    # A kill at each point at which a refresh commits something.

    POINTS = ("root", "metadata", "roles", "pack", "release", "state")

    def test_a_kill_at_each_commit_leaves_what_the_next_refresh_takes_up(self):
        self.repository.delegate("targets", "meter", paths=["meter/*/*", "meter/*/*/*"])
        self.release("1.0", {"firmware_1.0.bin": IMAGE, "flash/main.py": b"1\n"}, role="meter")
        self.repository.publish("root")
        self.publish("targets", "meter")
        seen = set()
        for write in range(1, 120):
            subprocess.run(["rm", "-rf", self.store])
            done = self.killed_at(write)
            seen.add(self.point())
            shown = self.show_store()
            for release in shown:
                self.assertEqual(release, "1.0")
                self.assertEqual(self.vouchers(), {"1.0": 2}, "a release without what vouches for it")
            self.assert_whole(self.sync(self.ini, True), "1.0")
            if done == 0:
                break
        self.assertEqual(done, 0)
        self.assertLessEqual({"nothing", "root", "metadata", "roles", "release"}, seen)

    def killed_at(self, write):
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        kill = ["strace", "-f", "-o", os.devnull, "-e", "trace=fsync,fdatasync,rename", "-e",
                f"inject=fsync,fdatasync,rename:signal=KILL:when={write}"]
        done = subprocess.run([*kill, self.PROBE, self.ini, "sync"], capture_output=True, text=True, timeout=60,
                              env=environment)
        self.assertIn(done.returncode, (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr)
        return done.returncode

    def show_store(self):
        if not (self.store / "catalog.db").exists():
            return []
        with contextlib.closing(sqlite3.connect(self.store / "catalog.db")) as database:
            try:
                return [row[0] for row in database.execute("SELECT version FROM release")]
            except sqlite3.OperationalError:
                return []  # killed before the tables were there

    def point(self):
        """The last commit that the kill left."""
        if self.show_store():
            return "release"
        try:
            trusted = self.trusted()
        except sqlite3.OperationalError:
            return "nothing"
        if "meter" in trusted:
            return "roles"
        if "snapshot" in trusted:
            return "metadata"
        return "root" if trusted else "nothing"


class ManyTargets(tuf_source_rig.TufSourceTest):
    """10,000 artifacts in 64 bins by the hash of their paths, as a fleet of many products has them."""
    TARGETS, BINS = 10_000, 64

    def setUp(self):
        super().setUp()
        self.ini = self.write_ini(self.tuf(products="meter"))
        self.bins = [f"bin-{number:02x}" for number in range(self.BINS)]
        for number, name in enumerate(self.bins):
            first = number * 256 // self.BINS
            self.repository.delegate("targets", name,
                                     prefixes=[f"{first + step:02x}" for step in range(256 // self.BINS)])
        self.release("1.0", role=self.bin_of("meter/1.0/firmware_1.0.bin"))
        for number in range(self.TARGETS - 1):
            self.name_only(f"product{number % 100}", f"1.{number}")
        self.publish("targets", *self.bins)

    def bin_of(self, path):
        return self.bins[int(hashlib.sha256(path.encode()).hexdigest()[:2], 16) * self.BINS // 256]

    def name_only(self, product, version):
        """A release of a product that this gateway does not serve: its image is never asked for."""
        path = f"{product}/{version}/firmware.bin"
        facts = {"product": product, "version": version, "channel": "stable", "artifacts": 1, "role": "firmware"}
        self.repository.part[self.bin_of(path)]["targets"][path] = {
            "length": 65536, "hashes": {"sha256": hashlib.sha256(version.encode()).hexdigest()},
            "custom": {"ferry": facts}}

    def test_a_refresh_with_no_change_takes_three_requests_and_50_ms_of_cpu_at_most(self):
        first = self.sync(self.ini, True)
        self.assert_whole(first, "1.0")
        named = sum(len(self.repository.part[name]["targets"]) for name in self.bins)
        self.assertEqual(named, self.TARGETS)
        self.assertEqual(len([name for name in self.asked() if ".bin-" in name]), self.BINS)
        again = self.sync(self.ini, True)["sources"]["cloud"]
        self.assertTrue(again["unchanged"])
        requests = self.asked("")
        print(f"10,000 targets in 64 bins: first refresh {first['sources']['cloud']['cpu_ms']:.0f} ms of CPU;"
              f" no change: {len(requests)} requests, {again['cpu_ms']:.1f} ms of CPU")
        self.assertLessEqual(len(requests), 3, requests)
        self.assertLess(again["cpu_ms"], 50)


if __name__ == "__main__":
    tuf_source_rig.main()
