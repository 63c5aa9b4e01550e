"""Words for what an agent refuses, and for what it wrote itself."""

from http import HTTPStatus
from urllib.parse import urlsplit

SHOWN = 40  # characters of what somebody else wrote, in a message

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


def shown(text: str) -> str:
    """What somebody else wrote, as much of it as a message may hold."""
    cut = text[: SHOWN - 1] + "…" if len(text) > SHOWN else text
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in cut)


def without_secrets(location: str) -> str:
    """Where a redirect leads, without the user and the query that it may hold."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an address that is none"
    return shown(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl())
