"""The server: one process that answers until it is told to stop."""

import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from analysis.web.keeper import Keeper
from analysis.web.tokens import read_token
from minion.errors import SettingsError, UsageError

THREADS = 16  # some of them wait for a comparison
PORT = 8765
HOST = "127.0.0.1"
MOST_PORT = 65_535


def print_now(text: str) -> None:
    """A line on standard output that a reader of a pipe sees at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def serve_store(
    uri: str | None = None,
    *,
    host: str = HOST,
    port: int = PORT,
    allow_exclude: bool = False,
    token_file: str | None = None,
    say: Callable[[str], None] = print_now,
    note: Callable[[str], None] = print_now,
) -> None:
    """Show a store on a page until SIGTERM or Ctrl-C.

    Args:
        uri: MongoDB URI; default: the environment's, else the embedded server.
        host: address to listen on. Another than loopback lets its whole network read.
        port: to listen on; 0 for any that is free.
        allow_exclude: whoever has the token may exclude runs and take them in again.
        token_file: the file with that token; default: what MINION_SERVE_TOKEN says.
        say: is told the address, once it answers.
        note: is told who can read, where that is more than this machine.

    Raises:
        UsageError: the page may exclude and has no token, or has a token for nothing.
        SettingsError: the address cannot be listened on, or the token not be used; or Dash and
            waitress are not installed.
        StoreError, ServerError: the store cannot be opened.
    """
    token = _token(token_file, allow_exclude=allow_exclude)
    create_server, application = _loaded()
    # That requests wait, or were dropped at the stop, is no news to who started the page.
    logging.getLogger("waitress").setLevel(logging.ERROR)
    listener = _listen(host, port)
    with listener:
        keeper = Keeper(uri)
        try:
            app = application(keeper, host=host, token=token)
            server = create_server(
                app.server,
                sockets=[listener],
                threads=THREADS,
                ident="minion",
                channel_timeout=60,
                clear_untrusted_proxy_headers=True,
            )
            if not _is_loopback(host):
                note(_warning(host, judges=token is not None))
            shown = f"[{host}]" if ":" in host else host
            before = signal.signal(signal.SIGTERM, _stop)
            try:
                say(f"http://{shown}:{listener.getsockname()[1]}/ shows {keeper.where}")
                server.run()  # ends at Ctrl-C and SIGTERM
            except KeyboardInterrupt:
                pass
            finally:
                signal.signal(signal.SIGTERM, before)
                server.close()
        finally:
            keeper.close()


def _token(path: str | None, *, allow_exclude: bool) -> str | None:
    if allow_exclude:
        return read_token(path)
    if path is not None:
        raise UsageError("--token-file is for --allow-exclude; without it this page only reads")
    return None


def _loaded() -> tuple[Any, Any]:
    """The server and the pages; what they need is heavy, and an extra."""
    try:
        from waitress.server import create_server  # type: ignore[import-untyped]  # noqa: PLC0415

        from analysis.web.pages import application  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"this page needs the package {error.name}; `pip install 'minion[serve]'` brings it"
        ) from error
    return create_server, application


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= MOST_PORT:
        raise SettingsError(f"there is no port {port}; choose one from 0 to {MOST_PORT}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"{host} is no address to listen on: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise SettingsError(
            f"port {port} of {host} cannot be listened on ({reason}); choose another with --port"
        ) from error
    return listener


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _warning(host: str, *, judges: bool) -> str:
    text = (
        f"whoever reaches {host} over the network can read every experiment here, without a"
        " password and unencrypted; put a proxy with both before it"
    )
    return f"{text}. The token of --allow-exclude travels in the clear too" if judges else text


def _stop(_: int, __: FrameType | None) -> NoReturn:
    raise SystemExit(0)
