#!/usr/bin/python3
"""The wire in virtual time: its pace to the byte, and faults that a seed decides."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from serial_wire import KINDS, Faults, Wire  # noqa: E402

STREAM = b"".join(b"%06d" % number * 20 + b"\n" for number in range(1000))


def through(stream, cut, seed="1", **faults):
    """What comes out of a wire into which `stream` goes in pieces of `cut` bytes."""
    wire = Wire(115200, Faults(seed, **faults))
    for at in range(0, len(stream), cut):
        wire.push(stream[at:at + cut], 0.0)
    return b"".join(data for _, data in wire.take(1e6)), wire


class Pace(unittest.TestCase):
    def test_ten_bits_a_byte(self):
        wire = Wire(9600)
        wire.push(bytes(960), 5.0)
        self.assertEqual(wire.take(5.0), [])
        self.assertEqual(sum(len(data) for _, data in wire.take(5.5)), 480)
        self.assertEqual(wire.take(5.5), [])
        rest = wire.take(100.0)
        self.assertEqual(sum(len(data) for _, data in rest), 480)
        self.assertAlmostEqual(rest[-1][0], 6.0)
        self.assertLessEqual(max(len(data) for _, data in rest), 64)

    def test_bytes_follow_without_a_gap_and_only_while_there_are_some(self):
        wire = Wire(1000)
        wire.push(b"a" * 10, 0.0)
        wire.push(b"b" * 10, 0.05)
        wire.push(b"c", 1.0)
        times = {data: round(when, 6) for when, data in wire.take(9.0)}
        self.assertEqual(times, {b"a" * 10: 0.1, b"b" * 10: 0.2, b"c": 1.01})

    def test_lines_come_out_each_at_its_time(self):
        wire = Wire(1000)
        wire.push(b"one\ntwo\nrest", 0.0)
        self.assertAlmostEqual(wire.next_due(), 0.04)
        self.assertEqual([(round(when, 6), data) for when, data in wire.take(1.0)],
                         [(0.04, b"one\n"), (0.08, b"two\n"), (0.12, b"rest")])
        self.assertIsNone(wire.next_due())

    def test_room(self):
        wire = Wire(1000, capacity=100)
        wire.push(bytes(100), 0.0)
        self.assertEqual(wire.room(0.0), 0)
        self.assertEqual(wire.room(0.5), 50)
        self.assertEqual(wire.room(2.0), 100)

    def test_a_delay_holds_what_follows(self):
        wire = Wire(1000, Faults(1, delay=1.0, delay_seconds=0.5))
        wire.push(b"ab", 0.0)
        self.assertEqual([(round(when, 6), data) for when, data in wire.take(9.0)], [(0.51, b"a"), (1.02, b"b")])

    def test_what_is_lost_takes_its_time(self):
        for fault in ("drop", "lose_line"):
            wire = Wire(1000, Faults(1, **{fault: 1.0}))
            wire.push(b"lost\n", 0.0)
            wire.faults = Faults(1)
            wire.push(b"x", 0.0)
            self.assertEqual([(round(when, 6), data) for when, data in wire.take(9.0)], [(0.06, b"x")])


class Seeds(unittest.TestCase):
    ALL = {"flip": 1 / 1000, "drop": 1 / 1500, "duplicate": 1 / 1500, "delay": 1 / 5000, "lose_line": 1 / 100}

    def test_a_seed_decides_however_the_writes_were_cut(self):
        whole, wire = through(STREAM, len(STREAM), **self.ALL)
        for cut in (1, 7, 121, 4096):
            pieces, other = through(STREAM, cut, **self.ALL)
            self.assertEqual(pieces, whole)
            self.assertEqual(other.faults.counts, wire.faults.counts)
            self.assertAlmostEqual(other.free_at, wire.free_at)
        self.assertNotEqual(through(STREAM, len(STREAM), seed="2", **self.ALL)[0], whole)

    def test_as_many_faults_as_asked_for(self):
        for kind in KINDS:
            _, wire = through(STREAM, 4096, **{kind: 1 / 500})
            self.assertAlmostEqual(wire.faults.counts[kind], len(STREAM) / 500, delta=len(STREAM) / 500 / 4)
        _, wire = through(STREAM, 4096, lose_line=1 / 20)
        self.assertAlmostEqual(wire.faults.counts["lose_line"], 50, delta=25)

    def test_what_each_fault_does(self):
        flipped, wire = through(STREAM, 4096, flip=1 / 1000)
        wrong = [a ^ b for a, b in zip(flipped, STREAM) if a != b]
        self.assertEqual(len(flipped), len(STREAM))
        self.assertEqual(len(wrong), wire.faults.counts["flip"])
        self.assertTrue(all(bits.bit_count() == 1 for bits in wrong))
        dropped, wire = through(STREAM, 4096, drop=1 / 1000)
        self.assertEqual(len(STREAM) - len(dropped), wire.faults.counts["drop"])
        doubled, wire = through(STREAM, 4096, duplicate=1 / 1000)
        self.assertEqual(len(doubled) - len(STREAM), wire.faults.counts["duplicate"])
        lines, wire = through(STREAM, 4096, lose_line=1 / 10)
        left = lines.splitlines()
        self.assertEqual(len(left), 1000 - wire.faults.counts["lose_line"])
        self.assertTrue(set(left) < set(STREAM.splitlines()))

    def test_without_faults_nothing_changes(self):
        self.assertEqual(through(STREAM, 1000)[0], STREAM)


if __name__ == "__main__":
    unittest.main()
