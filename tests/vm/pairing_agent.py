#!/usr/bin/python3
"""The person at a device, or what was built into it: the default agent of bluetoothd (BlueZ's doc/agent-api.txt), which
it asks when somebody pairs with one of its adapters.

    pairing_agent.py CAPABILITY PASSKEY

CAPABILITY is what the device can do: KeyboardOnly (it has PASSKEY), NoInputNoOutput (it lets everybody in). Prints one
line once it is registered, and one for each question."""
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

PATH = "/device/agent"
INTERFACE = "org.bluez.Agent1"


class Agent(dbus.service.Object):
    def __init__(self, bus, passkey):
        super().__init__(bus, PATH)
        self.passkey = passkey

    @dbus.service.method(INTERFACE, in_signature="o", out_signature="u")
    def RequestPasskey(self, device):
        print(f"asked {device}", flush=True)
        return dbus.UInt32(self.passkey)

    @dbus.service.method(INTERFACE, in_signature="o", out_signature="")
    def RequestAuthorization(self, device):
        print(f"let in {device}", flush=True)

    @dbus.service.method(INTERFACE, in_signature="", out_signature="")
    def Cancel(self):
        pass

    @dbus.service.method(INTERFACE, in_signature="", out_signature="")
    def Release(self):
        pass


def main(capability, passkey):
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SystemBus()
    agent = Agent(bus, int(passkey))
    manager = dbus.Interface(bus.get_object("org.bluez", "/org/bluez"), "org.bluez.AgentManager1")
    manager.RegisterAgent(PATH, capability)
    manager.RequestDefaultAgent(PATH)
    print("registered", flush=True)
    GLib.MainLoop().run()
    return agent


if __name__ == "__main__":
    main(*sys.argv[1:])
