"""ferry-tuf-client against a real server: trust from the first root to the artifact, and what an attacker tries.

Usage: test_tuf_client.py FERRY_TUF_CLIENT [unittest arguments]
"""
import json
import os
import signal
import subprocess

import tuf_rig
from tuf_repository import TOP, days


class Init(tuf_rig.TufTest):
    def test_init_keeps_the_root_byte_for_byte(self):
        self.init()
        self.assertEqual((self.metadata / "root.json").read_bytes(), self.repository.served["1.root.json"])
        self.assertEqual(self.repository.asked, [])

    def test_a_root_that_did_not_sign_itself_is_refused_and_nothing_fetched(self):
        root = json.loads(self.repository.served["1.root.json"])
        root["signatures"][0]["sig"] = "00" * 64
        self.init(json.dumps(root).encode(), good=False)
        self.refresh(good=False)
        self.assertEqual(self.repository.asked, [])

    def test_a_root_without_version_is_refused(self):
        root = json.loads(self.repository.served["1.root.json"])
        del root["signed"]["version"]
        self.assertIn("version", self.init(json.dumps(root).encode(), good=False))

    def test_a_root_that_was_damaged_in_its_folder_is_refused_before_anything_is_fetched(self):
        (self.metadata / "root.json").write_bytes(b"{}")
        self.refresh(good=False)
        self.assertEqual(self.repository.asked, [])


class Refresh(tuf_rig.TufTest):
    def setUp(self):
        super().setUp()
        self.init()

    def test_refresh_asks_for_each_once_and_keeps_all_byte_for_byte(self):
        self.refresh()
        names = ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
        self.assertEqual(self.repository.asked, names)
        for role in TOP:
            self.assertEqual((self.metadata / f"{role}.json").read_bytes(),
                             self.repository.served[self.repository.name_of(role)])

    def test_a_refresh_without_change_asks_for_root_and_timestamp_alone(self):
        self.refresh()
        self.refresh()
        self.assertEqual(self.repository.asked, ["2.root.json", "timestamp.json"])

    def test_a_timestamp_that_changed_without_a_new_version_is_not_taken(self):
        self.refresh()
        self.repository.part["timestamp"]["meta"]["snapshot.json"]["version"] = 100
        self.repository.publish("timestamp", bump=False)
        self.refresh()
        kept = json.loads((self.metadata / "timestamp.json").read_bytes())
        self.assertEqual(kept["signed"]["meta"]["snapshot.json"]["version"], 1)

    def test_more_than_a_role_may_have_is_refused(self):
        self.repository.served["timestamp.json"] += b" " * 20000
        self.assertIn("larger", self.refresh(good=False))
        self.assertEqual(self.version("timestamp"), None)

    def test_duplicate_keys_and_fractions_are_refused(self):
        good = self.repository.served["timestamp.json"]
        self.repository.served["timestamp.json"] = good.replace(b'"signed": {', b'"signed": {}, "signed": {')
        self.assertIn("twice", self.refresh(good=False))
        self.repository.part["timestamp"]["version"] = 1.5
        self.repository.publish("timestamp", bump=False)
        self.assertIn("whole", self.refresh(good=False))

    def test_unknown_fields_are_signed_and_kept(self):
        root = self.repository.part["root"]
        root["x-field"] = {"é \"quoted\\\"": [1, -2, None, True, "\n\x01"]}
        root["keys"][self.repository.signers["root"][0].keyid]["x-extra"] = {"b": 2, "a": 1}
        root["roles"]["root"]["x-other"] = "value"
        self.repository.publish("root")
        self.repository.part["targets"]["x-more"] = []
        self.repository.publish_all("targets")
        self.refresh()
        self.assertEqual(self.trusted(), [2, 2, 2, 2])
        self.assertEqual((self.metadata / "root.json").read_bytes(), self.repository.served["2.root.json"])

    def test_an_unknown_field_that_was_changed_breaks_the_signature(self):
        self.repository.part["targets"]["x-more"] = "good"
        self.repository.publish_all("targets")
        served = self.repository.served
        served["2.targets.json"] = served["2.targets.json"].replace(b"good", b"evil")
        self.assertIn("signed", self.refresh(good=False))
        self.assertEqual(self.version("targets"), None)

    def test_a_kill_at_any_write_leaves_what_the_next_refresh_takes_up(self):
        for role in ("root", "targets"):
            self.repository.publish_all(role)
        for write in range(1, 20):
            for file in self.metadata.iterdir():
                file.unlink()
            self.init()
            kill = ["strace", "-f", "-o", os.devnull, "-e", "trace=rename,fsync", "-e",
                    f"inject=rename,fsync:signal=KILL:when={write}"]
            self.repository.asked.clear()
            status, _ = self.run_killed(kill)
            for role, version in zip(TOP, self.trusted()):
                if version is not None:
                    self.assertIn((self.metadata / f"{role}.json").read_bytes(), self.repository.served.values())
            self.refresh()
            self.assertEqual(self.trusted()[0::3], [2, 2])
            if status == 0:
                break
        self.assertGreater(write, 8)
        self.assertEqual(status, 0)

    def run_killed(self, kill):
        # The leak sanitizer cannot work under a tracer.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        done = subprocess.run([*kill, self.PROGRAM, "--metadata-url", self.server.url + "/metadata", "--metadata-dir",
                               self.metadata, "refresh"], capture_output=True, text=True, timeout=60,
                              env=environment)
        self.assertIn(done.returncode, (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr)
        return done.returncode, done.stderr


class Expiry(tuf_rig.TufTest):
    def setUp(self):
        super().setUp()
        self.init()

    def test_an_expired_root_is_kept_and_nothing_more_is_asked(self):
        self.repository.part["root"]["expires"] = days(-1)
        self.repository.publish("root")
        self.assertIn("root: expired", self.refresh(good=False))
        self.assertEqual(self.trusted(), [2, None, None, None])

    def test_an_expired_root_in_the_chain_does_no_harm(self):
        self.repository.part["root"]["expires"] = days(-1)
        self.repository.publish("root")
        self.repository.part["root"]["expires"] = days(1)
        self.repository.publish("root")
        self.refresh()
        self.assertEqual(self.version("root"), 3)

    def test_expired_metadata_of_each_role_is_refused(self):
        self.refresh()
        for role in ("timestamp", "snapshot", "targets"):
            with self.subTest(role):
                self.repository.part[role]["expires"] = days(-5)
                self.repository.publish_all(*([role] if role == "targets" else []))
                self.assertIn(f"{role}: expired", self.refresh(good=False))
                self.assertEqual(self.version(role), 1)
                self.repository.part[role]["expires"] = days(5)

    def test_what_was_kept_and_has_expired_guards_against_a_rollback(self):
        for role in ("timestamp", "snapshot", "targets"):
            self.repository.part[role]["expires"] = days(-1)
        self.repository.part["timestamp"]["version"] = 7
        self.repository.publish_all("targets")
        for role in ("timestamp", "snapshot", "targets"):
            name = self.repository.name_of(role)
            (self.metadata / f"{role}.json").write_bytes(self.repository.served[name])
        self.assertIn("expired", self.refresh(good=False))
        for role in ("timestamp", "snapshot", "targets"):
            self.repository.part[role]["expires"] = days(1)
        self.repository.part["timestamp"]["version"] = 3
        self.repository.publish_all("targets")
        self.assertIn("rolled back", self.refresh(good=False))
        self.repository.part["timestamp"]["version"] = 8
        self.repository.publish("timestamp")
        self.refresh()
        self.assertEqual(self.trusted(), [1, 9, 3, 3])


class Rollback(tuf_rig.TufTest):
    def setUp(self):
        super().setUp()
        self.init()

    def refreshed_at(self, role, version):
        self.repository.part[role]["version"] = version - 1
        self.repository.publish_all(*([role] if role == "targets" else []))
        self.refresh()
        self.assertEqual(self.version(role), version)

    def test_an_older_timestamp_is_refused(self):
        self.refreshed_at("timestamp", 5)
        self.repository.part["timestamp"]["version"] = 3
        self.repository.publish("timestamp")
        self.assertIn("rolled back", self.refresh(good=False))
        self.assertEqual(self.version("timestamp"), 5)

    def test_a_timestamp_with_an_older_snapshot_is_refused(self):
        for with_hashes in (False, True):
            self.repository.with_hashes = with_hashes
            self.refreshed_at("snapshot", 5)
            self.repository.part["snapshot"]["version"] = 1
            self.repository.publish_all()
            self.assertIn("rolls the snapshot back", self.refresh(good=False))
            self.assertEqual(self.version("snapshot"), 5)
            self.repository.part["snapshot"]["version"] = 5

    def test_a_snapshot_with_older_targets_is_refused(self):
        self.refreshed_at("targets", 5)
        self.repository.part["targets"]["version"] = 1
        self.repository.publish_all("targets")
        self.assertIn("rolls back targets.json", self.refresh(good=False))
        self.assertEqual(self.version("targets"), 5)

    def test_a_snapshot_that_drops_a_role_is_refused(self):
        self.repository.delegate("targets", "extra")
        self.repository.publish_all("extra", "targets")
        self.refresh()
        del self.repository.part["snapshot"]["meta"]["extra.json"]
        self.repository.publish_all()
        self.assertIn("no longer names extra.json", self.refresh(good=False))
        self.assertEqual(self.version("snapshot"), 2)

    def test_a_snapshot_other_than_the_announced_one_is_refused(self):
        self.repository.publish("snapshot")
        self.repository.part["timestamp"]["meta"]["snapshot.json"]["version"] = 1
        self.repository.served["1.snapshot.json"] = self.repository.served["2.snapshot.json"]
        self.repository.publish("timestamp")
        self.assertIn("version 2 instead of 1", self.refresh(good=False))
        self.assertEqual(self.version("snapshot"), None)

    def test_metadata_with_another_hash_than_announced_is_refused(self):
        self.repository.with_hashes = True
        for role, names, before in (("targets", ["targets"], None), ("snapshot", [], 2)):
            self.repository.publish_all(*names)
            name = self.repository.name_of(role)
            # Another blank: as long, as well signed, but not the same file.
            self.repository.served[name] = self.repository.served[name].replace(b' "signed"', b'\t"signed"')
            self.assertIn("sha256", self.refresh(good=False))
            self.assertEqual(self.version(role), before)

    def test_versions_driven_up_are_recovered_from_by_new_keys(self):
        for role in ("timestamp", "snapshot", "targets"):
            with self.subTest(role):
                self.refreshed_at(role, 9999)
                self.repository.rotate("snapshot")
                self.repository.rotate("timestamp")
                self.repository.publish("root")
                self.repository.part[role]["version"] = 10
                self.repository.publish_all("targets")
                self.refresh()
                self.assertEqual(self.version(role), 11)

    def test_new_keys_of_the_snapshot_alone_recover_its_version_as_well(self):
        self.refreshed_at("snapshot", 9999)
        self.repository.rotate("snapshot")
        self.repository.publish("root")
        self.repository.part["snapshot"]["version"] = 1
        self.repository.publish_all()
        self.refresh()
        self.assertEqual(self.version("snapshot"), 2)


if __name__ == "__main__":
    tuf_rig.main()
