#!/usr/bin/python3
"""A virtual machine with Bluetooth, for what the kernels of build machines lack: Debian's kernel package in QEMU
without KVM. Its file system is this machine's own, read-only, with what is written kept in memory; so programs,
libraries and the build folder are where they are here. Controllers are btvirt's (bluez-test-tools).

    machine.py --work build/vm COMMAND [ARGUMENT...]

runs the command in it as root, with what it prints as it comes, and exits as it did; 124 when it did not end in
time, 125 when the machine did not come up.
"""
import argparse
import os
import pathlib
import select
import shlex
import shutil
import subprocess
import sys
import time

# Before those that need them. The second list is for Bluetooth: of what it takes from the kernel's own ciphers,
# too, since nothing can be loaded later.
MODULES = ["virtio_pci", "virtio_rng", "9p", "9pnet_virtio", "overlay",
           "algif_hash", "algif_skcipher", "ecb", "cmac", "ctr", "sha512_generic", "hmac", "drbg",
           "ecdh_generic", "bluetooth", "hci_vhci"]
EXIT = "machine: the command ended with "
UP = "machine: up"

INIT = """#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module" || echo "machine: no $module"; done </modules/list
mount -t 9p -o trans=virtio,version=9p2000.L,cache=loose,ro,msize=262144 host /lower
mount -t tmpfs -o size=75% tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /root
mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
mount -t devtmpfs dev /root/dev
mkdir -p /root/dev/shm /root/dev/pts
mount -t devpts devpts /root/dev/pts
mount -t tmpfs tmpfs /root/dev/shm
mount -t tmpfs tmpfs /root/tmp
mount -t tmpfs tmpfs /root/run
ip link set lo up
echo 'machine: up'
chroot /root /bin/sh -c "$(cat /command)" </dev/null
echo "machine: the command ended with $?"
poweroff -f
"""


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, timeout=120, **options).stdout


def kernel_package():
    """The name of the package that Debian's linux-image-amd64 stands for."""
    for line in run("apt-cache", "depends", "linux-image-amd64").splitlines():
        if "Depends: linux-image-" in line:
            return line.split()[-1]
    sys.exit("machine: apt knows no linux-image-amd64; is this Debian, and was `apt-get update` run?")


def fetch_kernel(work):
    """The kernel's folder. Unpacked only: this machine does not boot it."""
    package = kernel_package()
    folder = work / package
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run("apt-get", "download", package, cwd=folder)
        run("dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder))
        next(folder.glob("*.deb")).unlink()
        version = next((folder / "lib/modules").iterdir()).name
        run("depmod", "-b", str(folder), version)
        (folder / "ready").write_text(version)
    return folder


def module_files(kernel):
    """Files of the modules in the order in which they can be loaded."""
    version = (kernel / "ready").read_text()
    files = []
    for module in MODULES:
        shown = run("modprobe", "-d", str(kernel), "-S", version, "--show-depends", module)
        for line in shown.splitlines():
            words = line.split()
            if words[0] == "insmod" and words[1] not in files:
                files.append(words[1])
    return [pathlib.Path(file) for file in files]


def make_initramfs(work, kernel, command):
    tree = work / "initramfs"
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("bin", "dev", "proc", "modules", "lower", "upper", "root"):
        (tree / folder).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    files = module_files(kernel)
    for file in files:
        shutil.copy(file, tree / "modules")
    (tree / "modules/list").write_text("".join(f"{file.name}\n" for file in files))
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    (tree / "command").write_text(
        f"cd {shlex.quote(os.getcwd())} && PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 exec {shlex.join(command)}")
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    archive = work / "initramfs.cpio"
    with archive.open("wb") as out:
        subprocess.run(["/bin/busybox", "cpio", "-o", "-H", "newc"], cwd=tree, input=names.encode(), stdout=out,
                       stderr=subprocess.DEVNULL, check=True, timeout=60)
    return archive


def start(kernel, initramfs, memory, processors):
    version = (kernel / "ready").read_text()
    return subprocess.Popen(
        ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", str(memory),
         "-smp", str(processors), "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
         "-serial", "stdio", "-kernel", str(kernel / f"boot/vmlinuz-{version}"), "-initrd", str(initramfs),
         "-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on mitigations=off",
         "-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
         "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def watch(machine, boot_seconds, seconds):
    """Prints what the command prints; the exit status."""
    begun = time.monotonic()
    limit = begun + boot_seconds
    up, rest = False, b""
    while True:
        left = limit - time.monotonic()
        if left <= 0 or not select.select([machine.stdout], [], [], left)[0]:
            print(f"machine: {'the command did not end' if up else 'it did not come up'} in time", flush=True)
            return 124 if up else 125
        piece = os.read(machine.stdout.fileno(), 65536)
        if not piece:
            print("machine: it stopped by itself", flush=True)
            return 125
        *lines, rest = (rest + piece).split(b"\n")
        for line in (raw.decode("utf-8", "replace").rstrip("\r") for raw in lines):
            if line.startswith(UP):
                up, limit = True, time.monotonic() + seconds
                print(f"{line} after {time.monotonic() - begun:.1f} s", flush=True)
            elif line.startswith(EXIT):
                return int(line[len(EXIT):])
            else:
                print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="where the kernel is kept")
    parser.add_argument("--memory", type=int, default=1024, help="MiB")
    parser.add_argument("--processors", type=int, default=2)
    parser.add_argument("--boot-seconds", type=float, default=90)
    parser.add_argument("--seconds", type=float, default=240, help="that the command may take")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    kernel = fetch_kernel(work)
    machine = start(kernel, make_initramfs(work, kernel, options.command), options.memory, options.processors)
    try:
        return watch(machine, options.boot_seconds, options.seconds)
    finally:
        machine.kill()
        machine.wait()


if __name__ == "__main__":
    sys.exit(main())
