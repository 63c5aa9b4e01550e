"""URIs are shown without their secrets, however they are written."""

import re
from random import Random
from urllib.parse import quote_plus

import pytest

import minion
from minion.errors import (
    SettingsError,
)
from minion.uris import masked, note_of_password


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("mongodb://ada:secret@h:1/?w=1", "mongodb://ada:***@h:1/?w=1"),
        ("mongodb://ada:s%40c:ret@h", "mongodb://ada:***@h"),
        ("mongodb+srv://ada:secret@h/db", "mongodb+srv://ada:***@h/db"),
        ("mongodb://ada@h", "mongodb://ada@h"),
        ("mongodb://h:27017", "mongodb://h:27017"),
        ("mongodb://%2Ftmp%2Fm.sock", "mongodb://%2Ftmp%2Fm.sock"),
        ("mongodb:///tmp/m.sock", "mongodb:///tmp/m.sock"),
        ("mongodb://ada:x@a:1,b:2,[::1]:3/d", "mongodb://ada:***@a:1,b:2,[::1]:3/d"),
        ("mongodb://CN%3Dada%2CO%3Dx@h", "mongodb://CN%3Dada%2CO%3Dx@h"),
        ("mongodb://:secret@h", "mongodb://:***@h"),
        # Unescaped, so that the driver refuses it.
        ("mongodb://ada:se@cr:et@h/d", "mongodb://ada:***@h/d"),
        ("mongodb://ada:se/cr@et@h/d", "mongodb://ada:***@h/d"),
        ("mongodb://ada:se?cr@h/d", "mongodb://ada:***"),
        ("mongodb://ada:se%cr#et@h/d", "mongodb://ada:***@h/d"),
        ("mongodb://a:x@h1,b:y@h2/d", "mongodb://a:***@h2/d"),
        ("mongodb://ada:secret", "mongodb://ada:***"),
        ("mongodb://ada:123456", "mongodb://ada:***"),
        ("mongodb://ada:se/cret", "mongodb://ada:***"),
        ("ada:secret@h", "ada:***@h"),
        ("mongodb:/ada:secret@h", "mongodb:***@h"),
        ("https://ada:secret@h", "https://ada:***@h"),
        ("nonsense", "nonsense"),
        ("h password=secret", "h***"),
        ("mongodb://h/d\nmongodb://secret", "mongodb://h/d***"),
        ("mongodb://h\x1b[2J", "mongodb://h***"),
        ("", ""),
        # Options.
        (
            "mongodb://h/?tls=true&tlsCertificateKeyFilePassword=secret&tlsCAFile=/a/ca.pem",
            "mongodb://h/?tls=true&tlsCertificateKeyFilePassword=***&tlsCAFile=/a/ca.pem",
        ),
        (
            "mongodb://AKIA:k@h/?authMechanismProperties=AWS_SESSION_TOKEN:t&authSource=$external",
            "mongodb://AKIA:***@h/?authMechanismProperties=***&authSource=$external",
        ),
        ("mongodb://h/?tlscertificatekeyfilepassword=x", "mongodb://h/?tls…=***"),
        ("mongodb://h/?tlsCertificateKeyFilePasword=secret", "mongodb://h/?***"),
        ("mongodb://h/?tlsCertificateKeyFilePassword=se&cret=x", "mongodb://h/?tls…=***&***"),
        ("mongodb://h/?tlsCertificateKeyFilePassword=se;cr;et", "mongodb://h/?tls…=***&***"),
        ("mongodb://h/?tlsCertificateKeyFilePassword=s@ecret", "mongodb://***"),
        ("mongodb://ada:x@h/?tlsCertificateKeyFilePassword=s@et", "mongodb://ada:***"),
        ("mongodb://h/?authSource=admin?password=secret", "mongodb://h/?***"),
        ("mongodb://h/?w", "mongodb://h/?w"),
        ("mongodb://h/?", "mongodb://h/?"),
    ],
)
def test_a_password_is_never_shown(uri, shown):
    # An option keeps the case that it was written in.
    shown = re.sub("tls…", lambda _: re.search("(?i)tlsCertificateKeyFilePassword", uri)[0], shown)
    assert masked(uri) == shown
    assert masked(shown) == shown


def test_no_piece_of_a_secret_is_shown_however_it_is_written():
    """Ten thousand URIs; a secret is pieces that stand nowhere else, with any signs between."""
    random = Random(7)
    signs = "@:/?%#[]&;=,+ \n\x1b\\'\"<>$"
    for _ in range(10_000):
        count = random.randint(1, 4)
        pieces = [f"qXz{number}" for number in range(count)]
        secret = "".join(piece + random.choice(signs) for piece in pieces[:-1]) + pieces[-1]
        scheme = random.choice(["mongodb://", "mongodb+srv://", "", "mongodb:/", "http://"])
        hosts = random.choice(["h", "h:1", "a:1,b:2", "[::1]:5", "%2Ftmp%2Fm.sock", ""])
        rest = random.choice(["", "/", "/db", "/?w=1", "/db?authSource=admin&tls=true", "?"])
        if random.random() < 0.6:
            uri = f"{scheme}{random.choice(['ada', '', 'a.b'])}:{secret}@{hosts}{rest}"
        else:
            name = random.choice(
                ["tlsCertificateKeyFilePassword", "authMechanismProperties", "password", "pasword"]
            )
            value = random.choice([secret, f"AWS_SESSION_TOKEN:{secret}", quote_plus(secret)])
            login = random.choice(["", "ada@", "ada:qXz9@"])
            before = random.choice(["", "tls=true&", "x&"])
            uri = f"{scheme}{login}{hosts}/{random.choice(['', 'db'])}?{before}{name}={value}"
        assert "qXz" not in masked(uri), uri
        assert masked(uri).isprintable(), uri
        assert masked(masked(uri)) == masked(uri), uri


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("mongodb://ada:p@ss@127.0.0.1", "%40"),
        ("mongodb://ada:p:ss@127.0.0.1", "%3A"),
        ("mongodb://ada:p/ss@127.0.0.1", "%2F"),
        ("mongodb://ada:p?ss@127.0.0.1", "%3F"),
        ("mongodb://ada:p%ss@127.0.0.1", "%25"),
        ("mongodb://ada:pass", "%3A"),
        ("mongodb://127.0.0.1/pa ss", "%2F"),
        ("mongodb://127.0.0.1/?tls=yes", "The value of tls must be 'true' or 'false'"),
        ("mongodb://127.0.0.1/?tlsCAFiel=/x", "did you mean tlsCAFile?"),
        ("mongodb://127.0.0.1/?pass=x", "one of its options is none that the driver knows"),
        ("mongodb://127.0.0.1/?tlsCAFile=/no/such.pem", "/no/such.pem: No such file"),
        ("mongodb://127.0.0.1/?w=1&w=2", "Duplicate URI option"),
        ("mongodb://127.0.0.1/?authMechanism=pass", "authmechanism must be in"),
        ("mongodb://ada:x@h/?authMechanismProperties=pass", "Malformed auth mechanism properties"),
        ("mongodb://ada:x@h/?authMechanismProperties=pass:pass", "%40"),
        ("mongodb://127.0.0.1/?w=1;tls=true&j=1", "Can not mix"),
        ("mongodb://ada@127.0.0.1/?authMechanism=SCRAM-SHA-256", "A password is required"),
        ("mongodb://127.0.0.1:0", "between 0 and 65535"),
        ("mongodb://[::1", "IPv6"),
        ("mongodb+srv://ada:pass@h.example:1/", "must not include a port"),
        ("mongodb://127.0.0.1/?tlsCertificateKeyFilePassword=p&&ss", "%26"),
    ],
)
def test_what_is_wrong_with_a_uri_is_said_without_its_secrets(uri, said):
    with pytest.raises(SettingsError) as error:
        minion.connect(uri)
    text = str(error.value)
    assert text.startswith(f"the MongoDB URI {masked(uri)} cannot be used: ")
    assert said in text
    reason = text.replace(masked(uri), "")
    assert not re.search(r"\bp?ass\b|\bss\b", reason), reason
    assert len(text.splitlines()) == 1
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_a_certificate_file_that_is_none(tmp_path):
    path = tmp_path / "x.pem"
    path.write_text("nothing\n")
    with pytest.raises(SettingsError, match="its tlsCAFile holds no certificate"):
        minion.connect(f"mongodb://127.0.0.1/?tlsCAFile={path}")
    with pytest.raises(SettingsError, match="certificate and key in its tlsCertificateKeyFile"):
        minion.connect(f"mongodb://127.0.0.1/?tlsCertificateKeyFile={path}")


def test_a_password_on_a_command_line_is_told():
    assert note_of_password(None) is None
    assert note_of_password("mongodb://h:1/?tls=true") is None
    assert "MINION_MONGODB_URI_FILE" in (note_of_password("mongodb://a:b@h") or "")
    assert "MINION_MONGODB_URI_FILE" in (
        note_of_password("mongodb://h/?tlsCertificateKeyFilePassword=x") or ""
    )
