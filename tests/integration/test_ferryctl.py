"""ferryctl, as people and scripts meet it.

Usage: test_ferryctl.py CONTROL_PROBE FERRYCTL [unittest arguments]
"""

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
import unittest

from control_rig import Case, everything, FERRYCTL, DEADLINE
from waiting import wait_for


class Listings(Case):
    def setUp(self):
        super().setUp()
        self.probe()

    def test_tables_name_what_there_is(self):
        expected = {"status": "van-1", "sources": "/media/stick: not there", "releases": "1.2.0",
                    "devices": "1.2.0 transferring 50%", "deliveries": "512.0 KiB of 1.0 MiB, 50%",
                    "wakes": "waits: window 06:00-22:00"}
        for command, text in expected.items():
            with self.subTest(command):
                done = self.ctl(command)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(text, done.stdout)

    def test_json_is_exactly_the_apis(self):
        for command in ["status", "sources", "releases", "devices", "deliveries", "wakes"]:
            with self.subTest(command):
                sent = subprocess.run(
                    ["curl", "-s", "--unix-socket", self.path, "http://ferry/v1/" + command],
                    capture_output=True, text=True, timeout=DEADLINE).stdout
                self.assertEqual(self.ctl(command, "--json").stdout, sent)
                json.loads(sent)

    def test_one_device(self):
        done = self.ctl("devices", "pump-7")
        self.assertEqual(done.returncode, 0)
        self.assertIn("10.0.0.7", done.stdout)
        self.assertNotIn("10.0.0.8", done.stdout)

    def test_a_device_cannot_paint_the_terminal(self):
        done = self.ctl("devices")
        self.assertNotIn("\x1b", done.stdout)
        self.assertIn("a/b ?[2J", done.stdout)

    def test_an_id_with_slash_and_escape_is_found(self):
        done = self.ctl("--json", "devices", "a/b \x1b[2J")
        self.assertEqual(json.loads(done.stdout)["address"], "10.0.0.8")

    def test_assign_and_unassign(self):
        self.assertIn("assigned  1.2.0", self.ctl("assign", "pump-7", "1.2.0").stdout)
        self.assertEqual(json.loads(self.ctl("devices", "pump-7", "--json").stdout)["assigned"], "1.2.0")
        self.assertIn("assigned  the newest", self.ctl("unassign", "pump-7").stdout)

    def test_a_downgrade_must_be_said(self):
        refused = self.ctl("assign", "pump-7", "1.0.0")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("below", refused.stderr)
        self.assertEqual(self.ctl("assign", "pump-7", "1.0.0", "--downgrade").returncode, 0)

    def test_full_disk_behind_a_redirection_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([FERRYCTL, "--socket", self.path, "status"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=DEADLINE)
        self.assertEqual(done.returncode, 1)


class ExitStatuses(Case):
    def one_line(self, done, status, text):
        self.assertEqual(done.returncode, status)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("ferryctl: "), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn(text, done.stderr)

    def test_agent_not_running(self):
        self.one_line(self.ctl("status"), 3, "no agent answers at " + self.path)
        self.one_line(self.ctl("watch"), 3, "no agent answers")

    def test_agent_killed_leaves_its_socket(self):
        self.probe().end(signal.SIGKILL)
        self.assertTrue(os.path.exists(self.path))
        self.one_line(self.ctl("status"), 3, "no agent answers")

    def test_no_permission(self):
        self.probe()
        # Where the build lies, others may have no way in.
        program = shutil.copy(FERRYCTL, self.folder)
        more = {}
        if os.geteuid() == 0:
            more = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        else:
            os.chmod(self.path, 0)
        done = subprocess.run([program, "--socket", self.path, "status"], text=True, capture_output=True,
                              timeout=DEADLINE, cwd="/", **more)
        self.one_line(done, 4, "no permission")

    def test_unknown_names(self):
        self.probe()
        self.one_line(self.ctl("devices", "nobody"), 5, "'nobody'")
        self.one_line(self.ctl("assign", "nobody", "1"), 5, "'nobody'")
        self.one_line(self.ctl("sync", "nowhere"), 5, "'nowhere'")
        self.one_line(self.ctl("sync", "nowhere", "--wait"), 5, "'nowhere'")

    def test_usage(self):
        for arguments in [[], ["dance"], ["status", "--fast"], ["assign", "pump-7"]]:
            with self.subTest(arguments):
                done = self.ctl(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertNotEqual(done.stderr, "")

    def test_help_and_version(self):
        for option in ["--help", "--version"]:
            done = self.ctl(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("ferryctl", done.stdout)

    def test_the_manual_names_every_subcommand_and_status(self):
        manual = os.path.join(os.path.dirname(__file__), "../../docs/man/ferryctl.1")
        with open(manual, encoding="utf-8") as file:
            text = file.read().replace("\\-", "-")
        listed = self.ctl("--help").stdout.split("Subcommands:")[1].split("\n")
        names = [line.split()[0] for line in listed if line.startswith("  ") and line[2] != " "]
        self.assertGreater(len(names), 8)
        for name in names:
            self.assertRegex(text, rf"\n\.TP\n\.BI?R? {name}\b")
        for number in range(6):
            self.assertIn(f"\n.B {number}\n", text)


class Publishing(Case):
    def setUp(self):
        super().setUp()
        self.key = os.path.join(self.folder, "site.key")
        self.releases = os.path.join(self.folder, "releases")
        self.site = os.path.join(self.folder, "site")
        os.makedirs(os.path.join(self.releases, "1.0.1"))
        with open(os.path.join(self.releases, "1.0.1", "main.py"), "w") as file:
            file.write("print('hello')\n")

    def plain(self, *arguments):
        """Without an agent, and without a socket to look for one at."""
        return subprocess.run([FERRYCTL, *arguments], text=True, capture_output=True, timeout=DEADLINE)

    def test_keygen_makes_a_key_that_nobody_else_reads(self):
        done = self.plain("keygen", self.key)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^public_key = [A-Za-z0-9+/]{43}=\n$")
        self.assertEqual(stat.S_IMODE(os.stat(self.key).st_mode), 0o600)

    def test_keygen_replaces_nothing(self):
        self.plain("keygen", self.key)
        with open(self.key) as file:
            before = file.read()
        again = self.plain("keygen", self.key)
        self.assertEqual((again.returncode, again.stdout), (1, ""))
        with open(self.key) as file:
            self.assertEqual(file.read(), before)

    def test_a_signed_site(self):
        key_id = json.loads(self.plain("keygen", self.key, "--json").stdout)["key_id"]
        done = self.plain("publish", self.releases, self.site, "--product", "pycom", "--key", self.key)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("published pycom 1.0.1\n", done.stdout)
        self.assertIn("signed by key " + key_id, done.stdout)
        self.assertTrue(os.path.exists(os.path.join(self.site, "index.json")))
        again = json.loads(self.plain("--json", "publish", self.releases, self.site, "--product", "pycom",
                                      "--key", self.key).stdout)
        self.assertEqual((again["published"], again["releases"], again["bytes_copied"]), ([], 1, 0))

    def test_what_cannot_be_published_is_one_line(self):
        done = self.plain("publish", os.path.join(self.folder, "nowhere"), self.site, "--product", "pycom")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("nowhere", done.stderr)

    def test_the_product_must_be_named(self):
        self.assertEqual(self.plain("publish", self.releases, self.site).returncode, 2)


class Synchronizing(Case):
    def setUp(self):
        super().setUp()
        self.agent = self.probe()

    def fetching(self, done):
        self.agent.order(do="set", source="cloud", value={
            "state": "fetching", "fetching": {"release": "pump 1.3.0", "artifact": "pump.bin",
                                              "bytes_done": done, "bytes_total": 1000000}})

    def finish(self, error=""):
        self.agent.order(do="set", source="cloud", value={
            "state": "idle", "runs": 5, "last_error": error, "fetching": None})

    def until_asked(self):
        wait_for(lambda: json.loads(self.ctl("sources", "--json").stdout)[0]["state"] == "fetching",
              "the request to arrive")

    def test_without_wait_returns_at_once(self):
        done = self.ctl("sync")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "source cloud  synchronization begun\n"
                                      "source stick  synchronization begun\n")

    def test_wait_ends_with_the_run(self):
        self.fetching(250000)
        process = self.follow("sync", "cloud", "--wait")
        line = process.stdout.readline()
        self.assertIn("source cloud  fetching pump 1.3.0 pump.bin", line)
        self.assertIn("25%", line)
        self.assertIsNone(process.poll())
        self.finish()
        out, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, errors), (0, ""))
        self.assertEqual(out, "source cloud  synchronized\n")

    def test_wait_fails_with_the_run(self):
        process = self.follow("sync", "cloud", "--wait")
        self.until_asked()
        self.finish("cloud.example: connection refused")
        out = process.communicate(timeout=DEADLINE)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("connection refused", out)

    def test_wait_with_json_ends_in_the_sources(self):
        process = self.follow("sync", "cloud", "--wait", "--json")
        self.until_asked()
        self.finish()
        out = process.communicate(timeout=DEADLINE)[0]
        self.assertEqual(json.loads(out)[0]["runs"], 5)

    def test_agent_killed_while_waiting(self):
        self.fetching(250000)
        process = self.follow("sync", "cloud", "--wait")
        process.stdout.readline()
        self.agent.end(signal.SIGKILL)
        self.assertEqual(process.wait(DEADLINE), 3)

    def test_progress_on_a_terminal_is_redrawn(self):
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.fetching(100000)
        process = subprocess.Popen([FERRYCTL, "--socket", self.path, "sync", "cloud", "--wait"],
                                   stdout=terminal, env={"TERM": "xterm"})
        os.close(terminal)
        shown = ""

        def shows(text):
            nonlocal shown
            if select.select([controller], [], [], 0)[0]:
                shown += os.read(controller, 65536).decode()
            return text in shown
        wait_for(lambda: shows("10%"), "the first progress")
        self.fetching(600000)
        wait_for(lambda: shows("60%"), "the next progress")
        self.fetching(700000)
        wait_for(lambda: shows("/s, ") and shows(" left"), "rate and time left")
        self.assertIn("\x1b[1A\x1b[J", shown)
        self.assertTrue(all(len(line) <= 120 for line in shown.split("\n")))
        self.finish()
        wait_for(lambda: shows("synchronized"), "the end")
        self.assertEqual(process.wait(DEADLINE), 0)


class Watching(Case):
    def delivery(self, state, done):
        return {"id": 3, "device": "pump-7", "product": "pump", "version": "1.2.0", "transport": "wifi",
                "state": state, "bytes_done": done, "bytes_total": 1000, "detail": ""}

    def test_events_come_in_order_after_the_status(self):
        agent = self.probe()
        process = self.follow("watch", "--json")
        first = json.loads(process.stdout.readline())
        self.assertEqual((first["event"], first["value"]["gateway"]), ("status", "van-1"))
        for number in range(50):
            agent.order(do="event", kind="event", id=str(number), value={"kind": "fetched"})
        seen = [json.loads(process.stdout.readline())["id"] for _ in range(50)]
        self.assertEqual(seen, [str(number) for number in range(50)])

    def test_progress_is_thinned_and_gives_way_to_events(self):
        agent = self.probe()
        process = self.follow("watch", "--json")
        process.stdout.readline()
        begun = time.monotonic()
        for done in range(1, 101):
            agent.order(do="progress", kind="delivery", id="3", value=self.delivery("transferring", done))
        only = json.loads(process.stdout.readline())
        self.assertEqual(only["value"]["bytes_done"], 100)
        self.assertGreater(time.monotonic() - begun, 0.9)
        agent.order(do="progress", kind="delivery", id="3", value=self.delivery("transferring", 999))
        agent.order(do="event", kind="delivery", id="3", value=self.delivery("transferred", 1000))
        self.assertEqual(json.loads(process.stdout.readline())["value"]["bytes_done"], 1000)
        agent.order(do="progress", kind="delivery", id="4", value={})
        self.assertEqual(json.loads(process.stdout.readline())["id"], "4")

    def test_plain_lines_for_a_pipe(self):
        agent = self.probe()
        process = self.follow("watch")
        self.assertIn("gateway van-1", process.stdout.readline())
        agent.order(do="event", kind="delivery", id="3", value=self.delivery("transferring", 500))
        self.assertIn("delivery 3  pump 1.2.0 to pump-7 by wifi  500 B of 1000 B, 50%",
                      process.stdout.readline())
        agent.order(do="event", kind="delivery", id="3", value=self.delivery("transferred", 1000))
        self.assertIn("delivery 3  pump 1.2.0 to pump-7 by wifi transferred", process.stdout.readline())
        agent.order(do="event", kind="event", id="9",
                    value={"kind": "rejected", "detail": {"artifact": "a.bin\x1b", "reason": "hash"}})
        self.assertIn("event 9  rejected: artifact a.bin?, reason hash", process.stdout.readline())

    def test_the_agents_end_ends_it(self):
        agent = self.probe()
        process = self.follow("watch")
        process.stdout.readline()
        agent.end()
        self.assertEqual(process.wait(DEADLINE), 3)

    def test_a_watcher_that_leaves_is_forgotten(self):
        agent = self.probe()
        process = self.follow("watch")
        process.stdout.readline()
        self.assertTrue(agent.watched())
        process.kill()
        wait_for(lambda: not agent.watched(), "the watcher to be forgotten")

    def test_a_slow_watcher_is_dropped_and_others_are_served(self):
        agent = self.probe(32, 8, 500, 200000)
        slow = self.connect()
        slow.sendall(b"GET /v1/watch HTTP/1.1\r\nHost: ferry\r\n\r\n")
        wait_for(agent.watched, "the slow watcher")
        agent.order(do="flood", lines=2000, bytes=1000)
        wait_for(lambda: not agent.watched(), "the slow watcher to be dropped")
        self.assertLess(len(everything(slow)), 2000 * 1000)
        quick = self.follow("watch", "--json")
        quick.stdout.readline()
        agent.order(do="event", kind="event", id="1", value={})
        self.assertEqual(json.loads(quick.stdout.readline())["id"], "1")

    def test_one_watcher_too_many(self):
        self.probe(32, 1)
        first = self.follow("watch")
        first.stdout.readline()
        second = self.ctl("watch")
        self.assertEqual(second.returncode, 1)
        self.assertIn("too many watchers", second.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
