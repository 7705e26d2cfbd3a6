"""A device that gets a file by AWS IoT's MQTT-based file delivery, in JSON or CBOR: it asks for the blocks it lacks by a
bitmap, eight at a time. Written from AWS's guide."""
import base64
import binascii
import json
import threading

import cbor

WINDOW = 8


class Downloader:
    def __init__(self, client, thing, stream, form, block):
        self.thing, self.stream, self.form, self.block = thing, stream, form, block
        self.size = None
        self.blocks = {}
        self.received = 0  # blocks, repeated ones as well
        self._asked = 0
        self._heard = threading.Condition()
        self._answers = []
        self.connect(client)

    def connect(self, client):
        self.client = client
        client.set_callback(self._take)
        client.connect()
        client.subscribe(f"$aws/things/{self.thing}/streams/#")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self):
        self.client.disconnect()
        self._thread.join()

    def _run(self):
        try:
            while True:
                self.client.wait_msg()
        except (OSError, ValueError):
            pass

    def _take(self, topic, data):
        verb = topic.split("/")[5]
        if verb in ("get", "describe"):
            return  # its own
        message = json.loads(data) if self.form == "json" else cbor.decode(data)
        with self._heard:
            if verb == "data":
                payload = message["p"]
                self.blocks[message["i"]] = base64.b64decode(payload) if self.form == "json" else payload
                self.received += 1
            else:
                self._answers.append((verb, message))
            self._heard.notify_all()

    def _publish(self, verb, question):
        text = json.dumps(question).encode() if self.form == "json" else cbor.encode(question)
        self.client.publish(f"$aws/things/{self.thing}/streams/{self.stream}/{verb}/{self.form}", text)

    def _answer(self, verb, question):
        self._asked += 1
        token = f"c{self._asked}"
        self._publish(verb, {"c": token, **question})
        fits = lambda: [(v, m) for v, m in self._answers if m.get("c") == token]  # noqa: E731
        with self._heard:
            assert self._heard.wait_for(fits, 60), f"{verb} is not answered"
            return fits()[0]

    def describe(self):
        verb, description = self._answer("describe", {})
        assert verb == "description", description
        self.size = description["r"][0]["z"]
        return description

    def refusal_of(self, **question):
        verb, message = self._answer("get", question)
        assert verb == "rejected", message
        return message["o"]

    def drop(self, *blocks):
        for block in blocks:
            del self.blocks[block]

    def ask_on(self, upto=None):
        """Asks for the next blocks that are missing, and waits for them; True when there are none."""
        count = -(-self.size // self.block)
        missing = [i for i in range(upto if upto is not None else count) if i not in self.blocks]
        if not missing:
            return True
        wanted = missing[:WINDOW]
        first = wanted[0]
        bitmap = sum(1 << (i - first) for i in wanted)
        data = bitmap.to_bytes((bitmap.bit_length() + 7) // 8, "little")
        self._publish("get", {"s": 1, "f": 0, "l": self.block, "o": first, "n": len(wanted),
                              "b": "0x" + binascii.hexlify(data).decode() if self.form == "json" else data})
        with self._heard:
            self._heard.wait_for(lambda: all(i in self.blocks for i in wanted), 5)
        return False

    def content(self):
        return b"".join(self.blocks[i] for i in sorted(self.blocks))
