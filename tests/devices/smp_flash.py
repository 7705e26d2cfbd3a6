"""The flash of a device with MCUboot: two slots, their flags, and what the bootloader does at a reset.

    flash = Flash(folder, running=image)       `folder` keeps it all, as below; None: in memory only
    flash.boot()                               {"version", "confirmed", "swapped", "reverted", "refused"}

A test image is swapped in once and swapped back at the next boot unless it was confirmed. An image whose hash does
not fit its bytes is not swapped in: it is erased. In the folder are bank0.bin and bank1.bin, and state.json, which
says which of them is slot 0; so a swap is one rename, and a device may be killed at any moment.
"""
import json
import pathlib

import mcuboot_image

DEFAULTS = {"pending": None, "confirmed": True, "boots": 0, "banks": [0, 1]}


class Flash:
    """`pending`: None, "test" or "permanent", for slot 1. `confirmed`: that slot 0 stays."""

    def __init__(self, folder=None, running=b"", slot_size=512 * 1024):
        self.folder = pathlib.Path(folder) if folder else None
        self.slot_size = slot_size
        self.slots = [bytearray(running), bytearray()]
        self.flags = dict(DEFAULTS)
        self.images = [None, None]
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.load()
        self.look(0)
        self.look(1)

    def load(self):
        """What lies in the folder wins over what the device was made with."""
        state = self.folder / "state.json"
        if state.exists():
            self.flags.update(json.loads(state.read_text()))
            self.slots = [bytearray(self.path(slot).read_bytes()) for slot in (0, 1)]
        else:
            self.keep_slot(0)
            self.keep_slot(1)
            self.keep_flags()

    def path(self, slot):
        return self.folder / f"bank{self.flags['banks'][slot]}.bin"

    def keep_slot(self, slot):
        if self.folder:
            made = self.folder / "bank.writing"
            made.write_bytes(self.slots[slot])
            made.rename(self.path(slot))

    def keep_flags(self):
        if self.folder:
            made = self.folder / "state.writing"
            made.write_text(json.dumps(self.flags))
            made.rename(self.folder / "state.json")

    def look(self, slot):
        self.images[slot] = mcuboot_image.read(self.slots[slot])
        return self.images[slot]

    # What an upload does.

    def erase(self, slot):
        self.slots[slot] = bytearray()
        self.images[slot] = None
        if slot == 1 and self.flags["pending"]:
            self.mark(None)
        self.keep_slot(slot)

    def write(self, slot, offset, data):
        content = self.slots[slot]
        content.extend(b"\xff" * (offset + len(data) - len(content)))
        content[offset:offset + len(data)] = data
        if self.folder:
            with open(self.path(slot), "r+b") as out:
                out.seek(offset)
                out.write(data)

    def corrupt(self, slot, where):
        """One bit of a whole image goes wrong: in its "hash" or in its "body"."""
        at = mcuboot_image.hash_at(self.slots[slot]) if where == "hash" else 64
        self.write(slot, at, bytes([self.slots[slot][at] ^ 1]))

    # The flags and the bootloader.

    def mark(self, pending):
        self.flags["pending"] = pending
        self.keep_flags()

    def confirm(self):
        self.flags["confirmed"] = True
        self.keep_flags()

    def swap(self):
        self.slots.reverse()
        self.images.reverse()
        self.flags["banks"] = self.flags["banks"][::-1]

    def boot(self):
        """What MCUboot does; says what came of it."""
        swapped = reverted = refused = False
        pending = self.flags["pending"]
        self.look(1)
        if pending and not (self.images[1] and self.images[1].valid):
            self.erase(1)
            refused = True
        elif pending:
            self.swap()
            swapped = True
            self.flags["confirmed"] = pending == "permanent"
        elif not self.flags["confirmed"]:
            self.swap()
            reverted = True
            self.flags["confirmed"] = True
        self.flags["pending"] = None
        self.flags["boots"] += 1
        self.keep_flags()
        image = self.look(0)
        return {"version": image.version if image and image.valid else None, "confirmed": self.flags["confirmed"],
                "swapped": swapped, "reverted": reverted, "refused": refused}

    def state(self):
        """The images as a state read tells them; what is false is left out."""
        rows = []
        for slot, image in enumerate(self.images):
            if image is None:
                continue
            pending = slot == 1 and self.flags["pending"]
            marks = {"bootable": True, "pending": bool(pending), "confirmed": slot == 0 and self.flags["confirmed"],
                     "active": slot == 0, "permanent": pending == "permanent"}
            rows.append({"image": 0, "slot": slot, "version": image.version, "hash": image.hash,
                         **{name: True for name, value in marks.items() if value}})
        return rows
