"""Brings one file from the gateway to its stage: goes on where a cut link or a restart left off, begins afresh when the
file has changed, and lets nothing through whose hash is wrong."""
from .clock import sleep_ms
from .errors import HashError, LinkError, OtaError, ProtocolError, RangeError, SizeError, SpaceError

_FULL = 28  # ENOSPC
_RESERVE = 8 * 1024  # bytes left free for the journal
_LONGEST_PAUSE = 30_000


class Fetcher:
    """`view`: the buffer that every byte goes through. `tries`: attempts in a row that may bring less than a buffer
    full. `pause_ms`: before the second attempt; doubled before each further one."""

    def __init__(self, transport, view, tries, pause_ms):
        self._transport = transport
        self._view = view
        self._tries = tries
        self._pause_ms = pause_ms

    def fetch(self, name, stage, limit, hash_text):
        """Leaves the file accepted in its stage. A wrong hash is believed when it comes twice."""
        stage.load()
        for _ in range(2):
            self.whole(name, stage, limit)
            if stage.digest(len(hash_text), self._view) == hash_text:
                stage.accept()
                return
            stage.discard()
        raise HashError("%s is not what the manifest announced" % name)

    def whole(self, name, stage, limit):
        """Gathers all of the file, unverified. The stage is closed afterwards, whatever happens."""
        failures, mark = 0, stage.length
        while not stage.complete():
            try:
                self._attempt(name, stage, limit)
                return
            except OtaError as error:
                if not error.retry:
                    raise
                # Progress is a buffer full more than ever before: a server that begins at 0 each time makes none.
                failures += 1
                if stage.length >= mark + len(self._view):
                    failures, mark = 0, stage.length
                if failures >= self._tries:
                    raise
            except OSError as error:
                if error.args[0] != _FULL:
                    raise
                stage.discard()
                raise SpaceError("%s: the file system is full" % name) from None
            if failures:
                sleep_ms(min(self._pause_ms << (failures - 1), _LONGEST_PAUSE))

    def _attempt(self, name, stage, limit):
        try:
            body = self._transport.open(name, stage.length, stage.tag)
        except RangeError as error:
            # The end was reached before the link was cut, or the file is another one, and shorter.
            if stage.length and error.total == stage.length:
                return
            stage.discard()
            raise
        try:
            self._begin(name, body, stage, limit)
            self._copy(name, body, stage, limit)
        finally:
            body.close()
            stage.close()
        if stage.total is not None and stage.length < stage.total:
            raise LinkError("%s ended %d bytes early" % (name, stage.total - stage.length))

    def _begin(self, name, body, stage, limit):
        if body.start == 0:
            stage.restart(body.total, body.tag)
        elif body.start != stage.length or body.total is not None and stage.total not in (None, body.total):
            stage.discard()
            raise ProtocolError("%s: another part than was asked for" % name)
        if stage.total is None:
            return
        if stage.total > limit:
            total = stage.total
            stage.discard()
            raise SizeError("%s has %d bytes, more than the %d allowed" % (name, total, limit))
        free = stage.free()
        if free is not None and stage.total - stage.length + _RESERVE > free:
            raise SpaceError("%s has %d bytes, and %d are free" % (name, stage.total, free))

    def _copy(self, name, body, stage, limit):
        view, size = self._view, len(self._view)
        count = body.readinto(view)
        while count:
            if stage.length + count > limit:
                stage.discard()
                raise SizeError("%s has more than the %d bytes allowed" % (name, limit))
            stage.append(view if count == size else view[:count])
            count = body.readinto(view)
