"""Runs inside the booted image: installs the packages, updates a device, upgrades and purges."""

import grp
import hashlib
import http.client
import json
import os
import pwd
import subprocess
import sys
import time
import traceback

IMAGE = os.urandom(300_000)
PATIENCE = 30


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def until(what, attempt):
    """The first value of attempt() that is something; a failure after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    problem = None
    while time.monotonic() < deadline:
        try:
            value = attempt()
            if value:
                return value
        except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
            problem = error
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {PATIENCE} s ({problem})")


def step(text):
    print(text, flush=True)


def unit(field):
    return run("systemctl", "show", "--value", "-p", field, "ferryd.service").strip()


def get(path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ctl(*arguments):
    return json.loads(run("ferryctl", "--json", *arguments))


def offer(version):
    """What a device is offered that says it runs this version; None: nothing."""
    status, body = get(f"/default/offer.json?version={version}")
    check(status in (200, 204), f"offer: status {status}: {body[:200]}")
    return json.loads(body) if status == 200 else None


def download(found):
    artifact = next(one for one in found["artifacts"] if one["role"] == "firmware")
    status, body = get(artifact["url"])
    check(status == 200, f"{artifact['url']}: status {status}")
    check(hashlib.sha256(body).hexdigest() == artifact["sha256"], "the image differs from its digest")
    return body


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def install():
    run("dpkg", "-i", "/packages/ferryd.deb")
    check(unit("ActiveState") == "active", "not active after the installation")
    check(unit("UnitFileState") == "enabled", "not started at boot")
    until("the default transport serves", lambda: get("/default/offer.json")[0] == 204)
    control = os.stat("/run/ferry/control")
    owner = pwd.getpwuid(control.st_uid).pw_name, grp.getgrgid(control.st_gid).gr_name
    check(owner == ("ferry", "ferry") and control.st_mode & 0o777 == 0o660, f"control socket: {control}")
    run("ferryd", "--check-config")
    step("installed: active, and serving by the settings that it came with")


def jail():
    hosts = run("pgrep", "-u", "ferry", "-f", "ferry-transport").split()
    check(len(hosts) == 1, f"hosts: {hosts}")
    with open(f"/proc/{hosts[0]}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    check(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", "the host is not jailed")
    check(int(status["CapBnd"], 16) == 0, "the host may gain capabilities")
    step("jailed: the transport's host")


def update():
    # The site's own settings: a device tells its version in the query.
    write("/etc/ferry/conf.d/site.ini", b"[product.default]\ndevice_version = query:version\n")
    run("systemctl", "restart", "ferryd")
    write("/srv/ferry/1.0.1/flash/main.py", b"print('1.0.1')\n")
    write("/srv/ferry/firmware_1.0.1.bin", IMAGE)
    run("ferryctl", "sync", "local", "--wait")
    found = until("an offer", lambda: offer("1.0.0"))
    check(found["version"] == "1.0.1", f"offered: {found}")
    check(download(found) == IMAGE, "another image was served")
    check(offer("1.0.1") is None, "a device that is up to date is offered something")
    devices = ctl("devices")
    check([device["version"] for device in devices] == ["1.0.1"], f"devices: {devices}")
    step("updated: a device got 1.0.1, and says so")


def upgrade():
    before = unit("MainPID")
    run("dpkg", "-i", "/packages/ferryd-later.deb")
    check(unit("ActiveState") == "active", "not active after the upgrade")
    check(unit("MainPID") != before, "the old program still runs")
    check(unit("NRestarts") == "0", "it was started more than once")
    # The folder is gone: what is served comes out of the store.
    os.rename("/srv/ferry", "/srv/gone")
    found = until("an offer after the upgrade", lambda: offer("1.0.0"))
    check(download(found) == IMAGE, "another image was served after the upgrade")
    step("upgraded: the new program serves what the old one fetched")


def remove():
    run("dpkg", "--remove", "ferryd")
    check(not os.path.exists("/usr/sbin/ferryd"), "the program is still there")
    check(not run("sh", "-c", "pgrep -u ferry || true").strip(), "a process is left")
    check(os.path.exists("/etc/ferry/ferry.ini"), "the settings went with the program")
    check(os.path.exists("/var/lib/ferry"), "the store went with the program")
    run("dpkg", "--purge", "ferryd")
    for path in ("/var/lib/ferry", "/etc/ferry/ferry.ini", "/run/ferry"):
        check(not os.path.exists(path), f"{path} is left after the purge")
    check(os.path.exists("/etc/ferry/conf.d/site.ini"), "what the operator wrote is gone")
    step("purged: nothing is left but what the operator wrote")


def journal_is_clean():
    lines = run("journalctl", "-u", "ferryd", "-p", "err", "-q", "--no-pager").strip()
    check(not lines, f"errors in the journal:\n{lines}")
    step("journal: no error")


def main():
    status = 0
    try:
        for part in (install, jail, update, upgrade, journal_is_clean, remove):
            part()
    except Exception:  # whatever it is, the outside has to see it and the image has to end
        traceback.print_exc(file=sys.stdout)
        subprocess.run("journalctl -b -u ferryd --no-pager | tail -n 60; ls -lR /var/lib/ferry /run/ferry",
                       shell=True, stdout=sys.stdout, stderr=sys.stdout, check=False)
        status = 1
    sys.stdout.flush()
    subprocess.run(["systemctl", "exit", str(status)], check=True)


main()
