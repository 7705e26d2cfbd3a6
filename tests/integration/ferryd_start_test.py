#!/usr/bin/python3
"""What ferryd refuses to start with, and what it says then."""
import sqlite3
import subprocess
import unittest

import gateway as g

GOOD = "[product.sensor]\n[transport.wifi]\nplugin = http\nlisten = 127.0.0.1:0\n"


class Refusal(unittest.TestCase):
    def setUp(self):
        self.gateway = g.Gateway(g.scratch(self), GOOD)
        self.addCleanup(self.gateway.__exit__, None)

    def run_to_end(self, *more):
        return subprocess.run([str(a) for a in [*self.gateway.arguments(), *more]], capture_output=True, text=True,
                              timeout=30, check=False)

    def test_every_problem_of_a_configuration_is_told_at_once(self):
        self.gateway.configure("[transport.wifi]\nplugin = http\nlisten = 80a\nlisten = 127.0.0.1:0\n"
                               "[storag]\n[source.cloud]\ntype = https\n[product.sensor]\ndialekt = plain\n")
        for more in ((), ("--check-config",)):
            with self.subTest(more=more):
                done = self.run_to_end(*more)
                self.assertEqual(done.returncode, 2)
                for line in ("ferry.ini:9: [transport.wifi] listen: '80a' is not an address:port",
                             "ferry.ini:10: [transport.wifi] listen", "ferry.ini:11: [storag]",
                             "[source.cloud] url", "ferry.ini:15: [product.sensor] dialekt"):
                    self.assertIn(line, done.stderr)
        self.assertFalse(self.gateway.store.exists(), "a refused configuration leaves no trace")

    def test_a_good_configuration_is_said_to_be_good(self):
        done = self.run_to_end("--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no problem", done.stdout)
        self.assertFalse(self.gateway.store.exists())

    def test_a_missing_configuration_is_named(self):
        self.gateway.config.unlink()
        done = self.run_to_end()
        self.assertEqual(done.returncode, 2)
        self.assertIn("ferry.ini", done.stderr)

    def test_an_unknown_option_is_a_usage_error(self):
        self.assertEqual(self.run_to_end("--frobnicate").returncode, 2)

    def test_a_database_of_a_newer_version_is_refused_and_left_untouched(self):
        self.gateway.start()
        self.assertEqual(self.gateway.stop(), 0)
        catalog = self.gateway.store / "catalog.db"
        with sqlite3.connect(catalog) as database:
            database.execute("PRAGMA user_version = 9999")
        database.close()
        before = catalog.read_bytes()
        done = self.run_to_end()
        self.assertEqual(done.returncode, 1)
        self.assertIn("9999", done.stderr)
        self.assertIn(str(catalog), done.stderr)
        self.assertEqual(catalog.read_bytes(), before)

    def test_a_second_agent_on_the_same_store_is_refused(self):
        self.gateway.start()
        done = self.run_to_end()
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr)
        self.assertTrue(self.gateway.listening(), "the first one goes on")

    def test_it_ends_when_asked_and_leaves_nothing(self):
        self.gateway.start()
        hosts = self.gateway.host_pids()
        self.assertEqual(self.gateway.stop(), 0)
        g.wait_for(lambda: not any(g.alive(pid) for pid in hosts), "its hosts are gone")
        self.assertFalse(self.gateway.control.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
