#!/usr/bin/python3
"""How a whole gateway shows itself and its devices in Home Assistant: what it says at which topics, read as Home
Assistant's MQTT integration does, and what becomes of a pressed button."""
import json
import time
import unittest

import gateway as g
import puppets as p
from mqtt_rig import ROOT, Reporting, values

MOST_MESSAGES = 12  # for one delivery to one device, progress aside
GATEWAY = "homeassistant/update/ferry__van-1/config"
DEVICE = "homeassistant/update/ferry__van-1__pump__a/config"
TEMPLATE = "{{ value_json.home_assistant | to_json }}"
# What Home Assistant takes from a state topic; it drops a payload with anything else in it.
STATE = {"installed_version": str, "latest_version": str, "title": str, "in_progress": bool,
         "update_percentage": (int, type(None))}


class Shown(Reporting):
    def begin(self, more="", product=""):
        self.listening = self.listener()
        self.configure("discovery = homeassistant\n" + more)
        text = self.gateway.config.read_text()
        self.gateway.config.write_text(text.replace("[product.pump]\n", "[product.pump]\n" + product))
        self.gateway.start()
        self.gateway.wait_for_release("pump", "1.1")
        self.connect()
        self.wait_for_monitor("connected")

    def config(self, topic, listener=None):
        """The newest that was said there: a dictionary, or None."""
        told = (listener or self.listening).of(topic)
        return json.loads(told[-1]) if told and told[-1] else None

    def states(self, config):
        """What the entity of that configuration showed, one after the other."""
        self.assertEqual(config["value_template"], TEMPLATE)
        shown = [json.loads(payload)["home_assistant"] for payload in self.listening.of(config["state_topic"])]
        for state in shown:
            for key, value in state.items():
                self.assertIsInstance(value, STATE[key], key)
        return shown

    def entity(self, topic=DEVICE):
        return g.wait_for(lambda: self.config(topic), topic)

    def wait_for(self, config, **wanted):
        g.wait_for(lambda: (shown := self.states(config)) and wanted.items() <= shown[-1].items(),
                   f"it shows {wanted}")


class Entities(Shown):
    def test_the_gateway_and_each_device_are_found(self):
        self.begin()
        gateway = self.entity(GATEWAY)
        self.assertEqual(gateway["device"]["identifiers"], ["ferry__van-1"])
        version = self.gateway.status()["version"]
        self.wait_for(gateway, installed_version=version, latest_version=version, in_progress=False)
        self.assertNotIn("command_topic", gateway, "ferryd does not update itself")
        p.Puppet("a").ask(self.strings)
        device = self.entity()
        self.assertEqual(device["availability_topic"], ROOT + "status")
        self.assertEqual(device["device"]["via_device"], "ferry__van-1")
        self.wait_for(device, installed_version="1.0", latest_version="1.1", title="pump", in_progress=False)
        self.assertEqual(device["unique_id"], "ferry__van-1__pump__a")

    def test_a_delivery_shows_its_progress_and_costs_few_messages(self):
        self.begin()
        device = p.Puppet("a")
        step = device.ask(self.strings)
        entity = self.entity()
        device.fetch(self.strings, step, 4096)
        self.wait_for(entity, in_progress=True, latest_version="1.1")
        device.fetch(self.strings, step, 12288)
        g.wait_for(lambda: any((state["update_percentage"] or 0) >= 40 for state in self.states(entity)), "progress")
        device.take(self.strings, step)
        self.wait_for(entity, in_progress=True, update_percentage=None)
        self.bring(device)
        self.wait_for(entity, installed_version="1.1", latest_version="1.1", in_progress=False)
        g.wait_for(lambda: any(e["kind"] == "installed" for e in values(self.listening, "event")), "the outcome")

        def besides_progress(payload):
            told = json.loads(payload)
            told.pop("last_seen")
            if told["delivery"]:
                told["delivery"].pop("bytes_done")
            told["home_assistant"].pop("update_percentage")
            return json.dumps(told)
        devices = [besides_progress(payload) for payload in self.listening.of(ROOT + "device/pump/a")]
        changes = [new for old, new in zip([None] + devices, devices) if new != old]
        about = [payload for topic, payload, _ in list(self.listening.messages)
                 if topic == DEVICE or topic == ROOT + "event" and '"device":"a"' in payload]
        print(f"one delivery, shown in Home Assistant: {len(changes) + len(about) + 2} messages")
        self.assertLessEqual(len(changes) + len(about) + 2, MOST_MESSAGES)  # start and end of the transfer
        self.assertEqual(len(self.listening.of(DEVICE)), 1, "its configuration once")

    def test_a_new_release_is_shown_without_the_device_doing_anything(self):
        self.begin()
        device = p.Puppet("a")
        self.assertIsNotNone(device.ask(self.strings))
        self.bring(device)
        self.wait_for(self.entity(), installed_version="1.1", latest_version="1.1")
        g.write_release(self.folder / "releases", "1.2", p.mcuboot_image(b"newer")[0])
        self.gateway.sync()
        self.wait_for(self.entity(), installed_version="1.1", latest_version="1.2", in_progress=False)

    def test_what_is_retained_is_right_after_a_brokers_restart(self):
        self.begin()
        p.Puppet("a").ask(self.strings)
        before = self.entity(), self.entity(GATEWAY)
        self.broker.kill()
        self.wait_for_monitor("connecting")
        self.broker.__enter__()
        self.wait_for_monitor("connected")

        def retained():
            late = self.listener()
            try:
                g.wait_for(lambda: late.of(ROOT + "status"), "what is retained")
                return self.config(DEVICE, late), self.config(GATEWAY, late)
            finally:
                late.close()
        g.wait_for(lambda: retained() == before, "both are there again", interval=0.2)

    def test_devices_of_a_product_that_is_gone_are_taken_away(self):
        self.begin()
        p.Puppet("a").ask(self.strings)
        self.entity()
        # Each device is written to the store within seconds, and at an orderly end.
        self.assertEqual(self.gateway.stop(), 0)
        text = self.gateway.config.read_text()
        self.gateway.config.write_text(text.replace("product = pump", "product = valve")
                                       .replace("[product.pump]", "[product.valve]"))
        self.gateway.start()
        g.wait_for(lambda: self.listening.of(DEVICE)[-1] == "", "its entity is removed")
        self.assertIsNotNone(self.config(GATEWAY))

    def test_nothing_is_said_without_the_option(self):
        self.listening = self.listener()
        self.start()
        self.bring(p.Puppet("a"))
        g.wait_for(lambda: any(e["kind"] == "installed" for e in values(self.listening, "event")), "the outcome")
        self.assertFalse([topic for topic, _, _ in list(self.listening.messages) if topic.startswith("homeassistant")])
        self.assertNotIn("home_assistant", values(self.listening, "device/pump/a")[-1])


class Button(Shown):
    def press(self, config):
        """As Home Assistant does; gives the reply."""
        operator = self.listener("operator", "says", [ROOT + "command/reply"])
        g.wait_for(lambda: self.monitor()["commands"] == "listening", "the subscription")
        operator.publish(config["command_topic"], config["payload_install"], config["retain"])
        g.wait_for(lambda: values(operator, "command/reply"), "the reply")
        reply = values(operator, "command/reply")[-1]
        self.assertEqual(reply["id"], "homeassistant")
        return reply

    def test_it_brings_what_waits_for_a_time_of_the_day(self):
        away = [time.strftime("%H:%M", time.localtime(time.time() + hours * 3600)) for hours in (8, 9)]
        self.begin(product="window = " + "-".join(away) + "\n")
        device = p.Puppet("a")
        self.assertIsNone(device.ask(self.strings), "its time has not come")
        entity = self.entity()
        self.wait_for(entity, installed_version="1.0", latest_version="1.1", in_progress=False)
        self.assertTrue(self.press(entity)["ok"])
        self.bring(device)
        self.wait_for(entity, installed_version="1.1")
        self.assertFalse(self.press(entity)["ok"], "it has ended")

    def test_it_starts_what_waits_for_a_word(self):
        self.begin(product="install = on-command\n")
        device = p.Puppet("a")
        self.bring(device)
        entity = self.entity()
        self.wait_for(entity, installed_version="1.0", latest_version="1.1", in_progress=False)
        self.assertEqual(self.press(entity)["result"]["state"], "transferred")
        self.bring(device)
        self.wait_for(entity, installed_version="1.1", in_progress=False)

    def test_there_is_none_where_only_signed_commands_are_obeyed(self):
        key = self.folder / "operator.key"
        public = self.gateway.ctl("keygen", key).split()[-1]
        self.begin(f"command_key = {public}\n")
        p.Puppet("a").ask(self.strings)
        entity = self.entity()
        self.assertFalse({"command_topic", "payload_install"} & set(entity))
        # What an older configuration, still known somewhere, would send.
        operator = self.listener("operator", "says", [ROOT + "command/reply"])
        g.wait_for(lambda: self.monitor()["commands"] == "listening", "the subscription")
        operator.publish(ROOT + "command", '{"id":"homeassistant","command":"force","device":"a","product":"pump"}')
        g.wait_for(lambda: values(operator, "command/reply"), "the reply")
        self.assertEqual(values(operator, "command/reply")[-1]["error"]["code"], "denied")


if __name__ == "__main__":
    unittest.main(verbosity=2)
