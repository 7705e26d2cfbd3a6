"""What the demonstration shows: one line for each thing that happens, and on a terminal a line of progress below."""
import contextlib
import os
import shutil
import sys
import threading
import time

BAR = 18


def size(count):
    if count >= 1 << 20:
        return f"{count / (1 << 20):.1f} MiB"
    return f"{count / 1024:.0f} KiB" if count >= 1024 else f"{count} B"


class Screen:
    """Thread-safe."""

    def __init__(self, out=sys.stdout):
        self.out = out
        self.terminal = out.isatty()
        self.colours = self.terminal and not os.environ.get("NO_COLOR")
        self.began = time.monotonic()
        self.lock = threading.Lock()
        self.bars = {}      # (who, what moves) → percent
        self.drawn = False  # whether the line of progress is on the screen
        self.quarters = {}  # (who, what moves) → quarters told, where there is no terminal

    def paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self.colours else text

    def line(self, text=""):
        with self.lock:
            self._erase()
            self._write(text + "\n")
            self._draw()
            self._flush()

    def _write(self, text):
        with contextlib.suppress(BrokenPipeError):  # nobody looks any more; the story goes on
            self.out.write(text)

    def _flush(self):
        with contextlib.suppress(BrokenPipeError):
            self.out.flush()

    def headline(self, text):
        self.line(self.paint(text, "1"))

    def say(self, who, text, colour=None):
        now = time.monotonic() - self.began
        label = self.paint(f"{who:<9}", colour or "36")
        self.line(f"{now:6.1f} s  {label} {self.paint(text, colour) if colour else text}")

    def trouble(self, who, text):
        self.say(who, text, "31")

    def good(self, who, text):
        self.say(who, text, "32")

    def moves(self, who, what, done, total):
        """How far `what` has come to `who`. What is complete leaves the line of progress."""
        if not self.terminal:
            self._tell_quarter(who, what, done, total)
            return
        with self.lock:
            before = self.bars.get((who, what))
            now = None if done >= total else done * 100 // total
            if now == before:
                return
            self.bars.pop((who, what), None)
            if now is not None:
                self.bars[who, what] = now
            self._erase()
            self._draw()
            self._flush()

    def _tell_quarter(self, who, what, done, total):
        quarter = done * 4 // total if total else 4
        if self.quarters.get((who, what), 0) < quarter < 4:
            self.quarters[who, what] = quarter
            self.say(who, f"takes {what}: {size(done)} of {size(total)}")

    def _erase(self):
        if self.drawn:
            self._write("\r\033[K")
            self.drawn = False

    def _draw(self):
        if not self.terminal or not self.bars:
            return
        parts = []
        for (who, what), percent in sorted(self.bars.items()):
            filled = percent * BAR // 100
            parts.append(f"{who} ← {what} {'█' * filled}{'░' * (BAR - filled)} {percent:2d} %")
        text = "          " + "   ".join(parts)
        self._write(text[:shutil.get_terminal_size().columns - 1])
        self.drawn = True

    def table(self, head, rows):
        widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

        def row_text(row):
            return "   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        self.line(self.paint(row_text(head), "1"))
        for row in rows:
            self.line(row_text(row))

    def verdict(self, good, text):
        mark = self.paint("✓", "32") if good else self.paint("✗", "31")
        self.line(f"{mark} {text if good else self.paint(text, '31')}")
