"""A device that asks (smp_pull_device.py) on a Bluetooth adapter of its own: it connects to the gateway, finds Ferry's
service, and speaks over its characteristic, or over the channel whose number that service tells. It connects again
whenever the link is gone, and can tear it after so many bytes that arrived."""
import pathlib
import select
import struct
import sys
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "devices"))
import smp_packet as smp

import l2cap

SERVICE, PACKETS, CHANNEL = (bytes.fromhex(f"b7a5000{number}4f1c4c7e9b0a3d6e5f8c2a10")[::-1] for number in (1, 2, 3))
MTU = 185  # as phones and small modules have it
AGAIN = 3.0  # seconds until it connects again: the kernel holds a closed link for a while
LONGEST_WAIT = 0.2


class PullLink(threading.Thread):
    """`adapter` is the number of one that nobody else uses, powered; `gateway` an address."""

    def __init__(self, adapter, gateway, device, channel):
        super().__init__(daemon=True)
        self.device, self.gateway, self.by_channel = device, gateway, channel
        management = l2cap.Management(adapter)
        self.address = management.address()
        management.close()
        self.deframer = smp.Deframer()
        self.attributes = self.channel = None  # sockets
        self.links = self.losses = 0
        self.received = 0  # bytes of packets, all links together
        self.cut_after = None  # a function that gives bytes, for each link anew
        self.left = None
        self.ending = False
        self.start()

    def close(self):
        self.ending = True
        self.join()
        self.drop()

    def run(self):
        try:
            self.device.power_on(self.from_device, time.monotonic())
            while not self.ending:
                if self.attributes is None:
                    self.connect()
                else:
                    self.turn()
        except Exception:
            traceback.print_exc()
            raise

    def connect(self):
        try:
            self.attributes = l2cap.connect(self.address, self.gateway)
            self.discover()
        except OSError as error:
            print(f"{self.device.name}: {error}", file=sys.stderr)
            self.drop()
            return
        self.links += 1
        self.held = b""
        self.left = self.cut_after() if self.cut_after else None

    def drop(self):
        for link in (self.channel, self.attributes):
            if link:
                link.close()
        self.channel = self.attributes = None
        if not self.ending:
            time.sleep(AGAIN)  # as long as a device is out of reach

    # Ferry's service.

    def ask(self, request, answer):
        self.attributes.send(request)
        while True:
            packet = self.attributes.recv(1024)
            if not packet or packet[0] == 0x01:
                raise OSError(f"{request.hex()} is answered by {packet.hex()}")
            if packet[0] == answer:
                return packet[1:]

    def discover(self):
        mtu = struct.unpack("<H", self.ask(struct.pack("<BH", 0x02, MTU), 0x03))[0]
        self.mtu = min(MTU, mtu)
        first, last = struct.unpack_from("<HH", self.ask(struct.pack("<BHHH", 0x06, 1, 0xFFFF, 0x2800) + SERVICE, 0x07))
        found = self.ask(struct.pack("<BHHH", 0x08, first, last, 0x2803), 0x09)
        handles = {found[at + 5:at + 21]: struct.unpack_from("<H", found, at + 3)[0]
                   for at in range(1, len(found), found[0])}
        if self.by_channel:
            psm = struct.unpack("<H", self.ask(struct.pack("<BH", 0x0A, handles[CHANNEL]), 0x0B))[0]
            self.channel = l2cap.connect(self.address, self.gateway, psm)
            return
        self.handle = handles[PACKETS]
        self.ask(struct.pack("<BHH", 0x12, self.handle + 1, 1), 0x13)

    # Packets.

    def turn(self):
        due = self.device.next_due()
        wait = LONGEST_WAIT if due is None else min(LONGEST_WAIT, max(0.0, due - time.monotonic()))
        ready, _, _ = select.select([link for link in (self.channel, self.attributes) if link], [], [], wait)
        try:
            for link in ready:
                packet = link.recv(4096)
                if not packet:
                    raise OSError("the gateway ended the link")
                if link is self.channel:
                    self.take(packet)
                elif packet[0] == 0x1B and not self.channel:
                    self.take(packet[3:])
        except OSError:
            self.drop()
            return
        if self.left is not None and self.left <= 0:
            self.losses += 1
            self.drop()
            return
        self.device.tick(time.monotonic())

    def take(self, piece):
        self.received += len(piece)
        if self.left is not None:
            self.left -= len(piece)
        self.held += piece
        while len(self.held) >= 8 and len(self.held) >= 8 + int.from_bytes(self.held[2:4], "big"):
            size = 8 + int.from_bytes(self.held[2:4], "big")
            packet, self.held = self.held[:size], self.held[size:]
            self.device.receive(smp.frame(packet), time.monotonic())

    def from_device(self, data, when):
        for packet in self.deframer.feed(data):
            if self.attributes is None:
                continue
            if self.channel:
                most = l2cap.most_sent(self.channel)
                pieces = [packet[at:at + most] for at in range(0, len(packet), most)]
            else:
                head = struct.pack("<BH", 0x52, self.handle)
                pieces = [head + packet[at:at + self.mtu - 3] for at in range(0, len(packet), self.mtu - 3)]
            try:
                for piece in pieces:
                    (self.channel or self.attributes).send(piece)
            except OSError:
                return  # seen when it is read
