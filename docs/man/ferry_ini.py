#!/usr/bin/python3
"""Makes ferry.ini(5) from config/ferry.ini, which explains every key."""

import re
import sys

HEADER = r""".TH FERRY.INI 5 "" "Ferry" "File Formats"
.SH NAME
ferry.ini \- settings of the Ferry gateway
.SH SYNOPSIS
.I /etc/ferry/ferry.ini
.br
.I /etc/ferry/conf.d/*.ini
.SH DESCRIPTION
.BR ferryd (8)
reads
.IR ferry.ini ,
then the files of
.I conf.d
in the order of their names; a key set in a later file overrides the same key of an earlier one.
Within one file a key or a section that stands twice is an error.
.PP
A file consists of sections
.RI [ NAME ]
with lines
.I key
=
.IR value .
Lines that begin with # or ; are comments; behind a value there can be none.
Sizes are bytes or 64K, 512M, 4G, 2T in powers of 1024.
Times are 100ms, 30s, 10min, 24h, 7d.
Paths are absolute.
.PP
.B ferryd \-\-check\-config
reports everything that is wrong at once, each with file and line.
Names of sources, transports, products and wakes consist of letters, digits and . _ + ~ \-, at most 120.
"""

FOOTER = r""".SH SEE ALSO
.BR ferryd (8),
.BR ferryctl (1),
.BR ferry\-transport (8)
"""

PARTS = {
    "gateway": "SECTION [gateway]",
    "storage": "SECTION [storage]",
    "source": "SECTIONS [source.NAME]",
    "transport": "SECTIONS [transport.NAME]",
    "product": "SECTIONS [product.NAME]",
    "wake": "SECTIONS [wake.NAME]",
    "monitor": "SECTION [monitor]",
}


def roff(text):
    """Escapes what the formatter would take for itself."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return r"\&" + text if text.startswith((".", "'")) else text


def read_keys(text):
    """Yields (kind of section, key, default or None, explanation), each key of a kind once."""
    seen = set()
    kind, example, comment = None, False, []
    for line in text.splitlines():
        header = re.fullmatch(r"(#?)\[(\w+)(?:\.\w+)?\]", line)
        entry = re.fullmatch(r"(#*)([a-z_]+) =(?: (.*))?", line)
        if header:
            example, kind = bool(header[1]), header[2]
        elif entry:
            marks, key, value = len(entry[1]), entry[2], entry[3] or ""
            if (kind, key) not in seen and comment:
                seen.add((kind, key))
                yield kind, key, value if marks > int(example) else None, " ".join(comment)
        elif line.startswith("# "):
            comment.append(line[2:])
            continue
        comment = []


def page(text):
    parts = {kind: [] for kind in PARTS}
    for kind, key, default, explanation in read_keys(text):
        default_text = "" if not default else f" Default: {default}."
        if kind == "product" and key == "match_path":
            default_text = " Default: / and the product's name."
        parts[kind].append(f".TP\n.B {roff(key)}\n{roff(explanation + default_text)}\n")
    for kind, keys in parts.items():
        if not keys:
            sys.exit(f"ferry.ini explains no key of [{kind}]")
    return HEADER + "".join(f".SH {PARTS[kind]}\n" + "".join(keys) for kind, keys in parts.items()) + FOOTER


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(page(text))


main()
