"""Pulling over Bluetooth LE, by a channel and by a characteristic, from gateways that lose the link, lie, or are none."""
import asyncio

import ferry_ota
from cases_update import raised
from emulated_aioble import Aioble, Gateway, Loop
from emulated_files import EmulatedFiles, PowerCut
from emulated_gateway import FOLDERS, IMAGE, NEW, OLD, WORK, MemoryFirmware, device, release
from emulated_smp import framed
from ferry_ota import ble, errors
from ferry_ota.ble import BlePull
from ferry_ota.ble_carrier import Arrived

CHANNEL = 0x80
WAYS = (CHANNEL, 0)  # the PSM; 0: the characteristic
LARGE = bytes(range(256)) * 20
OTHER = LARGE[7:] + LARGE[:7]


def gateway(psm, names=None, **options):
    return Gateway(release(image=IMAGE).names if names is None else names, psm, **options)


def link(*gateways, missing=None, loop=None, **options):
    options.setdefault("timeout_ms", 60_000)  # nothing that comes is ever that late
    return BlePull(Aioble(*gateways, missing=missing), loop=loop or Loop(), **options)


def old_device():
    return EmulatedFiles(content=OLD, folders=FOLDERS)


def updated(transport, files=None):
    """Runs a whole update, and gives what the next start finds."""
    files, firmware = files or old_device(), MemoryFirmware()
    assert device(transport, files, firmware).update() == ferry_ota.INSTALLED
    assert files.content(WORK) == NEW and firmware.images["new"] == IMAGE
    ota = device(transport, files.rebooted(), firmware)
    assert ota.boot() == ferry_ota.TRIAL and ota.confirm()
    assert ota.update() == ferry_ota.CURRENT


def read(transport, name, offset=0):
    body = transport.open(name, offset, "")
    assert body.start == offset
    data, view = bytearray(), memoryview(bytearray(100))
    count = body.readinto(view)
    while count:
        data.extend(view[:count])
        count = body.readinto(view)
    assert body.total == offset + len(data)
    return bytes(data)


def refused(kind, far, packet=2048, timeout_ms=60_000, **options):
    """The error that the first question ends in; the next one, to a gateway that behaves, is answered."""
    transport = link(far, packet=packet, timeout_ms=timeout_ms, **options)
    words = raised(kind, transport.open, "/large", 0, "")
    far.answers = None
    transport._timeout_ms = 60_000
    assert read(transport, "/large") == LARGE
    assert far.connects == 2
    return words


def test_update_over_a_channel():
    for block, sdu, packet in ((300, 512, 2048), (40, 23, 128), (1900, 64, 1950)):
        far = gateway(CHANNEL, block=block, sdu=sdu)
        updated(link(far, packet=packet))
        assert set(far.carriers) == {"channel"} and far.connects == 2, far.carriers
        blocks = [question for question in far.server.asked if question[0] == 0]
        assert len(blocks) == len(set(blocks))
        yield


def test_update_over_a_characteristic():
    """Long answers take many notifications, of which aioble by itself keeps one."""
    for block, mtu, packet in ((300, 185, 2048), (40, 23, 128), (1900, 23, 1950), (1900, 517, 1950)):
        far = gateway(0, block=block, mtu=mtu)
        updated(link(far, packet=packet))
        assert set(far.carriers) == {"characteristic"} and far.connects == 2, far.carriers
        blocks = [question for question in far.server.asked if question[0] == 0]
        assert len(blocks) == len(set(blocks))
        yield


def test_without_a_channel_the_characteristic():
    for missing in (ImportError("no module named 'aioble.l2cap'"), AttributeError("l2cap_connect"), OSError(95)):
        far = gateway(CHANNEL)
        updated(link(far, missing=missing))
        assert set(far.carriers) == {"characteristic"} and far.connects == 2
        yield
    far = gateway(CHANNEL)
    far.accepts_channel = False
    updated(link(far))
    assert set(far.carriers) == {"characteristic"}
    yield
    for psm in (0, 0x100, 0xFFFF, b"", b"\x80", b"\x80\x00\x00"):
        far = gateway(psm)
        updated(link(far))
        assert set(far.carriers) == {"characteristic"}
        yield
    far = gateway(CHANNEL)
    far.has = (ble.PACKETS,)
    updated(link(far))
    assert set(far.carriers) == {"characteristic"}
    yield
    far.has = (ble.PSM,)
    updated(link(far))
    assert far.carriers[-1] == "channel"


def test_mtu_that_is_told_twice_or_makes_no_sense():
    for mtu in (OSError(114), 0, 1, 22):
        far = gateway(0, mtu=mtu)
        updated(link(far))
        yield


def test_link_lost_again_and_again():
    """It goes on where it was: at most the block that was on its way is asked for once more."""
    for psm in WAYS:
        for every in (353, 401, 500, 777, 1500):
            far = gateway(psm)
            far.cut(every)
            updated(link(far))
            blocks = [question for question in far.server.asked if question[0] == 0]
            assert far.lost and len(blocks) - len(set(blocks)) <= far.lost, (psm, every, far.lost)
            yield


def test_link_lost_at_every_place_of_an_answer():
    for psm in WAYS:
        for after in range(0, 700, 7):
            far = gateway(psm, names={"/large": LARGE})
            transport = link(far)
            transport.connect()
            far.cut(after, 1)
            stopped = raised(errors.LinkError, read, transport, "/large")
            assert far.lost == 1 and "/large" in stopped, stopped
            assert read(transport, "/large", 300) == LARGE[300:]
            assert far.connects == 2
        yield


def test_a_device_that_restarts_goes_on_where_it_was():
    for psm in WAYS:
        far, files = gateway(psm), old_device()
        far.cut(2000, 1)
        connect = Gateway.arrives
        far.arrives = lambda piece: connect(far, piece) and not far.lost
        raised(errors.LinkError, device(link(far), files, MemoryFirmware()).update)
        del far.arrives
        before = len(far.server.asked)
        updated(link(far), files.rebooted())
        resumed = [offset for command, name, offset in far.server.asked[before:] if command == 0 and offset]
        assert min(resumed) >= 200, resumed
        yield


def test_a_file_that_becomes_another():
    for psm in WAYS:
        far = gateway(psm, names={"/large": LARGE})
        transport = link(far)
        body = transport.open("/large", 0, "")
        far.server.names["/large"] = OTHER
        view = memoryview(bytearray(300))
        assert body.readinto(view) == 300
        assert "another" in raised(errors.LinkError, body.readinto, view)
        body = transport.open("/large", 300, "")
        assert body.start == 0 and body.readinto(view) == 300 and bytes(view) == OTHER[:300]
        assert far.connects == 1


def test_refusals_leave_the_link():
    for psm in WAYS:
        far = gateway(psm, names={"/large": LARGE})
        transport = link(far)
        assert "404" in raised(errors.HttpError, transport.open, "/none", 0, "")
        far.server.change = lambda command, question, values: (("rc", 11),)
        assert "denied" in raised(errors.SmpError, transport.open, "/large", 0, "")
        far.server.change = lambda command, question, values: values
        assert read(transport, "/large", 100) == LARGE[100:]
        for offset in (len(LARGE), len(LARGE) + 1):
            raised(errors.RangeError, transport.open, "/large", offset, "")
        assert far.connects == 1
        transport.disconnect()
        assert read(transport, "/large") == LARGE and far.connects == 2


def test_a_length_that_does_not_fit():
    for psm in WAYS:
        for size in (2041, 0xFFFF):
            far = gateway(psm, names={"/large": LARGE})
            far.answers = lambda answer: [bytes((9, 0, size >> 8, size & 0xFF)) + answer[4:8], bytes(500)]
            assert "%d" % (size + 8) in refused(errors.ProtocolError, far)
        far = gateway(psm, names={"/large": LARGE}, block=300)
        far.answers = lambda answer: [answer]
        far.server.block = 2100
        transport = link(far)
        raised(errors.ProtocolError, transport.open, "/large", 0, "")


def test_answers_to_what_was_not_asked():
    """Of another number, command, group or operation: passed over; and the right one among them is taken."""
    for psm in WAYS:
        for position, change in ((0, 2), (5, 1), (6, 1), (7, 1)):
            def other(answer):
                changed = bytearray(answer)
                changed[position] ^= change
                return bytes(changed)
            far = gateway(psm, names={"/large": LARGE}, block=40)
            far.answers = lambda answer: [other(answer), answer]
            assert read(link(far), "/large") == LARGE
            far.connects = 0
            far.answers = lambda answer: [other(answer)]
            assert "/large" in refused(errors.LinkError, far)
            yield


def test_pieces_of_any_size():
    for psm in WAYS:
        for cut in (1, 7, 8, 9, 50):
            far = gateway(psm, names={"/large": LARGE[:3000]}, block=90)
            stray = framed(0, 1, (("len", 7),))

            def pieces(answer):
                both = stray + answer + stray
                return [both[at:at + cut] for at in range(0, len(both), cut)]
            far.answers = pieces
            transport = link(far)
            first = transport.open("/large", 0, "")
            assert first.total == 3000
            yield


def test_what_never_ends():
    """Whatever comes without end is ended by time, or as more than was asked for."""
    def forever(piece):
        while True:
            yield piece
    for psm in WAYS:
        for piece in (b"", b"\x00", bytes(8), framed(0, 1, (("len", 7),)), bytes(100), b"\xff" * 20):
            far = gateway(psm, names={"/large": LARGE})
            far.answers = lambda answer: forever(piece)
            refused(errors.OtaError, far, timeout_ms=200)
            yield


def test_more_notifications_than_asked_for():
    arrived = Arrived(3)
    for number in range(3):
        arrived.append(bytes((number,)))
    assert not arrived.overrun and not len(arrived)
    arrived.append(b"x")
    assert arrived.overrun
    assert [arrived.popleft() for _ in range(4)] == [b"\x00", b"\x01", b"\x02", None]

    far = gateway(0, names={"/large": LARGE})
    transport = link(far, packet=400)
    far.answers = lambda answer: [framed(0, 1, ())] * 300 + [answer]
    assert transport.open("/large", 0, "").total == len(LARGE)  # as fast as they come they are taken

    def burst(characteristic):
        for _ in range(300):
            characteristic._notify_queue.append(b"x")
    burst(transport._carrier._characteristic)
    assert "more notifications" in raised(errors.ProtocolError, transport.open, "/large", 0, "")


def test_garbage():
    seed = 99
    for psm in WAYS:
        for _ in range(100):
            pieces = []
            for _ in range(6):
                piece = bytearray()
                for _ in range(seed % 40):
                    seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
                    piece.append(seed >> 16 & 0xFF)
                pieces.append(bytes(piece))
                seed = (seed * 1103515245 + 12345) & 0x3FFFFFFF
            far = gateway(psm, names={"/large": LARGE})
            far.answers = lambda answer: [answer[:4] + pieces[0], ] + pieces
            refused(errors.OtaError, far)
            yield


def test_nobody_there():
    transport = link(connect_ms=20)
    assert "none advertises" in raised(errors.LinkError, transport.connect)
    quiet = gateway(CHANNEL)
    for services in ((), ("0000180a-0000-1000-8000-00805f9b34fb",), None):
        quiet.services = services
        assert "none advertises" in raised(errors.LinkError, link(quiet, connect_ms=20).connect)
    assert quiet.connects == 0


def test_gateways_that_are_none():
    """Each is left for one that is; and tried again when there is no other."""
    for spoilt, healed in (({"has_service": False}, {"has_service": True}), ({"has": ()}, {"has": (ble.PACKETS,)}),
                           ({"silent_discovery": True}, {"silent_discovery": False})):
        bad, good = gateway(CHANNEL), gateway(CHANNEL, address="0a:00:00:00:00:02")
        bad.change(spoilt)
        updated(link(bad, good))
        assert not bad.server.asked and good.server.asked
        yield
        bad.connects = 0
        bad.heals = (3, healed)
        updated(link(bad))
        assert bad.connects == 4 and bad.server.asked, bad.connects
        yield


def test_one_gateway_by_its_address():
    first, second = gateway(CHANNEL), gateway(CHANNEL, address="0a:00:00:00:00:02")
    updated(link(first, second, address="0A:00:00:00:00:02"))
    assert first.connects == 0
    assert "none advertises" in raised(errors.LinkError, link(first, address="0a:00:00:00:00:02", connect_ms=20).connect)


def test_what_is_interrupted_is_not_gone_on_with():
    for psm in WAYS:
        far = gateway(psm, names={"/large": LARGE})
        transport = link(far)
        transport.connect()

        def cut(answer):
            yield answer[:50]
            raise PowerCut()
        far.answers = cut
        raised(PowerCut, transport.open, "/large", 0, "")
        far.answers = None
        assert read(transport, "/large") == LARGE and far.connects == 2


def test_without_connect_a_question_is_refused():
    transport = link(gateway(CHANNEL))
    transport.disconnect()
    assert "not connected" in raised(errors.LinkError, transport.ask, 1, "/large", (("name", "/large"),))


if hasattr(asyncio, "run"):
    def test_on_the_loop_of_asyncio():
        """The one that MicroPython compiled to WebAssembly has is run by JavaScript alone."""
        for psm in WAYS:
            far = gateway(psm)
            updated(BlePull(Aioble(far)))
            assert far.connects == 2
