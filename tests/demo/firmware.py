"""Real firmware for the demonstration: U-Boot images of Debian's package u-boot-qemu, laid out as an operator would
lay out releases."""
import io
import pathlib
import tarfile

from services import DemoError

U_BOOT = pathlib.Path("/usr/lib/u-boot")
PACKAGE = "u-boot-qemu"


def image(*names):
    """The named images, one after the other: a flash image with several banks."""
    try:
        return b"".join((U_BOOT / name).read_bytes() for name in names)
    except OSError as error:
        raise DemoError(f"{error.filename} is missing: install Debian's package {PACKAGE}, or run ./dev run, "
                        "which does") from error


def archive(files):
    """A ustar archive as the chunked updater unpacks it: folders first, one level, no './'."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in sorted({path.partition("/")[0] for path in files if "/" in path}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def put(folder, files):
    for path, content in files.items():
        target = pathlib.Path(folder) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def script(version, what):
    return f"# {what}\nVERSION = '{version}'\n".encode()


def tracker_files(version):
    """The file system of the tracker's two releases: one file stays, one changes, one goes, one comes."""
    files = {"flash/main.py": script(version, "tracks a container"),
             "flash/lib/gps.py": b"def fix():\n    return None\n"}
    if version == "1.0.0":
        files["flash/lib/old.py"] = b"# no longer used\n"
    else:
        files["flash/lib/sleep.py"] = b"def deep():\n    pass\n"
    return files


def make_tracker(folder):
    """The folder that Pycom's own server would read."""
    for version in ("1.0.0", "1.1.0"):
        put(folder, {f"{version}/{path}": content for path, content in tracker_files(version).items()})
    put(folder, {"firmware_1.0.0.bin": image("malta64el/u-boot.bin"),
                 "firmware_1.1.0.bin": image("qemu_arm/u-boot.bin")})


def make_lock(folder):
    """Images alone; the newest has three banks, so that the cloud's link can be cut in the middle of one file."""
    put(folder, {
        "firmware_1.0.0.bin": image("qemu-ppce500/u-boot.bin"),
        "firmware_2.0.0.bin": image("qemu-x86/u-boot.rom", "qemu-x86_64/u-boot.rom", "qemu_arm64/u-boot.bin"),
    })


def make_meter(folder):
    """An image and the files beside it as one archive."""
    put(folder, {
        "firmware_3.2.0.bin": image("maltael/u-boot.bin"),
        "archive_3.2.0.tar": archive({"main.py": script("3.2.0", "reads a meter"),
                                      "lib/pulse.py": b"def count():\n    return 0\n"}),
    })
