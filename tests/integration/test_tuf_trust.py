"""ferry-tuf-client against a real server: who may sign, as roots change hands and thresholds ask; and the
artifacts that are fetched on their word.

Usage: test_tuf_trust.py FERRY_TUF_CLIENT [unittest arguments]
"""
import hashlib
import json
import subprocess

import tuf_rig
from tuf_repository import Repository, Signer

ROLES = ("timestamp", "snapshot", "targets")


class Rotation(tuf_rig.TufTest):
    # Versions of root: (keys, threshold, who signs); the last one is believed or not.
    CHAINS = {
        "one for one, signed by both": (True, [("a", 1, "a"), ("b", 1, "ba"), ("b", 1, "b")]),
        "signatures of strangers do no harm": (True, [("a", 1, "xa"), ("b", 1, "xbay"), ("b", 1, "xby")]),
        "three of five, ever others": (True, [("abcde", 3, "ace"), ("abcde", 3, "aeb"), ("abcde", 3, "bcd")]),
        "all five at once": (True, [("abcde", 3, "ace"), ("fghij", 3, "acefgh"), ("fghij", 3, "fgh")]),
        "threshold up": (True, [("abc", 1, "a"), ("abc", 2, "ab")]),
        "threshold down": (True, [("abc", 2, "ab"), ("abc", 1, "ab"), ("abc", 1, "a")]),
        "not by the old key": (False, [("a", 1, "a"), ("b", 1, "bxy")]),
        "not by the new key": (False, [("a", 1, "a"), ("b", 1, "axy")]),
        "two of three new ones": (False, [("abcde", 3, "ace"), ("abdef", 3, "ace")]),
        "two of three old ones": (False, [("abcde", 3, "ace"), ("abdef", 3, "aef")]),
        "new threshold missed": (False, [("abc", 1, "a"), ("abc", 2, "b")]),
        "old threshold missed": (False, [("abc", 2, "ab"), ("abc", 1, "a")]),
    }

    def test_chains_of_roots(self):
        signers = {letter: Signer() for letter in "abcdefghijxy"}
        for name, (good, chain) in self.CHAINS.items():
            with self.subTest(name):
                repository = Repository()
                repository.part["root"]["version"] = 0
                repository.served.pop("1.root.json")
                for keys, threshold, signed_by in chain:
                    repository.trust("root", *(signers[letter] for letter in keys), threshold=threshold)
                    repository.signers["root"] = [signers[letter] for letter in signed_by]
                    repository.publish("root")
                self.serve(repository)
                for file in self.metadata.iterdir():
                    file.unlink()
                self.init()
                self.refresh(good)
                last = len(chain) if good else len(chain) - 1
                self.assertEqual((self.metadata / "root.json").read_bytes(), repository.served[f"{last}.root.json"])

    def test_a_root_that_leaves_out_a_version_is_refused(self):
        self.init()
        self.repository.part["root"]["version"] = 2
        self.repository.publish("root")
        self.repository.served["2.root.json"] = self.repository.served["3.root.json"]
        self.assertIn("version 3 instead of 2", self.refresh(good=False))
        self.assertEqual(self.version("root"), 1)

    def test_at_most_256_roots_are_followed_at_once(self):
        for _ in range(260):
            self.repository.publish("root")
        self.init()
        self.refresh()
        self.assertEqual(self.version("root"), 257)
        self.refresh()
        self.assertEqual(self.version("root"), 261)

    def test_new_keys_of_the_other_roles(self):
        self.init()
        for role in ROLES:
            self.repository.rotate(role)
        self.repository.publish("root")
        self.repository.publish_all("targets")
        self.refresh()
        self.assertEqual(self.trusted(), [2, 2, 2, 2])

    def test_keys_that_were_given_up_are_believed_no_more(self):
        self.init()
        for number, role in enumerate(ROLES):
            old = self.repository.signers[role]
            self.repository.rotate(role)
            self.repository.publish("root")
            new, self.repository.signers[role] = self.repository.signers[role], old
            self.repository.publish_all("targets")
            self.assertIn(f"{role}: not signed", self.refresh(good=False))
            self.assertEqual(self.version("root"), number + 2)
            self.repository.signers[role] = new


class Thresholds(tuf_rig.TufTest):
    def setUp(self):
        super().setUp()
        self.init()

    def publish(self, role, trusted, threshold, signed_by):
        self.repository.trust(role, *trusted, threshold=threshold)
        self.repository.signers[role] = signed_by
        self.repository.publish("root")
        self.repository.publish_all("targets")

    def test_so_many_keys_as_asked_and_no_fewer(self):
        keys = [Signer() for _ in range(3)]
        for role in ROLES:
            self.publish(role, keys, 2, keys[:1])
            self.assertIn("2 distinct keys", self.refresh(good=False))
            self.publish(role, keys, 2, keys[1:])
            self.refresh()

    def test_one_key_under_many_ids_counts_once(self):
        key = Signer()
        names = [key.renamed(f"{number:064x}") for number in range(9)]
        self.publish("snapshot", names, 2, names)
        self.assertIn("2 distinct keys", self.refresh(good=False))
        self.assertEqual(self.version("snapshot"), None)

    def test_one_point_written_in_two_ways_counts_once(self):
        key = Signer("ecdsa-sha2-nistp256")
        other = key.renamed("f" * 64)
        other.entry = {**key.entry, "keytype": "ecdsa-sha2-nistp256",
                       "keyval": {"public": key.entry["keyval"]["public"].replace("\n", "\r\n")}}
        self.publish("snapshot", [key, other], 2, [key, other])
        self.refresh(good=False)
        self.publish("snapshot", [key, other], 1, [other])
        self.refresh()

    def test_a_key_id_that_stands_twice_is_refused(self):
        document = json.loads(self.repository.served["1.snapshot.json"])
        document["signatures"] *= 2
        self.repository.served["1.snapshot.json"] = json.dumps(document).encode()
        self.assertIn("twice", self.refresh(good=False))
        self.assertEqual(self.version("snapshot"), None)

    def test_a_threshold_of_none_is_refused(self):
        self.repository.part["root"]["roles"]["snapshot"]["threshold"] = 0
        self.repository.publish("root")
        self.assertIn("threshold", self.refresh(good=False))
        self.assertEqual(self.version("root"), 1)

    def test_key_ids_are_names_and_no_hashes(self):
        key = Signer().renamed("any name at all")
        self.publish("targets", [key], 1, [key])
        self.refresh()

    def test_all_kinds_of_keys_sign_and_none_is_believed_with_a_changed_signature(self):
        for scheme in ("ed25519", "ecdsa-sha2-nistp256", "rsassa-pss-sha256"):
            with self.subTest(scheme):
                self.repository.rotate("timestamp", scheme=scheme)
                self.repository.publish("root", "timestamp")
                self.refresh()
                version = self.version("timestamp")
                self.repository.publish("timestamp")
                document = json.loads(self.repository.served["timestamp.json"])
                signature = document["signatures"][0]["sig"]
                document["signatures"][0]["sig"] = signature[:-2] + ("01" if signature.endswith("00") else "00")
                self.repository.served["timestamp.json"] = json.dumps(document).encode()
                self.refresh(good=False)
                self.assertEqual(self.version("timestamp"), version)

    def test_keys_of_unknown_kinds_are_let_be_and_count_for_nothing(self):
        known, unknown = Signer(), Signer()
        unknown.entry = {"keytype": "sphincs", "scheme": "new", "keyval": {"public": "?"}}
        self.publish("snapshot", [known, unknown], 2, [known, unknown])
        self.refresh(good=False)
        self.publish("snapshot", [known, unknown], 1, [known, unknown])
        self.refresh()


class Artifacts(tuf_rig.TufTest):
    def setUp(self):
        super().setUp()
        self.init()
        self.content = bytes(range(256)) * 4000
        self.repository.add("path/to/file.bin", self.content)
        self.repository.publish_all("targets")

    def replace(self, content):
        for name in self.repository.artifacts:
            self.repository.artifacts[name] = content

    def test_the_artifact_is_what_was_signed(self):
        self.download("path/to/file.bin")
        self.assertEqual(self.held(), {"path%2Fto%2Ffile.bin": self.content})

    def test_an_artifact_that_is_there_is_not_fetched_again(self):
        self.download("path/to/file.bin")
        self.download("path/to/file.bin")
        self.assertEqual(self.repository.asked, ["2.root.json", "timestamp.json"])

    def test_other_bytes_fewer_and_more_are_refused(self):
        for content in (self.content[:-1] + b"x", self.content[:-1], self.content + b"x", b""):
            self.replace(content)
            self.download("path/to/file.bin", good=False)
            self.assertEqual(self.held(), {})

    def test_a_wrong_artifact_does_not_take_the_place_of_the_right_one(self):
        self.download("path/to/file.bin")
        self.repository.add("path/to/file.bin", b"the next one")
        self.repository.publish_all("targets")
        self.replace(b"the next On3")
        self.download("path/to/file.bin", good=False)
        self.assertEqual(list(self.held().values()), [self.content])
        self.replace(b"the next one")
        self.download("path/to/file.bin")
        self.assertEqual(list(self.held().values()), [b"the next one"])

    def test_unusual_names_of_artifacts(self):
        names = ["a b?c#d%41.bin", "[x,y]", "--refresh", "é/ü", "..."]
        for name in names:
            self.repository.add(name, name.encode())
        self.repository.publish_all("targets")
        self.download(*names)
        self.assertEqual(sorted(self.held().values()), sorted(name.encode() for name in names))

    def test_an_artifact_that_nobody_names_is_not_found_but_metadata_is_refreshed(self):
        self.assertIn("no role names it", self.download("nothing", good=False))
        self.assertEqual(self.trusted(), [1, 2, 2, 2])

    def test_a_command_that_is_not_whole_is_refused(self):
        for words in ([], ["refresh"], ["--metadata-dir"], ["--what", "x", "refresh"], ["dance"],
                      ["--metadata-dir", "x", "init"], ["--metadata-url", "u", "--metadata-dir", "d", "download"]):
            done = subprocess.run([self.PROGRAM, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn("ferry-tuf-client: ", done.stderr)


class PlainSnapshots(tuf_rig.TufTest):
    CONSISTENT = False

    def test_without_consistent_snapshots_names_have_no_versions_and_no_hashes(self):
        self.init()
        self.repository.delegate("targets", "A", ["path/*"])
        self.repository.add("path/file", b"content", "A")
        self.repository.publish_all("A", "targets")
        self.download("path/file")
        self.assertEqual(self.repository.asked, ["2.root.json", "timestamp.json", "snapshot.json", "targets.json",
                                                 "A.json", "path/file"])

    def test_with_them_names_have_both(self):
        self.serve(Repository())
        self.init()
        self.repository.add("path/file", b"content")
        self.repository.publish_all("targets")
        self.download("path/file")
        digest = hashlib.sha256(b"content").hexdigest()
        self.assertEqual(self.repository.asked, ["2.root.json", "timestamp.json", "2.snapshot.json",
                                                 "2.targets.json", f"path/{digest}.file"])


if __name__ == "__main__":
    tuf_rig.main()
