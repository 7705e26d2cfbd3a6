#!/usr/bin/python3
"""Cuts the power at many moments of a run and checks what is left.

A workload writes to ext4 on a loop device whose disk records every write and flush (log_disk). Each crash
state is what a disk may hold after a cut: all that was written before the last flush, and of what came after
it any part, some of it torn. The check then mounts it and proves every promise made before the cut.

Needs root, /dev/fuse, loop devices, e2fsprogs.
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

WRITE, FLUSH, MARK = 1, 2, 3
HEADER = struct.Struct("=QII")
SECTOR = 512


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def wait_for(path, seconds=10):
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{path} did not appear")
        time.sleep(0.01)


class Recording:
    """The image before the workload, and what it wrote since."""

    def __init__(self, base, log):
        self.base = base
        self.log = open(log, "rb")
        self.records = []
        position, end = 0, os.path.getsize(log)
        while position + HEADER.size <= end:
            self.log.seek(position)
            offset, length, kind = HEADER.unpack(self.log.read(HEADER.size))
            self.records.append((offset, length, kind, position + HEADER.size))
            position += HEADER.size + length

    def data(self, record):
        return os.pread(self.log.fileno(), record[1], record[3])

    def count(self, kind):
        return sum(record[2] == kind for record in self.records)

    def choose_points(self, states, chance):
        """Half of the cuts anywhere, half just after a promise, where a lie shows most."""
        marks = [index for index, record in enumerate(self.records) if record[2] == MARK]
        if not marks:
            raise RuntimeError("the workload promised nothing")
        points = []
        for number in range(states):
            if number % 2:
                points.append(min(chance.choice(marks) + chance.randrange(1, 4), len(self.records)))
            else:
                points.append(chance.randrange(marks[0], len(self.records)) + 1)
        return sorted(points)


def record(folder, options):
    """Runs the workload on a recorded disk."""
    image, base = folder / "disk.img", folder / "base.img"
    fuse, mounted = folder / "fuse", folder / "work"
    for path in (fuse, mounted):
        path.mkdir(exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(options.megabytes << 20)
    run("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
    shutil.copyfile(image, base)
    server = subprocess.Popen([options.log_disk, image, folder / "log", fuse])
    loop = None
    try:
        wait_for(fuse / "disk")
        loop = subprocess.run(["losetup", "-f", "--show", "--direct-io=on", str(fuse / "disk")],
                              check=True, capture_output=True, text=True).stdout.strip()
        run("mount", loop, mounted)
        try:
            run(options.driver, "work", mounted / "store", fuse / "mark", options.seconds,
                options.synchronous)
        finally:
            run("umount", mounted)
    finally:
        if loop:
            run("losetup", "-d", loop)
        deadline = time.monotonic() + 10
        while subprocess.run(["umount", str(fuse)], capture_output=True).returncode:
            if time.monotonic() > deadline:
                server.send_signal(signal.SIGTERM)
                break
            time.sleep(0.05)
        server.wait()
    return Recording(base, folder / "log")


class Replay:
    """Builds the crash states of one recording, in order, and checks each."""

    def __init__(self, recording, folder, options, chance):
        self.recording, self.options, self.chance = recording, options, chance
        self.folder, self.durable, self.crash = folder, folder / "durable.img", None
        self.mounted, self.marks = folder / "crash", folder / "marks"
        self.mounted.mkdir()
        shutil.copyfile(recording.base, self.durable)
        self.applied = 0  # records before this one are on the durable image
        self.marked = 0
        self.number = 0
        open(self.marks, "wb").close()

    def advance(self, point):
        records = self.recording.records
        flushes = [i for i in range(self.applied, point) if records[i][2] == FLUSH]
        if flushes:
            with open(self.durable, "r+b") as disk:
                for index in range(self.applied, flushes[-1]):
                    self.write(disk, records[index], len(self.recording.data(records[index])))
            self.applied = flushes[-1] + 1
        with open(self.marks, "ab") as marks:
            for index in range(self.marked, point):
                if records[index][2] == MARK:
                    marks.write(self.recording.data(records[index]))
        self.marked = max(self.marked, point)

    def write(self, disk, record, length):
        if record[2] == WRITE:
            disk.seek(record[0])
            disk.write(self.recording.data(record)[:length])

    def cut(self, point):
        """The disk as it may be when the power went before record `point`."""
        self.advance(point)
        if self.crash:
            self.crash.unlink()
        # A file of its own for each state: the loop device of the last one may still be around, with its cache.
        self.number += 1
        self.crash = self.folder / f"crash{self.number}.img"
        shutil.copyfile(self.durable, self.crash)
        kept = self.chance.choice((0, 0.5, 0.9, 1))
        with open(self.crash, "r+b") as disk:
            for record in self.recording.records[self.applied:point]:
                if self.chance.random() >= kept:
                    continue
                length = record[1]
                if self.chance.random() < 0.2:
                    length = self.chance.randrange(length // SECTOR + 1) * SECTOR
                self.write(disk, record, length)

    def mount(self):
        return subprocess.run(["mount", "-o", "loop", self.crash, self.mounted], capture_output=True, text=True)

    def check(self):
        """None when every promise holds, else what is wrong."""
        mount = self.mount()
        if mount.returncode:
            # A superblock torn between its two sectors: the check at boot takes one of its copies.
            subprocess.run(["e2fsck", "-f", "-y", self.crash], capture_output=True)
            mount = self.mount()
        if mount.returncode:
            return "mount failed: " + mount.stderr
        try:
            checked = subprocess.run([self.options.driver, "check", self.mounted / "store", self.marks],
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                     timeout=60)
            if checked.returncode == 0:
                return None
            return checked.stdout or f"the check ended with {checked.returncode}"
        finally:
            run("umount", self.mounted)


def replay(recording, folder, options, points, seed):
    """Checks the crash states at these points; gives what is wrong with which."""
    folder.mkdir()
    states = Replay(recording, folder, options, random.Random(seed))
    problems = []
    for point in points:
        states.cut(point)
        problem = states.check()
        if problem:
            problems.append((point, problem))
    return problems


def lane(options, folder, seed):
    """One recording and its share of crash states; gives how many broke a promise."""
    recording = record(folder, options)
    states = min(options.states, options.batch)
    points = recording.choose_points(states, random.Random(seed))
    begin = time.monotonic()
    # Mounting and unmounting is mostly waiting, so several states at once take hardly longer than one.
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        shares = [pool.submit(replay, recording, folder / f"job{job}", options,
                              points[job * states // options.jobs:(job + 1) * states // options.jobs],
                              f"{seed} {job}")
                  for job in range(options.jobs)]
        problems = [problem for share in shares for problem in share.result()]
    for point, problem in problems[:options.show]:
        print(f"seed {seed}, cut before record {point}:\n{problem}", flush=True)
    each = (time.monotonic() - begin) / states * 1000
    print(f"seed {seed}: {states} crash states of {len(recording.records)} records,"
          f" {recording.count(FLUSH)} flushes, {recording.count(MARK)} promises and intentions:"
          f" {len(problems)} broken, {each:.0f} ms each", flush=True)
    return len(problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder of the built programs")
    parser.add_argument("--states", type=int, default=150)
    parser.add_argument("--batch", type=int, default=500, help="crash states of one recording")
    parser.add_argument("--jobs", type=int, default=4, help="crash states at once")
    parser.add_argument("--seconds", type=int, default=6, help="how long a workload runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--megabytes", type=int, default=64, help="size of the disk")
    parser.add_argument("--show", type=int, default=3, help="broken states to print")
    parser.add_argument("--synchronous", default="FULL", choices=("FULL", "NORMAL"))
    parser.add_argument("--expect-broken", action="store_true",
                        help="succeed only when promises were broken: proves that the lane can tell")
    options = parser.parse_args()
    options.log_disk = options.build / "power_log_disk"
    options.driver = options.build / "power_driver"
    if os.geteuid() != 0:
        sys.exit("power_cut.py: needs root, to mount what a power cut left")
    memory = pathlib.Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    bad = done = 0
    while done < options.states:
        # Unmounted at the latest when the folder is removed; an image in memory is copied fastest.
        with tempfile.TemporaryDirectory(prefix="ferry-power-", dir=memory if roomy else None) as folder:
            wanted = options.states - done
            options.batch = min(options.batch, wanted)
            bad += lane(options, pathlib.Path(folder), options.seed)
            done += options.batch
            options.seed += 1
    print(f"{done} crash states, {bad} broken promises")
    sys.exit((bad == 0) if options.expect_broken else (bad > 0))


if __name__ == "__main__":
    main()
