"""The journal: which phase an update is in, kept on flash so that a power cut at any byte leaves the state before or
the state after. It is written beside the old one and renamed over it; a checksum tells what is whole.

Phases: idle -> fetching -> staged -> backed -> installing -> trial -> cleaning -> idle; from installing and trial also
-> reverting -> cleaning. Staged: every file is here and right. Backed: so is what it replaces. Trial: the new code
runs and has not confirmed.
"""
import hashlib
import json
from binascii import hexlify

IDLE = "idle"
FETCHING = "fetching"
STAGED = "staged"
BACKED = "backed"
INSTALLING = "installing"
TRIAL = "trial"
REVERTING = "reverting"
CLEANING = "cleaning"

_LONGEST = 1024


class State:
    """`version`: what the device runs, or ran before the update. `next`: what it is updated to. `failed`: the version
    that was rolled back last, which is not taken again. `boots`: starts of the new code so far. `image`: what the
    firmware writer called the running image before the new one was activated. `damaged`: there was a journal, and no
    whole one."""

    FIELDS = ("phase", "version", "next", "failed", "boots", "image")

    def __init__(self, version):
        self.phase = IDLE
        self.version = version
        self.next = ""
        self.failed = ""
        self.boots = 0
        self.image = ""
        self.damaged = False


class Journal:
    def __init__(self, files, folder):
        self._files = files
        self._name = folder + "/state"
        self._new = folder + "/state.new"
        self._is_new_alone = False  # a power cut came between removing the old one and renaming the new one

    def load(self, version):
        """`version`: what the device runs when there is no journal yet."""
        state = State(version)
        for name in (self._name, self._new):
            text = self._files.read(name, _LONGEST)
            if text is None:
                continue
            if self._parse(text, state):
                state.damaged = False
                self._is_new_alone = name == self._new
                return state
            # A torn new one beside no old one means that nothing was ever written whole.
            state.damaged = state.damaged or name == self._name
        return state

    def save(self, state):
        if self._is_new_alone:
            self._files.replace(self._new, self._name)
            self._is_new_alone = False
        text = json.dumps([getattr(state, field) for field in State.FIELDS]).encode()
        self._files.write(self._new, text + b"\n" + _checksum(text) + b"\n")
        self._files.replace(self._new, self._name)

    @staticmethod
    def _parse(text, state):
        end = text.find(b"\n")
        if end < 0 or text[end + 1:] != _checksum(text[:end]) + b"\n":
            return False
        values = json.loads(text[:end])
        for position, field in enumerate(State.FIELDS):
            setattr(state, field, values[position])
        return True


def _checksum(text):
    return hexlify(hashlib.sha256(text).digest())
