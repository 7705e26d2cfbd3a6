"""Devices that are told what to do, played by a test over the transport `puppet`, with the two slots of MCUboot."""
import hashlib
import socket
import struct

from gateway import TIME_LIMIT

# As in transports/transport.h.
TRANSFERRED, FAILED, ACTIVATED, CONFIRMED, LOST, BUSY, REFUSED_IMAGE = range(1, 8)


def mcuboot_image(body):
    """(content, the name that devices give it)."""
    hashed = struct.pack("<IIHHIIBBHII", 0x96f3b83d, 0, 32, 0, len(body), 0, 1, 0, 0, 0, 0) + body
    digest = hashlib.sha256(hashed).digest()
    return hashed + struct.pack("<HHHH", 0x6907, 40, 0x10, 32) + digest, digest.hex()


class Step:
    """What a device is to do: kind, delivery, version, length, acknowledged, image."""

    def __init__(self, words):
        self.kind, delivery, self.version, length, acknowledged, self.image = words
        self.delivery, self.length, self.acknowledged = int(delivery), int(length), int(acknowledged)


class Strings:
    """A connection to the plugin; the devices hang on it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), TIME_LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("r", encoding="ascii")
        self.changed = 0      # times that devices were said to ask again
        self.cancelled = []   # deliveries whose step shall end

    def close(self):
        self.lines.close()
        self.socket.close()

    def say(self, *words):
        self.socket.sendall((" ".join(str(word) if word != "" else "-" for word in words) + "\n").encode())

    def _note(self):
        line = self.lines.readline()
        assert line, "the transport has gone"
        words = line.split()
        if words[0] == "changed":
            self.changed += 1
        elif words[0] == "cancel":
            self.cancelled.append(int(words[1]))
        return words

    def answer(self, *verbs):
        """The next line that begins with one of the verbs; what the transport says by itself is noted."""
        while (words := self._note())[0] not in verbs:
            pass
        return words

    def wait_for_change(self, since=None):
        """Until devices were said to ask again, after `changed` was `since`: by default from now on."""
        since = self.changed if since is None else since
        while self.changed == since:
            self._note()

    def wait_for_cancel(self):
        while not self.cancelled:
            self._note()
        return self.cancelled.pop()


class Puppet:
    def __init__(self, name, product="pump", version="1.0", image="00", battery=-1):
        self.name, self.product, self.version, self.battery = name, product, version, battery
        self.image, self.staged, self.state = image, "", "confirmed"
        self.received = b""

    def ask(self, strings):
        """The step that it is told, or None."""
        strings.say("ask", self.name, self.product, self.version, self.image, self.staged, self.state, self.battery)
        words = strings.answer("step", "nothing")
        assert words[1] == self.name, words
        return Step(words[2:]) if words[0] == "step" else None

    def wait_for_step(self, strings):
        """Asks, and again whenever devices are said to, until it is told something."""
        while True:
            before = strings.changed
            if step := self.ask(strings):
                return step
            strings.wait_for_change(before)

    def end(self, strings, outcome, detail="as it was"):
        strings.say("outcome", self.name, outcome, detail)
        words = strings.answer("done")
        assert words == ["done", self.name, "0"], words

    def fetch(self, strings, step, until=None, piece=1024):
        """Takes the bytes from where it stopped."""
        while len(self.received) < (until or step.length):
            size = min(piece, step.length - len(self.received))
            strings.say("read", self.name, len(self.received), size)
            content = bytes.fromhex(strings.answer("bytes")[2])
            strings.say("progress", self.name, len(self.received), size)
            self.received += content

    def obey(self, strings):
        """Does one step; gives its kind, None when there is none."""
        step = self.ask(strings)
        if step is None:
            return None
        return self.take(strings, step)

    def take(self, strings, step):
        """Does that step; gives its kind."""
        if step.kind == "transfer":
            self.fetch(strings, step)
            self.staged, outcome = step.image, TRANSFERRED
        elif step.kind == "activate":
            outcome = ACTIVATED
        else:
            self.state, outcome = "confirmed", CONFIRMED
        self.end(strings, outcome)
        if outcome == ACTIVATED:
            self.image, self.staged, self.state = self.staged, self.image, "on_trial"
        return step.kind
