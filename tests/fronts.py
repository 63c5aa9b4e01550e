"""What people put between a collector and its agents: servers before them, and forwarding proxies.

with Front(wants="Bearer t", upstream=node.url) as front:
    ...                                     # ask front.url
with ForwardingProxy() as proxy:
    ...                                     # ask through proxy.url()
"""

import contextlib
import itertools
import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

import requests

INFO = json.dumps({"version": "v1.37.1", "mirrored_hosts": ["node"]}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        """A connection that a client broke is no news."""


class _Running:
    """A server that answers in threads until its block ends."""

    def __init__(self, server):
        self._server = server
        self._thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def place(self):
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Front(_Running):
    """What people put before an agent: TLS, passwords, connections that stay.

    wants: an Authorization that is let in; without, all are.
    upstream: the agent behind it; without, every page is the same /api/v1/info.
    hangs_up: end each connection after an answer, without a word of it in the answer.
    """

    def __init__(self, *, wants=None, upstream=None, tls=None, hangs_up=False, status=None):
        self.connections, self.requests = 0, []
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                front.connections += 1
                super().setup()

            def do_GET(self):
                front.requests.append((self.path, dict(self.headers)))
                code, body = 200, INFO
                if wants is not None and self.headers.get("Authorization") != wants:
                    code, body = 401, b"no"
                elif status is not None:
                    code, body = status, b"no"
                elif upstream is not None:
                    answer = requests.get(
                        upstream + self.path, headers={"Connection": "close"}, timeout=20
                    )
                    code, body = answer.status_code, answer.content
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection |= hangs_up

            def log_message(self, *_):
                """Nothing: a test's output is its own."""

        server = _Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if tls is not None:
            self.scheme = "https"
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        super().__init__(server)

    @property
    def url(self):
        return f"{self.scheme}://{self.place}"


class ForwardingProxy(_Running):
    """An HTTP proxy: forwards what is asked with a whole address, tunnels what is CONNECTed."""

    def __init__(self, *, wants=None, allows=True):
        self.requests = []
        proxy = self

        class Handler(StreamRequestHandler):
            def handle(self):
                lines = list(itertools.takewhile(lambda line: line.strip(), self.rfile))
                method, target, _ = lines[0].decode().split()
                headers = dict(line.decode().strip().split(": ", 1) for line in lines[1:])
                proxy.requests.append((method, target, headers))
                if wants is not None and headers.get("Proxy-Authorization") != wants:
                    self.wfile.write(b"HTTP/1.1 407 hunter2 is wrong\r\nContent-Length: 0\r\n\r\n")
                    return
                if not allows:
                    self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                    return
                parts = urlsplit(target if method == "GET" else f"//{target}")
                with socket.create_connection((parts.hostname, parts.port)) as there:
                    if method == "CONNECT":
                        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    else:
                        path = parts._replace(scheme="", netloc="").geturl()
                        own = [n for n in lines[1:] if not n.lower().startswith(b"proxy-")]
                        there.sendall(
                            b"".join([f"GET {path} HTTP/1.1\r\n".encode(), *own, b"\r\n"])
                        )
                    forth = Thread(target=relay, args=(self.connection, there), daemon=True)
                    forth.start()
                    relay(there, self.connection)
                    forth.join()

        class Server(ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A connection that a client broke is no news."""

        super().__init__(Server(("127.0.0.1", 0), Handler))

    def url(self, login=""):
        return f"http://{login}{self.place}"


def relay(source, target):
    """All that comes from the one socket to the other."""
    with contextlib.suppress(OSError):
        while part := source.recv(65_536):
            target.sendall(part)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
