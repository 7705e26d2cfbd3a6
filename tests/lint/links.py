#!/usr/bin/python3
"""Checks that what the documents point at exists: relative links with their #headings, tests that a link names
(`Suite`, `Suite.Case`, `test_case` or ctest's name as the link's text, the file as its target), and files of this
repository named in code spans. Prints each dead one as FILE:LINE: why, and exits 1 when there is one.

Usage: links.py [FILE.md...]    (all documents of the repository when none is named)
"""
import functools
import pathlib
import re
import subprocess
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^\s*(```|~~~)")
LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"`([^`]+)`")
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
CASE = re.compile(r"^[A-Z]\w*(\.\w+)?$|^test_\w+$")
# A code span that names a file or folder of this repository, with or without a line after it.
PATH = re.compile(r"^\.?[\w.-]+(/[\w.@-]+)*/?$")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


def documents():
    """The documents that git knows or would add; build folders are in .gitignore."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in sorted(set(listed.splitlines())) if (ROOT / name).is_file()]


@functools.cache
def rooms():
    """Top-level folders: a code span that begins with one of them and a slash is a path."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name.split("/")[0] for name in listed.splitlines() if "/" in name}


@functools.cache
def text_of(path):
    return path.read_text(encoding="utf-8", errors="replace")


def prose(path):
    """(line number, line) outside of fenced blocks."""
    fence = None
    for number, line in enumerate(text_of(path).splitlines(), 1):
        mark = FENCE.match(line)
        if mark and fence in (None, mark.group(1)):
            fence = None if fence else mark.group(1)
        elif fence is None:
            yield number, line


def anchor(heading):
    """The fragment that hosts of repositories give a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@functools.cache
def anchors(path):
    found, seen = set(), {}
    for _, line in prose(path):
        heading = HEADING.match(line)
        if not heading:
            continue
        name = anchor(heading.group(1))
        count = seen.get(name, 0)
        seen[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def has_test(path, name):
    if path.name == "CMakeLists.txt":
        return re.search(rf"add_test\(NAME {re.escape(name)}\s", text_of(path)) is not None
    if path.suffix == ".py":
        return all(re.search(rf"^\s*(?:def|class)\s+{re.escape(part)}\b", text_of(path), re.MULTILINE)
                   for part in name.split("."))
    suite, _, case = name.partition(".")
    wanted = re.escape(case) if case else r"\w+"
    return re.search(rf"TEST(?:_F|_P)?\(\s*{re.escape(suite)}\s*,\s*{wanted}\s*\)", text_of(path)) is not None


def check_link(document, text, target):
    """Why a link is dead, or None."""
    if ELSEWHERE.match(target):
        return None
    name, _, fragment = urllib.parse.unquote(target).partition("#")
    path = (document.parent / name).resolve() if name else document
    if not path.is_relative_to(ROOT):
        return f"{target} points out of the repository"
    if not path.exists():
        return f"{target} does not exist"
    if fragment and path.suffix == ".md" and fragment not in anchors(path):
        return f"{target}: there is no such heading"
    case = re.fullmatch(r"`([^`]+)`", text.strip())
    case = case.group(1) if case else ""
    names_test = CASE.match(case) if path.suffix in (".cpp", ".py") else path.name == "CMakeLists.txt" and case
    if path.is_file() and names_test and not has_test(path, case):
        return f"{name} has no test {case}"
    return None


def check_code(text):
    """Why the path in a code span is dead, or None when it is none."""
    if not PATH.match(text) or text.split("/")[0] not in rooms() or "/" not in text:
        return None
    return None if (ROOT / text).exists() else f"`{text}` does not exist"


def check(document):
    for number, line in prose(document):
        for text, target in LINK.findall(line):
            why = check_link(document, text, target)
            if why:
                yield number, why
        for text in CODE.findall(line):
            why = check_code(text)
            if why:
                yield number, why


def main():
    chosen = [pathlib.Path(name).resolve() for name in sys.argv[1:]] or documents()
    dead = 0
    for document in chosen:
        for number, why in check(document):
            print(f"{document.relative_to(ROOT)}:{number}: {why}")
            dead += 1
    if not chosen:
        print("links.py: there is no document to check")
    return 1 if dead or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
