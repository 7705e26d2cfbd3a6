"""An SMP server with the file-system group, as packets: what a device asks it by. Refusals are worded as the gateway
words them, by the group's own numbers."""
from ferry_ota import minicbor, smp


class SmpServer:
    """Serves `names`: {name: bytes}. `block`: bytes in an answer. `change(command, question, values)` may change what
    an answer says. `asked`: (command, name, offset) of each request."""

    def __init__(self, names, block=300):
        self.names = names
        self.block = block
        self.change = lambda command, question, values: values
        self.asked = []
        self.bound = {}  # what a name stood for when it was begun

    def answer(self, packet):
        packet = bytes(packet)
        assert packet[0] & 7 == 0 and packet[4] << 8 | packet[5] == smp.FILES, packet
        sequence, command = packet[6], packet[7]
        question = minicbor.decode_map(memoryview(packet)[8:])
        self.asked.append((command, question["name"], question.get("off", 0)))
        values = self.change(command, question, self.values(command, question["name"], question.get("off", 0)))
        return framed(sequence, command, values)

    def values(self, command, name, offset):
        data = self.names.get(name)
        if data is None:
            return refusal(3)
        if command == smp.STATUS:
            return (("len", len(data)),)
        if offset and self.bound.get(name, data) != data:
            return refusal(11)
        if offset > len(data):
            return refusal(12)
        self.bound[name] = data
        values = (("off", offset), ("data", data[offset:offset + self.block]))
        return values if offset else values + (("len", len(data)),)


def refusal(code):
    """The file-system group's: a map in a map, which minicbor has no need to encode otherwise."""
    return bytes((0xA1, 0x63)) + b"err" + bytes((0xA2, 0x62)) + b"rc" + bytes((code, 0x65)) + b"group\x08"


def framed(sequence, command, values):
    body = values if isinstance(values, bytes) else minicbor.encode(values)
    return bytes((9, 0, len(body) >> 8, len(body) & 0xFF, 0, smp.FILES, sequence, command)) + body
