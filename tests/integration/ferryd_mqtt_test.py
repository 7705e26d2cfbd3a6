#!/usr/bin/python3
"""What a whole gateway says over MQTT while devices are brought something: transfers, devices, events, how many
messages that takes; and what is retained after a broker's restart."""
import json
import time
import unittest

import gateway as g
import puppets as p
from mqtt_rig import ROOT, Reporting, values

MOST_MESSAGES = 12  # for one delivery to one device, progress aside


class Said(Reporting):
    def transfers(self, listener):
        return [json.loads(payload) for topic, payload, _ in list(listener.messages)
                if topic.startswith(ROOT + "transfer/")]

    def test_a_transfer_is_told_at_its_start_at_most_once_a_second_and_at_its_end(self):
        listener = self.listener()
        self.start()
        device = p.Puppet("a")
        step = device.ask(self.strings)
        begun = time.monotonic()
        device.fetch(self.strings, step, 1024)
        g.wait_for(lambda: self.transfers(listener), "its start")
        device.fetch(self.strings, step, piece=64)  # hundreds of reports within moments
        device.staged = step.image
        device.end(self.strings, p.TRANSFERRED)
        g.wait_for(lambda: self.transfers(listener)[-1]["state"] == "transferred", "its end")
        told = self.transfers(listener)
        self.assertEqual(told[-1]["bytes_done"], len(self.image))
        self.assertEqual({t["id"] for t in told}, {step.delivery})
        # Its start, its end, and one for each second that began.
        self.assertLessEqual(len(told), time.monotonic() - begun + 3)
        self.assertFalse(any(retained for topic, _, retained in listener.messages if "/transfer/" in topic))

    def test_an_interrupted_transfer_is_told_as_such(self):
        listener = self.listener()
        self.start()
        device = p.Puppet("a")
        device.fetch(self.strings, device.ask(self.strings), 4096)
        g.wait_for(lambda: self.transfers(listener), "its start")
        device.end(self.strings, p.LOST)
        g.wait_for(lambda: self.transfers(listener)[-1]["state"] == "waiting", "its interruption")

    def test_two_products_with_a_device_of_the_same_id_have_a_topic_each(self):
        listener = self.listener()
        self.configure()
        with open(self.gateway.config, "a", encoding="utf-8") as file:
            file.write("[product.valve]\n")
        self.gateway.start()
        self.gateway.wait_for_release("pump", "1.1")
        self.connect()
        p.Puppet("1").ask(self.strings)
        p.Puppet("1", product="valve", version="9").ask(self.strings)
        g.wait_for(lambda: values(listener, "device/pump/1") and values(listener, "device/valve/1"), "both")
        self.assertEqual(values(listener, "device/pump/1")[-1]["product"], "pump")
        self.assertEqual(values(listener, "device/valve/1")[-1]["version"], "9")

    def test_a_delivery_costs_few_messages(self):
        listener = self.listener()
        self.start()
        device = p.Puppet("a")
        self.assertIsNotNone(device.ask(self.strings))
        g.wait_for(lambda: values(listener, "device/pump/a"), "the device to be told of")
        self.bring(device)
        g.wait_for(lambda: any(e["kind"] == "installed" for e in values(listener, "event")), "the outcome")
        g.wait_for(lambda: (values(listener, "device/pump/a")[-1]["delivery"] or {}).get("state") == "installed",
                   "the device")
        g.wait_for(lambda: self.transfers(listener)[-1]["state"] == "transferred", "the transfer's end")
        about = [topic for topic, payload, _ in list(listener.messages)
                 if topic.startswith((ROOT + "device/", ROOT + "transfer/"))
                 or topic == ROOT + "event" and '"device":"a"' in payload]
        print(f"one delivery of one release to one device: {len(about)} messages {sorted(about)}")
        self.assertLessEqual(len(about), MOST_MESSAGES)

    def test_a_slow_delivery_costs_few_messages_too(self):
        """Each state is there for long enough that all of them are told."""
        listener = self.listener()
        self.start()
        device = p.Puppet("a")

        def shown(state):
            g.wait_for(lambda: (told := values(listener, "device/pump/a")) and told[-1]["delivery"]
                       and told[-1]["delivery"]["state"] == state, f"{state} is told")
        step = device.ask(self.strings)
        shown("scheduled")
        device.fetch(self.strings, step, 4096)
        shown("transferring")
        device.take(self.strings, step)
        shown("transferred")
        device.obey(self.strings)
        shown("activated")
        step = device.ask(self.strings)
        shown("confirming")
        device.take(self.strings, step)
        shown("installed")
        g.wait_for(lambda: any(e["kind"] == "installed" for e in values(listener, "event")), "the outcome")
        about = [topic for topic, payload, _ in list(listener.messages)
                 if topic.startswith(ROOT + "device/") or topic == ROOT + "event" and '"device":"a"' in payload]
        # Of the transfer's, start and end count.
        print(f"one slow delivery: {len(about) + 2} messages besides progress {sorted(about)}")
        self.assertLessEqual(len(about) + 2, MOST_MESSAGES)


class Retained(Reporting):
    def test_what_is_retained_is_right_after_a_brokers_restart(self):
        self.start()
        self.bring(p.Puppet("a"))
        p.Puppet("b", version="0.9").ask(self.strings)
        self.broker.kill()
        self.wait_for_monitor("connecting")
        p.Puppet("b", version="1.1", image=self.name).ask(self.strings)  # changes while nobody can be told
        self.broker.__enter__()
        self.wait_for_monitor("connected")
        listener = self.listener()

        def retained(topic):
            return [payload for at, payload, kept in list(listener.messages) if kept and at == ROOT + topic]
        g.wait_for(lambda: values(listener, "device/pump/b") and values(listener, "device/pump/a")
                   and values(listener, "state"), "all of it")
        late = self.listener()
        g.wait_for(lambda: len([m for m in list(late.messages) if m[2]]) >= 4, "what is retained")
        kept = {topic.removeprefix(ROOT): payload for topic, payload, retained in late.messages if retained}
        self.assertEqual(kept["status"], "online")
        self.assertEqual(json.loads(kept["state"])["gateway"], "van-1")
        self.assertEqual(json.loads(kept["device/pump/a"])["version"], "1.1")
        self.assertEqual(json.loads(kept["device/pump/b"])["version"], "1.1")
        self.assertFalse([topic for topic in kept if topic.startswith(("transfer", "event", "command"))])


if __name__ == "__main__":
    unittest.main(verbosity=2)
