"""ferry-tuf-client against a real server: delegated roles, who is asked for what, and what was kept of them.

Usage: test_tuf_roles.py FERRY_TUF_CLIENT [unittest arguments]
"""
import hashlib

import tuf_rig
from tuf_repository import Repository, Signer, days


class Delegations(tuf_rig.TufTest):
    def setUp(self):
        super().setUp()
        self.init()

    def graph(self, *edges):
        """Publishes (delegator, role, options) and asks for an artifact that nobody has; gives who was asked."""
        for delegator, role, options in edges:
            self.repository.delegate(delegator, role, **options)
        roles = {role: None for edge in edges for role in edge[:2]}
        self.repository.publish_all(*roles)
        self.assertIn("missing", self.download("missing", good=False))
        return [name.split(".")[1] for name in self.repository.asked[4:]]

    def test_children_are_asked_before_the_next_ones(self):
        self.assertEqual(self.graph(("targets", "A", {}), ("targets", "B", {}), ("A", "C", {}), ("A", "D", {})),
                         ["A", "C", "D", "B"])

    def test_a_terminating_role_ends_the_search_behind_its_own(self):
        self.assertEqual(self.graph(("targets", "A", {}), ("targets", "B", {}), ("A", "C", {"terminating": True}),
                                    ("A", "D", {}), ("C", "E", {})), ["A", "C", "E"])

    def test_a_terminating_role_for_other_paths_ends_nothing(self):
        self.assertEqual(self.graph(("targets", "A", {"terminating": True, "paths": ["*.py"]}), ("targets", "B", {})),
                         ["B"])

    def test_cycles_end(self):
        self.assertEqual(self.graph(("targets", "A", {}), ("targets", "B", {}), ("B", "C", {}), ("C", "D", {}),
                                    ("D", "B", {})), ["A", "B", "C", "D"])

    def test_at_most_32_roles_are_asked(self):
        chain = ["targets"] + [f"r{number}" for number in range(40)]
        asked = self.graph(*((above, below, {}) for above, below in zip(chain, chain[1:])))
        self.assertEqual(asked, chain[1:33])

    def test_patterns_go_by_parts_of_the_path(self):
        self.repository.delegate("targets", "A", ["*.doc", "read??.md"])
        self.repository.delegate("targets", "B", ["releases/*/*"])
        self.repository.delegate("B", "C", ["releases/x/*"])
        self.repository.delegate("B", "D", ["releases/y/*.zip"])
        self.repository.add("readme.md", b"by A", "A")
        self.repository.add("releases/x/v1", b"x by C", "C")
        self.repository.add("releases/y/v1.zip", b"y by D", "D")
        self.repository.add("releases/z/v1.zip", b"z by D", "D")
        self.repository.publish_all("A", "B", "C", "D", "targets")
        self.download("readme.md", "releases/x/v1", "releases/y/v1.zip")
        self.assertEqual(sorted(self.held().values()), [b"by A", b"x by C", b"y by D"])
        self.download("releases/z/v1.zip", good=False)

    def test_hash_bins(self):
        for number in range(16):
            self.repository.delegate("targets", f"bin-{number:x}", prefixes=[f"{number:x}"])
        for number in range(5):
            path = f"file{number}"
            self.repository.add(path, path.encode(), "bin-" + hashlib.sha256(path.encode()).hexdigest()[0])
        self.repository.publish_all(*(f"bin-{number:x}" for number in range(16)), "targets")
        self.download(*(f"file{number}" for number in range(5)))
        self.assertEqual(len(self.held()), 5)
        wrong = "0" if hashlib.sha256(b"wrong").hexdigest()[0] != "0" else "1"
        self.repository.add("wrong", b"in the wrong bin", f"bin-{wrong}")
        self.repository.publish_all(f"bin-{wrong}")
        self.download("wrong", good=False)

    def test_succinct_hash_bins(self):
        key = Signer()
        self.repository.part["targets"]["delegations"] = {
            "keys": {key.keyid: key.entry}, "roles": [],
            "succinct_roles": {"keyids": [key.keyid], "threshold": 1, "bit_length": 3, "name_prefix": "bin"}}
        del self.repository.part["targets"]["delegations"]["roles"]
        bins = [f"bin-{number}" for number in range(8)]
        for role in bins:
            self.repository.signers[role] = [key]
            self.repository.part[role] = {"_type": "targets", "spec_version": "1.0.31", "version": 0,
                                          "expires": days(1), "targets": {}}
        role = bins[hashlib.sha256(b"some/file").digest()[0] >> 5]
        self.repository.add("some/file", b"content", role)
        self.repository.publish_all(*bins, "targets")
        self.download("some/file")
        self.assertEqual(self.repository.asked[4], f"1.{role}.json")

    def test_a_delegated_role_that_is_not_what_it_must_be_ends_the_search(self):
        self.repository.delegate("targets", "A")
        self.repository.delegate("targets", "B")
        self.repository.add("file", b"content", "B")
        self.repository.publish_all("A", "B", "targets")
        self.repository.part["A"]["expires"] = days(-1)
        self.repository.publish_all("A")
        self.assertIn("A: expired", self.download("file", good=False))
        self.repository.part["A"]["expires"] = days(1)
        self.repository.signers["A"] = [Signer()]
        self.repository.publish_all("A")
        self.assertIn("A: not signed", self.download("file", good=False))
        self.assertEqual((self.version("A"), self.held()), (None, {}))

    def test_a_delegated_role_may_not_be_rolled_back(self):
        self.repository.delegate("targets", "A")
        self.repository.part["A"]["version"] = 4
        self.repository.publish_all("A", "targets")
        self.download("missing", good=False)
        self.assertEqual(self.version("A"), 5)
        self.repository.part["A"]["version"] = 1
        self.repository.publish_all("A")
        self.assertIn("rolls back A.json", self.refresh(good=False))

    def test_unusual_names_of_roles_stay_in_the_folder(self):
        for role in ("?", "#", "/absolute", "../up", "..", "%2e%2e", "a b\n", "é", "x" * 300):
            with self.subTest(role):
                self.serve(Repository())
                self.repository.delegate("targets", role)
                self.repository.publish_all(role, "targets")
                for file in self.metadata.iterdir():
                    file.unlink()
                self.init()
                self.download("missing", good=False)
                self.assertEqual(self.repository.asked[-1], self.repository.name_of(role))
                self.assertEqual(len(list(self.metadata.iterdir())), 5)
                self.assertEqual({entry.name for entry in self.folder.iterdir()},
                                 {"metadata", "targets", "initial_root.json"})


class CachedRoles(tuf_rig.TufTest):
    def setUp(self):
        super().setUp()
        self.init()
        self.repository.delegate("targets", "A", ["*"])
        self.repository.add("file", b"content", "A")
        self.repository.publish_all("A", "targets")

    def test_a_role_that_was_kept_is_not_fetched_again(self):
        self.download("file")
        self.assertIn("1.A.json", self.repository.asked)
        self.download("file")
        self.assertEqual(self.repository.asked, ["2.root.json", "timestamp.json"])

    def test_a_kept_role_is_believed_only_as_its_delegator_asks_now(self):
        self.download("file")
        self.repository.rotate("A")  # the delegator believes another key now; the role is as it was
        self.repository.publish_all("targets")
        self.repository.add("other", b"never admitted", "A")
        (self.targets / "file").unlink()
        self.assertIn("A: not signed", self.download("file", good=False))
        self.assertEqual(self.held(), {})
        self.repository.publish_all("A")
        self.download("file", "other")

    def test_a_kept_role_that_was_damaged_is_fetched_again(self):
        self.download("file")
        for damage in (b"", b"{}", b"\xff" * 100):
            (self.metadata / "A.json").write_bytes(damage)
            self.download("file")
            self.assertEqual((self.metadata / "A.json").read_bytes(), self.repository.served["1.A.json"])

    def test_a_kept_role_that_has_expired_is_used_no_more(self):
        self.repository.part["A"]["expires"] = days(-1)
        self.repository.publish_all("A")
        (self.metadata / "A.json").write_bytes(self.repository.served["2.A.json"])
        self.assertIn("A: expired", self.download("file", good=False))
        self.assertEqual(self.held(), {})

    def test_what_is_believed_under_one_delegator_is_not_under_another(self):
        self.repository.delegate("targets", "B", ["b/*"])
        listing = self.repository.part["B"]
        stranger = Signer()
        listing["delegations"] = {"keys": {stranger.keyid: stranger.entry}, "roles": [
            {"name": "A", "keyids": [stranger.keyid], "threshold": 1, "terminating": True, "paths": ["*", "b/*"]}]}
        self.repository.add("b/file", b"content", "A")
        self.repository.publish_all("A", "B", "targets")
        self.assertIn("A: not signed", self.download("file", "b/file", good=False))
        self.assertEqual(list(self.held()), ["file"])


if __name__ == "__main__":
    tuf_rig.main()
