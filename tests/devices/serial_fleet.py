"""More devices than lines: as somebody at a bench who plugs the next device in as soon as one is done.

    fleet = Fleet(lines, devices, done=lambda device: device.has("confirmed"))
    wait_for(fleet.turn, "all are done")            turn() plugs in whoever waits; true when all are done
    fleet.history                                   [(line's name, device's name, seconds it was plugged in)]

Lines are made with plugged=False; each is used by one device at a time. Call turn() from one thread.
"""
import time


class Fleet:
    """`lines` and `devices` are the caller's; a line whose device is done and that nobody waits for keeps it."""

    def __init__(self, lines, devices, done):
        self.waiting = list(devices)
        self.done = done
        self.busy = {}  # line: (its device, since when)
        self.idle = list(lines)
        self.history = []

    def turn(self):
        for line, (device, since) in list(self.busy.items()):
            if self.done(device):
                self.history.append((line.link.name, device.name, time.monotonic() - since))
                del self.busy[line]
                self.idle.append(line)
        while self.idle and self.waiting:
            line, device = self.idle.pop(0), self.waiting.pop(0)
            line.replug(device=device)
            self.busy[line] = (device, time.monotonic())
        return not self.busy and not self.waiting
