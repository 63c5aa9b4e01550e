"""URIs of MongoDB without their secrets.

`masked` shows what is certainly none, and where the driver's own words repeat more than that, they
are not passed on.
"""

import re
import ssl
from difflib import get_close_matches
from urllib.parse import unquote_plus

# The options of a URI whose values are no secrets. Whatever else stands there is not shown.
SHOWN = (
    "appName authMechanism authSource compressors connectTimeoutMS directConnection"
    " heartbeatFrequencyMS journal loadBalanced localThresholdMS maxConnecting maxIdleTimeMS"
    " maxPoolSize maxStalenessSeconds minPoolSize readConcernLevel readPreference"
    " readPreferenceTags replicaSet retryReads retryWrites serverMonitoringMode"
    " serverSelectionTimeoutMS socketTimeoutMS srvMaxHosts srvServiceName ssl timeoutMS tls"
    " tlsAllowInvalidCertificates tlsAllowInvalidHostnames tlsCAFile tlsCertificateKeyFile"
    " tlsCRLFile tlsDisableOCSPEndpointCheck tlsInsecure uuidRepresentation w"
    " waitQueueTimeoutMS wTimeoutMS zlibCompressionLevel"
).split()
SECRET = ("authMechanismProperties", "tlsCertificateKeyFilePassword")
_SHOWN, _SECRET = ({name.lower() for name in names} for names in (SHOWN, SECRET))

_HOST = r"(?:[\w.%-]+|\[[\w.:%]+\])(?::[0-9]{1,5})?"
_PLACE = re.compile(rf"((?:{_HOST}(?:,{_HOST})*)?(?:/[\w.%-]*)?)(?:\?(.*))?", re.DOTALL)
_ESCAPE = (
    "write @ : / ? # [ ] & % in a user, a password or an option as %40 %3A %2F %3F %23 %5B %5D %26"
    " %25"
)


def masked(uri: str) -> str:
    """A MongoDB URI that may be shown: what is a secret, or may be one, is `***`.

    It holds for broken URIs too. Of one that can be read in two ways, such as one with a `@`
    behind its `?`, less is shown.
    """
    scheme, slashes, rest = uri.partition("://")
    if not slashes or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        scheme, slashes, rest = "", "", uri
    scheme += slashes
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    if not re.fullmatch(r"[\w.%+=,~!*'() -]*", user):
        user = "***"
    if "?" in login:
        return f"{scheme}{user}:***" if user != "***" else f"{scheme}***"
    return f"{scheme}{user}{':***' if colon else ''}{at}{_shown(place)}"


def note_of_password(uri: str | None) -> str | None:
    """What to say of a URI on a command line, where everybody on the machine can read it.

    None: it holds no secret.
    """
    if uri is None or masked(uri) == uri:
        return None
    return (
        "everybody on this machine can read the password of this URI in the list of processes;"
        " write the URI into a file of your own (mode 600), and name that file in"
        " MINION_MONGODB_URI_FILE"
    )


def reason_against(uri: str, error: Exception, text: str) -> str:
    """Why a URI cannot be used, without its secrets.

    Args:
        uri: the URI.
        error: what was raised when it was used.
        text: what it says; passed on where it holds no more of the URI than `masked` shows.
    """
    if isinstance(error, ssl.SSLError):
        return "its tlsCAFile holds no certificate"
    if isinstance(error, OSError):
        text = f"{error.filename}: {error.strerror}"
    if text.startswith("Private key"):
        return (
            "the certificate and key in its tlsCertificateKeyFile cannot be used; do they belong"
            " together, and is tlsCertificateKeyFilePassword right?"
        )
    if text.startswith("Unknown option"):
        names = [part.partition("=")[0].lower() for part in _parts(uri.partition("?")[2])]
        known = {name.lower(): name for name in (*SHOWN, *SECRET)}
        unknown = [name for name in names if name not in known]
        near = [found for name in unknown for found in get_close_matches(name, known, 1)]
        hint = f"; did you mean {known[near[0]]}?" if near else ""
        return f"one of its options is none that the driver knows{hint}"
    hidden = set(re.findall(r"\w+", f"{uri} {unquote_plus(uri)}")) - set(
        re.findall(r"\w+", masked(uri))
    )
    if "escaped" in text or any(word in text for word in hidden):
        return _ESCAPE
    return text


def _shown(place: str) -> str:
    """What follows the login: hosts, database and options, as far as it cannot be a secret."""
    match = _PLACE.fullmatch(place)
    if match is None:
        kept = re.split(r"[^\w./%,\[\]~-]", place, maxsplit=1)[0]
        rest = place[len(kept) :]
        return f"{kept}{':' if rest[:1] == ':' else ''}{'***' if rest else ''}"
    hosts, query = match.groups()
    return hosts if query is None else f"{hosts}?{_shown_options(query)}"


def _shown_options(query: str) -> str:
    shown: list[str] = []
    for part in _parts(query):
        name, equals, value = part.partition("=")
        if name.lower() in _SHOWN and re.fullmatch(r"[\w.,:%/+~\\*$ -]*", value):
            shown.append(part)
        elif equals and name.lower() in _SECRET:
            shown.append(f"{name}=***")
        elif part and shown[-1:] != ["***"]:
            shown.append("***")
    return "&".join(shown)


def _parts(query: str) -> list[str]:
    return re.split("[&;]", query)
