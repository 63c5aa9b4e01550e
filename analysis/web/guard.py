"""Who may ask: the hosts that a server answers for, and headers that keep pages to themselves."""

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

MOST_BYTES = 1_000_000  # of a question
_LONG_LIVED = ("/_dash-component-suites/", "/assets/", "/vega-")


def protect(server: Flask, host: str, scripts: Sequence[str]) -> None:
    """Let a server answer only those it knows, with headers that keep its pages to themselves.

    Args:
        server: the Flask application.
        host: that it listens on.
        scripts: Content-Security-Policy sources of the scripts that stand in its page.
    """
    own = {"localhost", host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
    policy = "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *scripts)),
            # Components of Dash bring style elements of their own; no style can run anything.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    server.config["MAX_CONTENT_LENGTH"] = MOST_BYTES

    def check() -> None:
        # A name of somebody else's that leads here would let their page read ours.
        if not _is_own(request.host, own):
            abort(421, "this address is not one of this server's")
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin and urlsplit(origin).netloc != request.host:
            abort(403, "questions come from this server's own page only")

    def finish(response: Response) -> Response:
        headers = response.headers
        headers["Content-Security-Policy"] = policy
        headers["X-Frame-Options"] = "DENY"
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if not request.path.startswith(_LONG_LIVED):
            headers["Cache-Control"] = "no-store"
        return response

    server.before_request(check)
    server.after_request(finish)


def _is_own(host: str, names: set[str]) -> bool:
    name = (urlsplit(f"//{host}").hostname or "").lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in names
    return True  # a number is nobody's name
