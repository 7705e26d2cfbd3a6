#!/usr/bin/python3
"""What a whole gateway hears over MQTT: commands, signed ones, those of a broker that means harm; and what ferryctl says
of the connection."""
import json
import struct
import unittest

import gateway as g
import puppets as p
from mqtt_hostile import HostileBroker
from mqtt_rig import ROOT, Reporting, values
from mqtt_wire import packet

MOST_GROWTH = 8 << 20


class Commanded(Reporting):
    def begin(self, more=""):
        self.start(more)
        self.operator = self.listener("operator", "says", [ROOT + "command/reply"])
        g.wait_for(lambda: self.monitor()["commands"] == "listening", "the subscription")

    def say(self, payload, retain=False):
        self.operator.publish(ROOT + "command", payload if isinstance(payload, (str, bytes)) else json.dumps(payload),
                              retain)

    def replies(self):
        return values(self.operator, "command/reply")

    def command(self, verb, **more):
        """Sends it and gives its reply."""
        before = len(self.replies())
        self.say({"id": f"c{before}", "command": verb, **more})
        g.wait_for(lambda: len(self.replies()) > before, "the reply")
        reply = self.replies()[-1]
        self.assertEqual((reply["id"], reply["command"]), (f"c{before}", verb))
        return reply

    def refused(self, verb, **more):
        reply = self.command(verb, **more)
        self.assertFalse(reply["ok"])
        return reply["error"]["code"]


class Verbs(Commanded):
    def test_each_verb_does_what_the_control_socket_does(self):
        self.begin()
        self.assertEqual(self.command("sync", source="stick")["result"]["sources"][0]["name"], "stick")
        device = p.Puppet("a/1")
        step = device.ask(self.strings)
        paused = self.command("pause", delivery=step.delivery)
        self.assertTrue(paused["ok"] and paused["result"]["paused"])
        self.assertEqual(self.strings.wait_for_cancel(), step.delivery)
        device.end(self.strings, p.LOST)
        self.assertFalse(self.command("resume", device="a/1")["result"]["paused"])
        self.assertTrue(self.command("force", device="a/1", product="pump")["ok"])
        self.assertEqual(self.command("cancel", delivery=step.delivery)["result"]["state"], "cancelled")
        self.assertTrue(self.command("retry", delivery=step.delivery)["ok"])
        self.bring(device)
        self.assertEqual(self.refused("retry", delivery=step.delivery), "denied")
        self.assertEqual(self.refused("install", device="a/1"), "denied")
        self.assertEqual(self.command("assign", device="a/1", version="1.1")["result"]["assigned"], "1.1")
        self.assertEqual(self.refused("assign", device="b", version="1.1"), "not-found")
        self.assertEqual(self.command("assign", device="a/1", version="")["result"]["assigned"], "")
        self.assertEqual(self.refused("retry", product="pump", version="1.1"), "not-found")

    def test_a_pinned_release_is_kept_and_an_evicted_one_gone(self):
        self.begin()
        self.assertTrue(self.command("pin", product="pump", version="1.1")["result"]["pinned"])
        self.assertEqual(self.refused("evict", product="pump", version="1.1"), "denied")
        self.gateway.kill()
        self.gateway.start()
        self.assertTrue(self.gateway.get("/v1/releases")[0]["pinned"], "over a restart")
        self.wait_for_monitor("connected")
        self.assertIn("pinned", self.gateway.ctl("releases"))
        self.assertEqual(self.gateway.ctl("evict", "pump", "1.1", check=False).returncode, 1)
        self.gateway.ctl("unpin", "pump", "1.1")
        (self.folder / "releases" / "firmware_1.1.bin").unlink()
        self.assertIn("evicted", self.gateway.ctl("evict", "pump", "1.1"))
        g.wait_for(lambda: not self.gateway.releases() and not g.packs_of(self.gateway), "it is gone")

    def test_what_is_malformed_is_answered_and_changes_nothing(self):
        self.begin()
        before = self.gateway.get("/v1/devices"), self.gateway.get("/v1/releases"), self.gateway.get("/v1/deliveries")
        cases = ["", "rubbish", "[]", b"\xff\xfe", '{"id":"x"}', '{"id":"x","command":"exec"}',
                 '{"id":"x","command":"evict","product":"../pump","version":"1.1"}',
                 '{"id":"x","command":"evict","product":"pump","version":"1.1","url":"http://a/"}',
                 "[" * 3000, '{"id":"x","command":"sync","source":"' + "a" * 15000 + '"}', "x" * 17000]
        for number, case in enumerate(cases, 1):
            self.say(case)
            g.wait_for(lambda at=number: len(self.replies()) >= at, f"a reply to case {number}")
            reply = self.replies()[-1]
            self.assertFalse(reply["ok"])
            self.assertIn(reply["error"]["code"], ("invalid", "too-large"))
        self.assertEqual(before, (self.gateway.get("/v1/devices"), self.gateway.get("/v1/releases"),
                                  self.gateway.get("/v1/deliveries")))
        self.assertTrue(self.command("sync")["ok"])

    def test_a_retained_command_is_ignored(self):
        self.broker.kill()
        self.broker.__enter__()
        early = self.listener("operator", "says", [ROOT + "command/reply"])
        early.publish(ROOT + "command", json.dumps({"id": "old", "command": "pin", "product": "pump",
                                                    "version": "1.1"}), retain=True)
        self.begin()
        g.wait_for(lambda: self.monitor()["commands_ignored"] == 1, "it is counted")
        self.assertTrue(self.command("sync")["ok"])
        self.assertFalse(self.gateway.get("/v1/releases")[0]["pinned"])
        self.assertFalse([r for r in self.replies() if r["id"] == "old"])


class Signed(Commanded):
    def sign(self, command, key, *more):
        return self.gateway.ctl("sign-command", json.dumps(command), "--key", key, "--gateway", "van-1", *more)

    def test_with_a_key_nothing_unsigned_or_replayed_is_obeyed(self):
        key, other = self.folder / "operator.key", self.folder / "other.key"
        public = self.gateway.ctl("keygen", key).split()[-1]
        self.gateway.ctl("keygen", other)
        self.begin(f"command_key = {public}")
        pin = {"id": "p", "command": "pin", "product": "pump", "version": "1.1"}
        signed = self.sign(pin, key)
        for payload in (json.dumps(pin), self.sign(pin, other), self.sign(pin, key, "--valid", "0")):
            before = len(self.replies())
            self.say(payload)
            g.wait_for(lambda at=before: len(self.replies()) > at, "a refusal")
            self.assertEqual(self.replies()[-1]["error"]["code"], "denied")
        self.assertFalse(self.gateway.get("/v1/releases")[0]["pinned"])
        self.say(signed)
        g.wait_for(lambda: self.replies()[-1]["ok"], "it is obeyed")
        self.assertTrue(self.gateway.get("/v1/releases")[0]["pinned"])
        self.gateway.ctl("unpin", "pump", "1.1")
        # Power is cut: the same message again is still a replay.
        self.gateway.kill()
        self.gateway.start()
        g.wait_for(lambda: self.monitor()["commands"] == "listening", "the subscription")
        before = len(self.replies())
        self.say(signed)
        g.wait_for(lambda: len(self.replies()) > before, "a refusal")
        self.assertIn("used before", self.replies()[-1]["error"]["message"])
        self.assertFalse(self.gateway.get("/v1/releases")[0]["pinned"])


class Tested(Commanded):
    def ask(self):
        done = self.gateway.ctl("monitor", "test", check=False)
        return done.returncode, done.stdout

    def test_ferryctl_says_what_is_wrong(self):
        self.begin()
        code, text = self.ask()
        self.assertEqual(code, 0, text)
        self.assertIn("yes, it answers within", text)
        self.assertIn("heard", text)
        self.broker.kill()
        self.wait_for_monitor("connecting")
        code, text = self.ask()
        self.assertEqual(code, 1)
        self.assertIn("refused", text.lower())
        self.password.write_text("wrong\n")
        self.broker.__enter__()
        code, text = self.ask()
        self.assertEqual(code, 1)
        self.assertIn("not authorised (check user and password_file)", text)

    def test_a_refused_subscription_and_a_wrong_certificate_are_told(self):
        hostile = HostileBroker(self.certificates, granted=0x80)
        self.addCleanup(hostile.close)
        self.configure(port=hostile.port)
        self.gateway.start()
        self.wait_for_monitor("connected")
        code, text = self.ask()
        self.assertEqual(code, 1)
        self.assertIn("does not let this gateway subscribe", text)
        self.gateway.stop()
        self.configure("tls = yes")
        self.gateway.configure(self.gateway.config.read_text().split("[storage]", 1)[1].split("\n", 2)[2]
                               .replace(str(self.certificates.ca), "/etc/ssl/certs/ca-certificates.crt"))
        self.gateway.start()
        code, text = self.ask()
        self.assertEqual(code, 1)
        self.assertIn("is not trusted", text)


class Hostile(Commanded):
    """A broker that means harm costs its connection at most."""

    def setUp(self):
        super().setUp()
        self.hostile = HostileBroker(self.certificates)
        self.addCleanup(self.hostile.close)
        self.configure(port=self.hostile.port)
        self.gateway.start()
        self.gateway.wait_for_release("pump", "1.1")
        self.assertTrue(self.hostile.subscribed.wait(60))

    def pid(self):
        return self.gateway.process.pid

    def hurry(self):
        """The next attempt comes now, not when its time has come; True."""
        return self.gateway.ask("POST", "/v1/monitor/test")[0] == 200

    def back(self, clients):
        g.wait_for(lambda: self.hurry() and self.hostile.clients > clients and self.hostile.subscribed.wait(60),
                   "a new connection")

    def test_a_message_without_end_ends_the_connection_and_takes_no_memory(self):
        before, clients = g.private_memory(self.pid()), self.hostile.clients
        head = struct.pack(">H", 20) + (ROOT + "command").encode()
        self.hostile.send(b"\x30\xff\xff\xff\x7f" + head)  # 256 MiB are announced
        sent = 0
        while self.hostile.send(b"x" * 65536) and sent < 200 << 20:
            sent += 65536
        self.back(clients)
        self.assertLess(sent, 200 << 20)
        grown = g.private_memory(self.pid()) - before
        print(f"a message of 256 MiB: cut after {sent >> 10} KiB were sent, {grown >> 10} KiB more memory")
        if not self.gateway.build.sanitized:  # whose own memory grows
            self.assertLess(grown, MOST_GROWTH)

    def test_messages_of_qos_2_that_are_never_released_end_the_connection(self):
        clients = self.hostile.clients
        for number in range(1, 2000):
            if not self.hostile.publish(ROOT + "command", "x" * 1000, qos=2, number=number):
                break
        self.back(clients)
        g.wait_for(lambda: "QoS 2" in self.gateway.log_text(), "the reason is told")

    def test_floods_are_counted_and_answered_within_bounds(self):
        before = g.private_memory(self.pid())
        for number in range(3000):
            self.hostile.publish(f"some/other/{number}", "{}")
            self.hostile.publish(ROOT + "command", "rubbish")
            self.hostile.publish(ROOT + "command", '{"id":"r","command":"sync"}', retain=True)
        self.assertTrue(self.hostile.publish(ROOT + "command", '{"id":"last","command":"sync"}'),
                        self.gateway.log_text()[-2000:])
        g.wait_for(lambda: (now := self.monitor())["commands_taken"] + now["commands_ignored"] >= 9001, "all counted")
        self.assertGreaterEqual(self.monitor()["commands_ignored"], 6000)
        grown = g.private_memory(self.pid()) - before
        print(f"9,000 messages that mean nothing: {self.monitor()['commands_ignored']} ignored, "
              f"{self.monitor()['commands_taken']} answered, {grown >> 10} KiB more memory")
        if not self.gateway.build.sanitized:  # whose own memory grows
            self.assertLess(grown, MOST_GROWTH)
        self.assertEqual(self.monitor()["state"], "connected")

    def test_topics_that_are_patterns_are_no_commands(self):
        pid = self.pid()
        pin = '{"id":"p","command":"pin","product":"pump","version":"1.1"}'
        for topic in ("ferry/+/command", "ferry/van-1/#", "#", "+", "ferry/van-1/command/", "", "$SYS/broker", "/"):
            clients, heard = self.hostile.clients, self.monitor()["commands_ignored"]
            for _ in range(200):
                self.hostile.publish(topic, pin)
            # Counted, or its connection is over.
            g.wait_for(lambda c=clients, h=heard: self.monitor()["commands_ignored"] >= h + 200
                       or self.hurry() and self.hostile.clients > c and self.hostile.subscribed.wait(60),
                       f"'{topic}' is dealt with")
        self.assertFalse(self.gateway.get("/v1/releases")[0]["pinned"])
        self.assertEqual(self.pid(), pid)

    def test_packets_that_are_none_end_the_connection_alone(self):
        pid = self.pid()
        for data in (b"\x00\x00", b"\xff\xff\xff\xff\xff", packet(0x30, b"\xff\xff"), packet(0x90, b"\x00"),
                     packet(0x40, b""), packet(0x36, b"\x00\x01a\x00\x01x"), packet(0x20, b"\x00\x05"),
                     b"\x30\x80\x80\x80\x80\x80"):
            clients = self.hostile.clients
            self.assertTrue(self.hostile.send(data))
            self.hostile.publish(ROOT + "command", '{"id":"1","command":"sync"}')
            g.wait_for(lambda c=clients: self.hurry() and self.hostile.clients > c
                       or any(t.endswith("reply") for t, _ in self.hostile.published), "it goes on")
            self.hostile.published.clear()
            self.assertEqual(self.pid(), pid)
            self.assertIsNone(self.gateway.process.poll())


if __name__ == "__main__":
    unittest.main(verbosity=2)
