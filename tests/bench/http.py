#!/usr/bin/python3
"""The HTTP transport beside Debian's nginx-light, both serving the same file to the same load, turn by turn, so
that what else the machine does meets both alike. The host process runs jailed and reads from a sealed pack, as it
does in the field; nginx reads the file itself, with sendfile. Prints a Markdown table of medians: CPU of the server
process (user and system) for each request, and throughput, each as ferry over nginx."""
import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
# In place of this folder, where this very file would stand in for the library's http.
sys.path[0] = str(ROOT / "tests" / "integration")

import gateway as g  # noqa: E402
from services import Service, free_port  # noqa: E402

SIZE = 16 << 20
PIECES = (512, 4096, 65536)
MODES = {"keep": "kept alive", "close": "one a request"}


class Nginx(Service):
    """As Debian configures it (sendfile, tcp_nopush), with one worker and no access log."""

    def __init__(self, folder, site):
        self.port = free_port()
        folder.mkdir()
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"""\
daemon off; master_process off; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 768; }}
http {{
  {temporary}
  sendfile on; tcp_nopush on; access_log off; keepalive_requests 1000000000;
  default_type application/octet-stream;
  server {{ listen 127.0.0.1:{self.port}; root {site}; }}
}}
""")
        super().__init__("nginx", ["nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"],
                         folder / "log")

    def __enter__(self):
        super().__enter__()
        self.wait_for_port(self.port)
        return self


class Server:
    def __init__(self, name, port, path, pid):
        self.name, self.port, self.path, self.pid = name, port, path, pid

    def measure(self, load, piece, mode, connections, seconds):
        """(CPU seconds for each request, requests a second)"""
        before = g.cpu_seconds(self.pid)
        done = subprocess.run([load, str(self.port), self.path, str(SIZE), str(piece), mode, str(connections),
                               str(seconds)], capture_output=True, text=True, check=True)
        spent = g.cpu_seconds(self.pid) - before
        count = json.loads(done.stdout)
        if count["errors"]:
            raise SystemExit(f"{self.name}: {count['errors']} requests failed")
        return spent / count["requests"], count["requests"] / count["seconds"]


def table(results, options):
    lines = [f"{options.connections} connections at once, {options.rounds} rounds of {options.seconds} s each, ranges of a "
             f"{SIZE >> 20} MiB file; ferry / nginx, medians.", "",
             "| range | connections | CPU a request | throughput | ferry µs a request | nginx µs a request |",
             "|---|---|---|---|---|---|"]
    for piece in PIECES:
        for mode, words in MODES.items():
            pairs = results[piece, mode]
            cpu = statistics.median(ferry[0] / nginx[0] for ferry, nginx in pairs)
            rate = statistics.median(ferry[1] / nginx[1] for ferry, nginx in pairs)
            own, peer = (statistics.median(pair[i][0] for pair in pairs) * 1e6 for i in (0, 1))
            lines.append(f"| {piece} B | {words} | {cpu:.2f} | {rate:.2f} | {own:.1f} | {peer:.1f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/bench", help="build folder")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    build = g.Build(options.build)
    subprocess.run(["cmake", "--build", build.folder, "--target", "http_load"], check=True, stdout=subprocess.DEVNULL)
    load = str(build.folder / "tests/bench/http_load")
    with tempfile.TemporaryDirectory(prefix="ferry-bench-") as scratch:
        folder = pathlib.Path(scratch)
        g.write_release(folder / "releases", "1.0", random.Random(1).randbytes(SIZE))
        text = (f"[source.stick]\ntype = directory\npath = {folder}/releases\nproduct = bench\n[product.bench]\n"
                "[transport.wifi]\nplugin = http\nlisten = 127.0.0.1:0\n")
        with g.Gateway(folder / "gw", text, build, log_level="warning") as gateway, \
                Nginx(folder / "nginx", folder / "releases") as nginx:
            gateway.start()
            gateway.wait_for_release("bench", "1.0")
            ferry = Server("ferry", gateway.port(), "/bench/1.0/firmware_1.0.bin", gateway.host_pids()[0])
            peer = Server("nginx", nginx.port, "/firmware_1.0.bin", nginx.process.pid)
            results = {}
            for turn in range(options.rounds):
                for piece in PIECES:
                    for mode in MODES:
                        order = (ferry, peer) if turn % 2 == 0 else (peer, ferry)
                        got = {server.name: server.measure(load, piece, mode, options.connections, options.seconds)
                               for server in order}
                        results.setdefault((piece, mode), []).append((got["ferry"], got["nginx"]))
            print(table(results, options))


if __name__ == "__main__":
    main()
