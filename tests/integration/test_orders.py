"""What operators say to deliveries, through ferryctl and curl, over canned data.

Usage: test_orders.py CONTROL_PROBE FERRYCTL [unittest arguments]
"""

import json
import sys
import unittest

from control_rig import Case


class Orders(Case):
    def setUp(self):
        super().setUp()
        self.probe()

    def test_deliveries_tell_why_they_wait_and_what_went_wrong(self):
        self.assertIn("waits: retry in 40s (attempt 3 of 5); busy", self.ctl("deliveries").stdout)

    def test_each_word_reaches_the_agent(self):
        for word, shown in {"pause": "paused", "resume": "transferring", "force": "transferring",
                            "install": "transferring", "cancel": "cancelled"}.items():
            with self.subTest(word):
                done = self.ctl(word, "3")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(shown, done.stdout)
                self.assertEqual(json.loads(self.ctl("--json", word, "3").stdout)["id"], 3)

    def test_what_the_agent_refuses_is_told(self):
        done = self.ctl("retry", "3")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("cannot be told to retry", done.stderr)
        self.assertEqual(self.ctl("pause", "4").returncode, 5)

    def test_a_stopped_release_is_shown_and_goes_on(self):
        self.assertIn("stopped: 3 failures", self.ctl("releases").stdout)
        self.assertEqual(self.ctl("retry", "--release", "pump", "1.2.0").stdout, "pump 1.2.0 goes on\n")
        self.assertEqual(self.ctl("retry", "--release", "pump", "1.2.0").returncode, 5)
        self.assertNotIn("stopped", self.ctl("releases").stdout)

    def test_a_command_line_that_says_too_little_or_too_much_is_refused(self):
        for arguments in (["pause"], ["pause", "x"], ["retry"], ["retry", "--release", "pump"],
                          ["retry", "3", "--release", "pump", "1.2.0"], ["force", "-1"]):
            with self.subTest(arguments):
                self.assertEqual(self.ctl(*arguments).returncode, 2)

    def test_the_api_by_curl(self):
        cases = [(200, None, ["/v1/deliveries/3/pause", "-X", "POST"]),
                 (200, None, ["/v1/deliveries/3/resume", "-d", "{}"]),
                 (403, "denied", ["/v1/deliveries/3/retry", "-d", "{}"]),
                 (404, "not-found", ["/v1/deliveries/9/pause", "-d", "{}"]),
                 (404, "not-found", ["/v1/deliveries/3/destroy", "-d", "{}"]),
                 (404, "not-found", ["/v1/deliveries/three/pause", "-d", "{}"]),
                 (405, "method", ["/v1/deliveries/3/pause"]),
                 (200, None, ["/v1/releases/pump/1.2.0/retry", "-X", "POST"]),
                 (404, "not-found", ["/v1/releases/pump/1.2.0/retry", "-X", "POST"]),
                 (405, "method", ["/v1/releases/pump/1.2.0/retry"])]
        for status, code, arguments in cases:
            with self.subTest(arguments):
                answered, body = self.curl(*arguments)
                self.assertEqual(answered, status)
                self.assertEqual(body.get("error", {}).get("code"), code)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
