"""Reads a page of OpenMetrics 1.0 and takes nothing that the format does not allow: for tests of what ferryd says."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (-?\d+(?:\.\d+)?)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
KINDS = {"counter": "_total", "gauge": ""}


class Malformed(AssertionError):
    pass


def need(condition, line):
    if not condition:
        raise Malformed(f"not OpenMetrics: {line!r}")


def labels_of(text, line):
    """{name: value} of what stands between the braces."""
    found, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        need(match and match[1] not in found, line)
        found[match[1]] = re.sub(r"\\(.)", lambda escape: {"n": "\n"}.get(escape[1], escape[1]), match[2])
        at = match.end()
        need(at == len(text) or text[at] == ",", line)
        at += 1
    return found


def parse(page):
    """{(sample name, ((label, value), …)): number}, of a page with all its metadata in place."""
    need(page.endswith("# EOF\n"), page[-40:])
    samples, kinds, family, described = {}, {}, None, set()
    for line in page[:-len("# EOF\n")].split("\n")[:-1]:
        if line.startswith("# "):
            need(len(line.split(" ", 3)) == 4, line)
            _, what, name, text = line.split(" ", 3)
            need(NAME.fullmatch(name) and what in ("TYPE", "UNIT", "HELP"), line)
            if what == "TYPE":
                need(name not in kinds and text in KINDS, line)
                family, kinds[name] = name, text
            need(name == family and (what, name) not in described, line)
            need(not any(sample.startswith(name + end) for sample, _ in samples for end in ("{", "_total{")), line)
            need(what != "UNIT" or name.endswith("_" + text), line)
            described.add((what, name))
            continue
        match = SAMPLE.fullmatch(line)
        need(match and family and match[1] == family + KINDS[kinds[family]], line)
        need(match[2] != "{}", line)
        key = (match[1], tuple(sorted(labels_of(match[3] or "", line).items())))
        need(key not in samples, line)
        need(kinds[family] != "counter" or float(match[4]) >= 0, line)
        samples[key] = float(match[4])
    return samples
