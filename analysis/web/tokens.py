"""The token of those who may exclude runs."""

import hmac
from pathlib import Path

from minion.errors import SettingsError, UsageError
from minion.settings import Settings

TOKEN_VARIABLE = "MINION_SERVE_TOKEN"  # noqa: S105  the name of a variable
SHORTEST_TOKEN = 16


def read_token(path: str | None) -> str:
    """The token in a file, else in MINION_SERVE_TOKEN; never on the command line.

    Raises:
        UsageError: there is neither.
        SettingsError: the file cannot be read, or the token is too short to keep anybody out.
    """
    if path is not None:
        try:
            token = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the token file {path} cannot be read: {error}") from error
        where = f"the token file {path}"
    else:
        token, where = (Settings.read().serve_token or "").strip(), TOKEN_VARIABLE
        if not token:
            raise UsageError(
                f"--allow-exclude needs a token: name a file with --token-file, or set {where}"
            )
    if len(token) < SHORTEST_TOKEN:
        raise SettingsError(
            f"{where} holds {len(token)} characters, and a token needs {SHORTEST_TOKEN} at least;"
            " `openssl rand -hex 16` makes one"
        )
    return token


def check_token(token: str | None, given: str) -> None:
    """Nothing, for whoever gave the token.

    Raises:
        UsageError: this page excludes nothing, or another token was given.
    """
    if token is None:
        raise UsageError("this page only reads; start it with --allow-exclude to judge runs")
    if not hmac.compare_digest(token.encode(), given.strip().encode()):
        raise UsageError("that is not the token this page was started with; nothing was changed")
