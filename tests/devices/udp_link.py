"""A UDP link without hardware: a device on a port of the loopback interface, and between it and the gateway the delays
and losses of a radio, from a seed.

    link = UdpLink(SmpDevice(image, Settings(**UNBOUND_LINES)), seed=1, lose=0.05, delay=0.01)
    link.address                  "127.0.0.1:PORT", where the gateway finds the device
    UdpLink(device, gateway=("127.0.0.1", 1337))     one that speaks first: when it boots, or because it asks
    link.down(), link.up()        out of reach, and back; the device keeps its power
    link.sent, link.received      datagrams of the device and of the gateway, lost ones included

Devices are those of serial lines (smp_device.py, smp_pull_device.py): each SMP packet that they frame for a console is
one datagram here. With `raw=True` datagrams are handed over as they are (yaota_device.py)."""
import heapq
import itertools
import random
import select
import socket
import threading
import time
import traceback

import smp_packet as smp

# Of smp_device.Settings: what stands for a console's limits does not hold here.
UNBOUND_LINES = {"line_buffers": 10_000, "line_seconds": 0.0}


class UdpLink:
    def __init__(self, device, seed=1, lose=0.0, delay=0.0, gateway=None, raw=False):
        self.device, self.lose, self.delay, self.raw = device, lose, delay, raw
        self.random = random.Random(seed)
        self.gateway = self.peer = gateway
        self.sent = self.received = 0
        self.reachable = True
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.host, self.port = self.socket.getsockname()
        self.deframer = smp.Deframer()
        self.on_its_way = []  # (when, order, datagram, whether it goes to the device)
        self.order = itertools.count()
        self.ends = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def down(self):
        self.reachable = False

    def up(self):
        self.reachable = True

    def close(self):
        self.ends = True
        self.thread.join()
        self.socket.close()

    # On the thread of the link.

    def run(self):
        try:
            self.device.power_on(self.from_device, time.monotonic())
            while not self.ends:
                self.turn()
        except Exception:
            traceback.print_exc()
            raise

    def turn(self):
        now = time.monotonic()
        dues = [due for due in (self.device.next_due(), self.on_its_way[0][0] if self.on_its_way else None)
                if due is not None]
        wait = max(0.0, min([0.02] + [due - now for due in dues]))
        if select.select([self.socket], [], [], wait)[0]:
            data, self.peer = self.socket.recvfrom(65536)
            self.received += 1
            self.put_on_its_way(data, True)
        now = time.monotonic()
        while self.on_its_way and self.on_its_way[0][0] <= now:
            _, _, data, to_device = heapq.heappop(self.on_its_way)
            if to_device:
                self.device.receive(data if self.raw else smp.frame(data), now)
            elif self.peer:
                self.socket.sendto(data, self.peer)
        self.device.tick(now)

    def from_device(self, data, when):
        packets = [data] if self.raw else list(self.deframer.feed(data))
        if not packets and self.gateway:
            # Text for a console, as it boots: here it tells the gateway that it is there.
            packets = [smp.encode(smp.Packet(smp.WRITE, smp.OS, smp.ECHO, 1, {"d": "here"}))]
            self.peer = self.gateway
        for packet in packets:
            self.sent += 1
            self.put_on_its_way(packet, False)

    def put_on_its_way(self, data, to_device):
        if self.reachable and self.random.random() >= self.lose:
            heapq.heappush(self.on_its_way, (time.monotonic() + self.delay, next(self.order), data, to_device))
