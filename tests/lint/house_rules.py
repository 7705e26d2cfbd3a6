#!/usr/bin/python3
"""House rules that a compiler does not know: the direction of includes, the co_await trap of GCC 12, the
length of files, and words that have no place in the tree. Prints file:line for each breach; exit 1 if any."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# room -> the rooms it may include; a room may always include itself.
AGENT = {"base", "formats", "config", "storage"}
ALLOWED = {
    "base": set(),
    "formats": {"base"},
    "config": {"base", "formats"},
    "storage": {"base", "formats"},
    "agent": AGENT,
    "transports": {"base", "formats", "storage"},
    "ctl": {"base", "formats", "config", "agent/source/layout", "agent/source/tuf/",
            "agent/catalog/version"},
    "tests": None,  # tests look everywhere
}
# Single files that a room may use beyond the table, with the reason.
EXCEPTIONS = {
    ("agent", "transports/transport.h"): "the results of the ABI travel in replies",
}
ROOMS = set(ALLOWED)
# Below agent/, the rooms know only what stands before them; the files directly in agent/ wire them.
AGENT_ROOMS = {
    "catalog": set(),
    "delivery": set(),
    "source": set(),
    "control": set(),
    "monitor": set(),
    "wake": set(),
}
MAX_LINES = 400
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
# GCC 12 frees aggregate temporaries twice in an expression with co_await.
CO_AWAIT = re.compile(r"co_await\b[^;]*[({,]\s*(?:[A-Z]\w*(?:::\w+)*)?\{[^}]")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / line for line in out.stdout.splitlines() if (ROOT / line).is_file()]


def include_breach(path, target):
    """Says why `path` may not include `target`, or None."""
    parts = path.relative_to(ROOT).parts
    room = parts[0]
    wanted = target.split("/")[0]
    if room not in ROOMS or wanted not in ROOMS or wanted == room or ALLOWED[room] is None:
        if room == "agent" and wanted == "agent" and len(parts) > 2 and parts[1] in AGENT_ROOMS:
            other = target.split("/")[1]
            if "/" in target.split("/", 1)[1] and other != parts[1] and other not in AGENT_ROOMS[parts[1]]:
                return f"agent/{parts[1]} does not know agent/{other}"
            if "/" not in target.split("/", 1)[1]:
                return f"agent/{parts[1]} does not know {target}, which wires it"
        return None
    if wanted in ALLOWED[room] or (room, target) in EXCEPTIONS:
        return None
    if any(target.startswith(allowed) for allowed in ALLOWED[room] if "/" in allowed):
        return None
    return f"{room} must not include {wanted}"


def check(path):
    name = path.relative_to(ROOT)
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if found and (why := include_breach(path, found.group(1))):
            yield f"{name}:{number}: {why}"
        if UNFINISHED.search(line) and "tests/lint" not in str(name):
            yield f"{name}:{number}: unfinished work is written down as an issue, not in the source"
    if path.suffix in (".cpp", ".hpp", ".h"):
        text = "\n".join(lines)
        for found in CO_AWAIT.finditer(text):
            number = text.count("\n", 0, found.start()) + 1
            yield f"{name}:{number}: an aggregate temporary beside co_await: give it a name first (GCC 12 frees it twice)"
    if len(lines) > MAX_LINES and path.suffix in (".cpp", ".hpp", ".h", ".py", ".c"):
        yield f"{name}:1: {len(lines)} lines; nobody reads more than {MAX_LINES} at once"


def main():
    breaches = []
    for path in tracked("*.cpp", "*.hpp", "*.h", "*.c", "*.py"):
        breaches.extend(check(path))
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
