#!/usr/bin/python3
"""Gateway to devices that wait to be told: the whole road through ferryd, its host and a plugin, killed at every
turn; what holds a delivery up; and what operators say to it."""
import os
import random
import signal
import sqlite3
import unittest

import gateway as g
import puppets as p

SECTIONS = """[source.stick]
type = directory
path = {folder}/releases
product = pump
[transport.line]
plugin = puppet
[product.pump]
"""


class Pushed(unittest.TestCase):
    def setUp(self):
        self.folder = g.scratch(self)
        self.image, self.name = p.mcuboot_image(random.Random(7).randbytes(20000))
        g.write_release(self.folder / "releases", "1.1", self.image)
        build = g.Build()
        build.plugins = build.folder / "tests" / "plugins"
        self.gateway = g.Gateway(self.folder / "gw", "", build)
        self.addCleanup(self.gateway.__exit__, None)
        self.strings = None

    def start(self, policy=""):
        self.gateway.configure(SECTIONS.format(folder=self.folder) + policy)
        self.gateway.start()
        self.gateway.wait_for_release("pump", "1.1")
        self.connect()

    def connect(self):
        if self.strings:
            self.strings.close()
        self.strings = p.Strings(self.gateway.port("line"))
        self.addCleanup(self.strings.close)

    def restart(self):
        self.gateway.kill()
        self.gateway.start()
        self.connect()

    def delivery(self, device="a"):
        """The newest of a device, as the gateway shows it."""
        return next(d for d in self.gateway.get("/v1/deliveries") if d["device"] == device)

    def wait_for_state(self, state, device="a"):
        g.wait_for(lambda: self.delivery(device)["state"] == state, f"{device} is {state}")

    def ctl(self, *arguments, check=True):
        return self.gateway.ctl(*arguments, check=check)

    def bring(self, device):
        """Does all that the device is told."""
        kinds = []
        while kind := device.obey(self.strings):
            kinds.append(kind)
        return kinds


class Road(Pushed):
    def test_a_device_is_brought_to_the_newest_release(self):
        self.start()
        device = p.Puppet("a")
        self.assertEqual(self.bring(device), ["transfer", "activate", "confirm"])
        self.assertEqual(device.received, self.image)
        self.assertEqual(device.image, self.name)
        entry = self.delivery()
        self.assertEqual((entry["state"], entry["mode"], entry["waits"]), ("installed", "push", ""))
        self.assertEqual(entry["bytes_done"], len(self.image))
        known = next(d for d in self.gateway.get("/v1/devices") if d["id"] == "a")
        self.assertEqual(known["version"], "1.1")

    def test_the_gateway_is_killed_in_every_state(self):
        self.start()
        device = p.Puppet("a")
        step = device.ask(self.strings)
        self.wait_for_state("scheduled")
        self.restart()
        device.fetch(self.strings, device.ask(self.strings), 10000)
        self.wait_for_state("transferring")
        self.restart()
        again = device.ask(self.strings)
        self.assertEqual((again.kind, again.delivery), ("transfer", step.delivery))
        device.fetch(self.strings, again)
        device.staged = again.image
        device.end(self.strings, p.TRANSFERRED)
        self.restart()
        self.assertEqual(self.delivery()["state"], "transferred")
        self.assertEqual(device.obey(self.strings), "activate")
        self.restart()
        self.assertEqual(self.delivery()["state"], "activated")
        self.assertEqual(device.ask(self.strings).kind, "confirm")
        self.wait_for_state("confirming")
        self.restart()
        self.assertEqual(device.obey(self.strings), "confirm")
        self.restart()
        self.assertEqual(self.delivery()["state"], "installed")
        self.assertEqual(device.received, self.image)
        self.assertEqual(len(self.gateway.get("/v1/deliveries")), 1)

    def test_a_killed_host_costs_nothing_that_arrived(self):
        self.start()
        device = p.Puppet("a")
        device.fetch(self.strings, device.ask(self.strings), 10240)
        g.wait_for(lambda: self.delivery()["bytes_done"] >= 1024, "progress is told")
        told = self.delivery()["bytes_done"]
        os.kill(self.gateway.transport("line")["pid"], signal.SIGKILL)
        self.wait_for_state("waiting")
        g.wait_for(lambda: self.gateway.transport("line")["restarts"] > 0 and self.gateway.listening(), "a new host")
        self.connect()
        step = g.wait_for(lambda: device.ask(self.strings), "the step comes again")
        self.assertGreaterEqual(step.acknowledged, told)
        self.assertEqual(self.delivery()["attempts"], 0)

    def test_a_rollback_is_told_and_not_tried_again(self):
        self.start()
        device = p.Puppet("a")
        device.obey(self.strings)
        device.obey(self.strings)
        device.image, device.staged, device.state = device.staged, device.image, "confirmed"
        g.wait_for(lambda: device.ask(self.strings) or self.delivery()["state"] == "rolled_back", "it is told")
        self.assertEqual(self.delivery()["cause"], "rolled_back")
        self.restart()
        self.assertIsNone(device.ask(self.strings))


class Held(Pushed):
    def test_one_at_once_and_the_next_when_it_ends(self):
        self.start("at_once = 1\n")
        devices = [p.Puppet(name) for name in "abc"]
        self.assertIsNotNone(devices[0].ask(self.strings))
        for device in devices[1:]:
            self.assertIsNone(device.ask(self.strings))
        self.assertEqual(self.delivery("b")["waits"], "waits: 1 at once on line")
        devices[0].end(self.strings, p.LOST)
        self.assertEqual(devices[1].wait_for_step(self.strings).kind, "transfer")

    def test_a_failure_is_followed_by_a_pause(self):
        self.start("retry_delay = 1h\nattempts = 3\n")
        device = p.Puppet("a")
        device.ask(self.strings)
        device.end(self.strings, p.BUSY, "slot in use")
        self.assertIn("attempt 2 of 3", self.delivery()["waits"])
        self.assertEqual(self.delivery()["cause"], "busy")
        self.assertIsNone(device.ask(self.strings))

    def test_a_pause_after_a_failure_ends_by_itself(self):
        self.start("retry_delay = 1s\nattempts = 3\n")
        device = p.Puppet("a")
        for _ in range(3):
            self.assertEqual(device.wait_for_step(self.strings).kind, "transfer")
            device.end(self.strings, p.BUSY, "slot in use")
        self.assertEqual(self.delivery()["state"], "failed")
        self.assertIsNone(device.ask(self.strings))
        self.ctl("retry", self.delivery()["id"])
        self.assertEqual(self.bring(device), ["transfer", "activate", "confirm"])

    def test_failures_stop_a_release_until_an_operator_lifts_that(self):
        self.start("stop_after = 2\n")
        for name in "ab":
            device = p.Puppet(name)
            device.ask(self.strings)
            device.end(self.strings, p.REFUSED_IMAGE, "bad magic")
        self.restart()
        other = p.Puppet("c")
        self.assertIsNone(other.ask(self.strings))
        self.assertEqual(self.delivery("c")["waits"], "stopped: 2 failures")
        self.assertIn("stopped: 2 failures", self.ctl("releases"))
        self.assertIn("goes on", self.ctl("retry", "--release", "pump", "1.1"))
        self.assertEqual(self.ctl("retry", "--release", "pump", "1.1", check=False).returncode, 5)
        self.assertNotIn("stopped", self.ctl("releases"))
        self.assertEqual(self.bring(other), ["transfer", "activate", "confirm"])

    def test_a_rollout_goes_on_by_itself(self):
        self.start("rollout_first = 1\nrollout_wait = 1s\n")
        first, second = p.Puppet("a"), p.Puppet("b")
        self.assertEqual(first.obey(self.strings), "transfer")
        self.assertIsNone(second.ask(self.strings))
        self.assertEqual(self.delivery("b")["waits"], "waits: rollout, first 1 devices")
        self.bring(first)
        self.assertEqual(second.wait_for_step(self.strings).kind, "transfer")


class Fleet(Pushed):
    def test_fifty_devices_on_eight_lines_come_at_the_policys_pace(self):
        lines = "".join(f"[transport.line{number}]\nplugin = puppet\n" for number in range(1, 8))
        self.start("at_once = 2\n" + lines)
        names = ["line"] + [f"line{number}" for number in range(1, 8)]
        strings = [self.strings] + [p.Strings(self.gateway.port(name)) for name in names[1:]]
        for one in strings[1:]:
            self.addCleanup(one.close)
        waiting = [[p.Puppet(f"d{line}-{number}") for number in range(7 if line < 2 else 6)] for line in range(8)]
        everybody = sum(waiting, [])
        self.assertEqual(len(everybody), 50)
        while any(waiting):
            steps = [[(device, device.ask(one)) for device in devices] for one, devices in zip(strings, waiting)]
            for line, told in enumerate(steps):
                under_way = [(device, step) for device, step in told if step]
                self.assertEqual(len(under_way), min(2, len(waiting[line])), f"on {names[line]}")
                for device, step in under_way:
                    self.assertEqual(device.take(strings[line], step), "transfer")
                    while device.obey(strings[line]):
                        pass
                    waiting[line].remove(device)
        self.assertEqual({device.image for device in everybody}, {self.name})
        self.assertEqual({d["state"] for d in self.gateway.get("/v1/deliveries")}, {"installed"})
        used = g.private_memory(self.gateway.process.pid)
        print(f"ferryd after 50 devices on 8 lines: {used >> 10} KiB of its own")
        if not self.gateway.build.sanitized:
            self.assertLessEqual(used, 16 << 20)


class Operator(Pushed):
    def test_pauses_and_resumes_in_mid_transfer(self):
        self.start()
        device = p.Puppet("a")
        step = device.ask(self.strings)
        device.fetch(self.strings, step, 5000)
        self.assertIn("paused", self.ctl("pause", step.delivery))
        self.assertEqual(self.strings.wait_for_cancel(), step.delivery)
        device.end(self.strings, p.LOST)
        self.assertIsNone(device.ask(self.strings))
        self.restart()
        self.assertIsNone(device.ask(self.strings))
        self.assertEqual(self.delivery()["waits"], "paused")
        self.ctl("resume", step.delivery)
        self.strings.wait_for_change()
        self.assertEqual(self.bring(device), ["transfer", "activate", "confirm"])
        self.assertEqual(device.received, self.image)

    def test_cancels_and_tries_again(self):
        self.start()
        device = p.Puppet("a")
        step = device.ask(self.strings)
        self.ctl("cancel", step.delivery)
        self.assertEqual(self.strings.wait_for_cancel(), step.delivery)
        device.end(self.strings, p.LOST)
        self.assertEqual(self.delivery()["state"], "cancelled")
        self.assertIsNone(device.ask(self.strings))
        refused = self.ctl("pause", step.delivery, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("it is cancelled", refused.stderr)
        self.assertEqual(self.ctl("pause", 999, check=False).returncode, 5)
        self.ctl("retry", step.delivery)
        self.assertIsNotNone(device.ask(self.strings))

    def test_forces_against_window_and_battery(self):
        self.start("minimum_battery = 50\nrollout_first = 1\n")
        self.assertIsNotNone(p.Puppet("z").ask(self.strings))
        device = p.Puppet("a", battery=10)
        self.assertIsNone(device.ask(self.strings))
        self.assertRegex(self.ctl("devices", "a"), r"battery +10 %")
        self.ctl("force", self.delivery()["id"])
        self.assertEqual(self.bring(device), ["transfer", "activate", "confirm"])

    def test_installs_on_command(self):
        self.start("install = on-command\n")
        device = p.Puppet("a")
        self.assertEqual(self.bring(device), ["transfer"])
        self.assertIn("waits: install on command", self.ctl("deliveries"))
        self.ctl("install", self.delivery()["id"])
        self.strings.wait_for_change()
        self.assertEqual(self.bring(device), ["activate", "confirm"])


class Memory(Pushed):
    def test_thousands_of_deliveries_need_little(self):
        self.start()
        self.assertEqual(self.gateway.stop(), 0)
        with sqlite3.connect(self.gateway.store / "catalog.db") as database:
            database.executemany(
                "INSERT INTO delivery (device, product, from_version, version, transport, state, bytes_done,"
                " bytes_total, started, updated, detail, mode) VALUES (?,'pump','0.9','1.0','line','installed',"
                "100000,100000,1795000000000,1795000000000,'','push')", [(f"d{i % 2000}",) for i in range(9000)])
        database.close()
        self.gateway.start()
        self.connect()
        for number in range(60):
            self.assertIsNotNone(p.Puppet(f"d{number}").ask(self.strings) or number >= 4)
        used = g.private_memory(self.gateway.process.pid)
        print(f"ferryd with 9000 deliveries to 2000 devices: {used >> 10} KiB of its own")
        if not self.gateway.build.sanitized:
            self.assertLessEqual(used, 16 << 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
