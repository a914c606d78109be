"""Asks a server in this same process a hundred times, and shows how long the answers took. Needs no network."""

from __future__ import annotations

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # One packet for headers and body: otherwise each answer waits for an acknowledgement.

    def do_GET(self) -> None:
        body = b'{"answer": 42}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def measure(times: int) -> np.ndarray:
    """Milliseconds of each request, one after the other over one connection."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    took = np.empty(times)
    with httpx.Client(trust_env=False) as client:
        for i in range(times):
            start = time.perf_counter()
            assert client.get(url).json()["answer"] == 42
            took[i] = (time.perf_counter() - start) * 1000
    server.shutdown()
    return took


def main() -> None:
    took = measure(100)
    table = Table(title=f"100 requests, Python {sys.version_info[0]}.{sys.version_info[1]}")
    table.add_column("percentile")
    table.add_column("milliseconds", justify="right")
    for percentile in (50, 90, 99):
        table.add_row(f"p{percentile}", f"{np.percentile(took, percentile):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
