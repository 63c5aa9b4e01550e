"""Words for what an agent refuses, and for what it wrote itself."""

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

SHOWN = 40  # characters of what somebody else wrote, in a message
MASK = "***"

CONFIGURED = "in [agents] or [hosts.NAME] of the configuration"
MEANING = {
    HTTPStatus.FORBIDDEN: "does not talk to this machine; let it in with `allow connections from`"
    " and `allow dashboard from` in the agent's netdata.conf",
    HTTPStatus.NOT_FOUND: "has no such page; is it a netdata agent, and is the path right?",
    HTTPStatus.PRECONDITION_FAILED: "is protected by a bearer token; set token_file or token_env"
    f" {CONFIGURED}, or `bearer token protection = no` in its netdata.conf",
    HTTPStatus.TOO_MANY_REQUESTS: "is asked too often; ask later, with a longer interval, or raise"
    " the limit of what stands before the agent",
    HTTPStatus.BAD_GATEWAY: "what stands before the agent does not reach it; is netdata running?",
    HTTPStatus.SERVICE_UNAVAILABLE: "is busy or just starting; ask again in a moment",
    HTTPStatus.GATEWAY_TIMEOUT: "what stands before the agent does not reach it; is the host up?",
}
REDIRECTS = (301, 302, 303, 307, 308)


class Quoting:
    """Quotes what an agent wrote: as much of it as a message may hold, and no secret of ours.

    Args:
        secrets: what is sent with the questions, which an answer may repeat; shown as ***.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def text(self, text: str) -> str:
        """The beginning of a text."""
        for secret in self._secrets:  # first of all: half a secret would not be known for one
            text = text.replace(secret, MASK)
        cut = text[: SHOWN - 1] + "…" if len(text) > SHOWN else text
        return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in cut)

    def content(self, content: bytes) -> str:
        """The beginning of what should be a text."""
        # So much that what is shown is whole, even where nothing but the longest secret stands.
        longest = max((len(secret.encode()) for secret in self._secrets), default=0)
        start = content.strip()[: (SHOWN + 1) * (longest + 4)]
        return self.text(start.decode("utf-8", "replace"))

    def location(self, location: str) -> str:
        """Where a redirect leads, without the user and the query that it may hold."""
        try:
            parts = urlsplit(location)
        except ValueError:
            return "an address that is none"
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
        return self.text(bare.geturl())
