"""Pulling over Bluetooth LE: finds the gateway by the service that it advertises, and asks it by SMP, over an L2CAP
channel where both ends have such channels, else over a characteristic.

Above, everything blocks; aioble below is made of coroutines. So each method runs one coroutine to its end, on a loop
that is kept from connect() to disconnect(): the only one there is under MicroPython, where other tasks run on while
this one waits; one of its own under CPython. Hence not to be called by a coroutine that this loop runs."""
import sys

from .ble_carrier import Packets, open_channel, subscribe
from .clock import Deadline, sleep_ms
from .errors import LinkError, OtaError, ProtocolError, SmpError
from .smp_pull import SmpPull

SERVICE = "b7a50001-4f1c-4c7e-9b0a-3d6e5f8c2a10"
PACKETS = "b7a50002-4f1c-4c7e-9b0a-3d6e5f8c2a10"  # written without response, notified
PSM = "b7a50003-4f1c-4c7e-9b0a-3d6e5f8c2a10"      # read: the channel's number, two bytes, little-endian; 0 is none
_SCAN_MS = 4000
_SCAN_US = 30_000    # the radio listens all the time
_ATTEMPT_MS = 10_000
_LEAVE_MS = 2000
_PAUSE_MS = 50


class BlePull(SmpPull):
    """`aioble`: the module, or an object of its shape, which may have a class `UUID` of its own; None imports the
    module. `address`: the only gateway to go to, as aioble's addr_hex() writes it; None takes any. `packet`: bytes of
    the longest answer that fits; a longer one is refused. `timeout_ms`: how long an answer may take, and `connect_ms`
    how long it may take to find a gateway and connect. `loop`: what runs coroutines: run_until_complete(), close()."""

    def __init__(self, aioble=None, address=None, packet=2048, timeout_ms=5000, connect_ms=30_000, loop=None):
        self._aioble = aioble
        self._address = address and address.lower()
        self._longest = packet
        self._packets = Packets(packet)
        self._timeout_ms = timeout_ms
        self._connect_ms = connect_ms
        self._given = self._loop = loop
        self._connection = None
        self._carrier = None  # None also while something is under way: what is interrupted is not gone on with

    # What OTA calls.

    def connect(self):
        """The radio is on from here on."""
        if self._aioble is None:
            import aioble
            self._aioble = aioble
        deadline = Deadline(self._connect_ms)
        failed = None
        while True:
            failed, why = self._run(self._connect(failed, deadline))
            if why is None:
                return
            if deadline.over():
                raise LinkError("no gateway over BLE: %s" % why)
            sleep_ms(_PAUSE_MS)

    def disconnect(self):
        """Leaves the radio on, since others may use it: aioble.stop() turns it off."""
        if self._loop is None:
            return
        self._run(self._leave())
        self._loop.close()
        self._loop = self._given

    def open(self, name, offset, tag):
        if self._carrier is None:
            self.connect()
        return super().open(name, offset, tag)

    def exchange(self, packet, command, name):
        return self._run(self._exchange(packet, command, name))

    def _run(self, coroutine):
        if self._loop is None:
            self._loop = _loop()
        return self._loop.run_until_complete(coroutine)

    # Connecting.

    async def _connect(self, failed, deadline):
        """One attempt: (the gateway that was tried, why that failed)."""
        await self._leave()
        try:
            device = await self._find(failed, deadline)
            if device is None:
                return None, "none advertises itself"
            failed = device
            await self._attach(device, min(_ATTEMPT_MS, deadline.left()))
        except Exception as error:  # whatever the stack raises, a further attempt may succeed
            await self._leave()
            return failed, _words(error)
        return device, None

    async def _find(self, failed, deadline):
        """The first gateway that is heard of; the one that failed before only if there is no other."""
        found = None
        scan = self._aioble.scan(min(_SCAN_MS, deadline.left()), interval_us=_SCAN_US, window_us=_SCAN_US, active=True)
        async with scan as results:
            async for result in results:
                if self._is_gateway(result):
                    found = result.device
                    if failed is None or not found == failed:
                        break
                if deadline.over():
                    break
        return found

    def _is_gateway(self, result):
        if self._address is not None and result.device.addr_hex() != self._address:
            return False
        wanted = self._uuid(SERVICE)
        try:
            for uuid in result.services():
                if uuid == wanted:
                    return True
        except Exception:  # aioble reads on where an advertisement lies about its lengths
            pass
        return False

    def _uuid(self, text):
        if hasattr(self._aioble, "UUID"):
            return self._aioble.UUID(text)
        import bluetooth
        return bluetooth.UUID(text)

    async def _attach(self, device, limit):
        self._connection = connection = await device.connect(timeout_ms=limit)
        self._packets.begin()
        with connection.timeout(limit):  # aioble's discovery has no end of its own when the link is lost
            service = await connection.service(self._uuid(SERVICE))
            if service is None:
                raise ProtocolError("a gateway without the service that it advertises")
            packets = await service.characteristic(self._uuid(PACKETS))
            psm = await self._psm(await service.characteristic(self._uuid(PSM)))
            carrier = await open_channel(connection, psm, self._packets)
            if carrier is None:
                if packets is None:
                    raise ProtocolError("a gateway without channel and characteristic")
                carrier = await subscribe(connection, packets, self._packets, self._longest)
        self._carrier = carrier

    async def _psm(self, characteristic):
        if characteristic is None:
            return 0
        value = await characteristic.read(timeout_ms=_LEAVE_MS)
        return value[0] | value[1] << 8 if len(value) == 2 else 0

    async def _leave(self):
        connection, self._connection, self._carrier = self._connection, None, None
        if connection is not None:
            try:
                await connection.disconnect(timeout_ms=_LEAVE_MS)
            except Exception:  # it is given up, however it ends
                pass

    # Asking.

    async def _exchange(self, packet, command, name):
        """A connection loses nothing by itself: what is not answered in time, or wrongly, ends it, and the next
        open() begins another."""
        carrier, self._carrier = self._carrier, None
        if carrier is None:
            raise LinkError("not connected: " + name)
        deadline = Deadline(self._timeout_ms)
        try:
            values = None
            await carrier.send(packet, deadline)
            while values is None:
                values = self.answer(await carrier.receive(deadline), command, name)
        except SmpError:
            self._carrier = carrier
            raise
        except OtaError:
            await self._leave()
            raise
        except Exception as error:
            await self._leave()
            raise LinkError("BLE, %s: %s" % (name, _words(error))) from None
        self._carrier = carrier
        return values


def _words(error):
    text = str(error)
    name = type(error).__name__
    return "%s: %s" % (name, text) if text else name


def _loop():
    try:
        import asyncio
    except ImportError:
        import uasyncio as asyncio  # MicroPython 1.20
    if sys.implementation.name == "micropython":
        return asyncio.get_event_loop()
    return asyncio.new_event_loop()
