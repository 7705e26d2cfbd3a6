"""ferry-tuf-client's command line, and what its server answers beside files.

Usage: test_tuf_command_line.py FERRY_TUF_CLIENT [unittest arguments]
"""
import subprocess

import tuf_rig


class CommandLine(tuf_rig.TufTest):
    def assert_usage(self, words, *arguments):
        """Refused with the reason and how it is called; nothing is kept and nobody asked."""
        done = subprocess.run([self.PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        first, _, usage = done.stderr.partition("\n")
        self.assertIn(words, first)
        self.assertTrue(usage.startswith("usage: ferry-tuf-client "), done.stderr)
        self.assert_untouched()

    def assert_refused(self, words, *arguments):
        status, told = self.run_client(*arguments)
        self.assertEqual(status, 1)
        self.assertIn(words, told)
        self.assert_untouched()

    def assert_untouched(self):
        self.assertEqual(list(self.metadata.iterdir()), [])
        self.assertEqual(list(self.targets.iterdir()), [])
        self.assertEqual(self.repository.asked, [])

    def test_what_cannot_be_read_is_told_with_the_usage(self):
        self.assert_usage("no command")
        self.assert_usage("no command", "--metadata-dir", self.metadata)
        self.assert_usage("--metadata-url: needs a value", "refresh", "--metadata-url")
        self.assert_usage("--force: no such option", "--force", "1", "refresh")

    def test_commands_that_are_none_are_refused(self):
        where = ("--metadata-url", self.server.url + "/metadata", "--metadata-dir", self.metadata)
        self.assert_refused("update: no such command", *where, "update")
        self.assert_refused("refresh: no such command", *where, "refresh", "now")
        self.assert_refused("download: no such command", *where, "download", "now")

    def test_init_needs_a_folder_and_a_root(self):
        self.assert_refused("--metadata-dir", "init", self.folder / "root.json")
        self.assert_refused("the root", "--metadata-dir", self.metadata, "init")
        self.assert_refused("the root", "--metadata-dir", self.metadata, "init", "a", "b")
        self.assert_refused("none.json", "--metadata-dir", self.metadata, "init", self.folder / "none.json")

    def test_refresh_needs_a_url_and_a_folder(self):
        self.assert_refused("--metadata-url and", "--metadata-url", self.server.url, "refresh")
        self.assert_refused("--metadata-url and", "--metadata-dir", self.metadata, "refresh")

    def test_download_needs_a_name_a_url_and_a_folder(self):
        where = ["--metadata-url", self.server.url + "/metadata", "--metadata-dir", self.metadata, "download"]
        what = {"--target-name": "a", "--target-base-url": self.server.url + "/targets", "--target-dir": self.targets}
        for missing in what:
            words = [word for key, value in what.items() if key != missing for word in (key, value)]
            self.assert_refused("download: needs", *where, *words)

    def test_control_characters_never_reach_the_terminal(self):
        status, told = self.run_client("--metadata-dir", self.metadata, "\x1b[2J\x7f\tlist")
        self.assertEqual(status, 1)
        self.assertIn(" [2J  list: no such command", told)

    def test_urls_may_end_in_a_slash(self):
        self.repository.add("a.bin", b"abc")
        self.repository.publish_all("targets")
        self.init()
        status, told = self.run_client(
            "--metadata-url", self.server.url + "/metadata/", "--metadata-dir", self.metadata, "--target-name",
            "a.bin", "--target-base-url", self.server.url + "/targets/", "--target-dir", self.targets, "download")
        self.assertEqual(status, 0, told)
        self.assertEqual(self.held(), {"a.bin": b"abc"})


class Statuses(tuf_rig.TufTest):
    def setUp(self):
        super().setUp()
        self.init()

    def test_a_store_that_forbids_what_it_has_not_ends_the_chain_of_roots(self):
        self.repository.refusals["2.root.json"] = 403
        self.refresh()
        self.assertEqual(self.trusted(), [1, 1, 1, 1])

    def test_a_server_in_trouble_ends_no_chain_of_roots(self):
        for status in (500, 503, 204, 206):
            self.repository.refusals["2.root.json"] = status
            self.assertIn(str(status), self.refresh(good=False))
            self.assertEqual(self.trusted(), [1, None, None, None])

    def test_a_role_that_is_forbidden_is_withheld(self):
        self.repository.refusals["1.targets.json"] = 403
        self.assertIn("withheld", self.refresh(good=False))
        self.assertEqual(self.trusted(), [1, 1, 1, None])


if __name__ == "__main__":
    tuf_rig.main()
