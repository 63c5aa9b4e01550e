"""A real mongod that speaks TLS alone and asks for clients' certificates; all made here."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pymongo
import pytest
from mongod_with_password import make_root
from replica_set import free_port

from minion.server import find_mongod

PASS_PHRASE = "pa55 phr@se/of:the%key"


@dataclass(frozen=True)
class TlsServer:
    """A mongod for TLS, and the files around it.

    authority, other_authority: PEM files; the other one signed nothing here.
    client: a client's certificate and its key in one file; MongoDB calls it `subject`.
    locked_client: the same, and its key takes a `pass_phrase`.
    stranger: a certificate and key that another authority signed.
    """

    port: int
    authority: Path
    other_authority: Path
    client: Path
    locked_client: Path
    stranger: Path
    subject: str = "CN=collector,O=Minion"
    pass_phrase: str = PASS_PHRASE

    def uri(self, host="localhost", **options):
        """The server's URI with these options; the certificate names it localhost."""
        given = "&".join(f"{name}={value}" for name, value in options.items())
        return f"mongodb://{host}:{self.port}/?{given}"

    @property
    def trusted(self):
        """The options of a client that trusts the server and has a certificate."""
        return {"tls": "true", "tlsCAFile": self.authority, "tlsCertificateKeyFile": self.client}


def openssl(folder, *words):
    subprocess.run(
        ["openssl", *map(str, words)], cwd=folder, check=True, capture_output=True, timeout=60
    )


def authority(folder, name):
    """A new authority; returns the file of its certificate."""
    subject = f"/O=Authority/CN={name}"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(folder, *new, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.pem")
    return folder / f"{name}.pem"


def signed(folder, by, name, subject, alternative="DNS:nobody"):
    """A certificate that an authority signs; returns the file with it and its key."""
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(folder, *new, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
    request = ["x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key"]
    made = ["-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt"]
    openssl(folder, *request, *made)
    both = folder / f"{name}.both"
    both.write_text((folder / f"{name}.crt").read_text() + (folder / f"{name}.key").read_text())
    return both


@pytest.fixture(scope="module")
def mongod_with_tls(tmp_path_factory):
    """A mongod with TLS and authentication; its only user is root, with the password pa55."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no program openssl to make certificates with")
    folder = tmp_path_factory.mktemp("tls")
    ca, other = authority(folder, "ca"), authority(folder, "other")
    server = signed(folder, "ca", "server", "/O=Server/CN=localhost", "DNS:localhost")
    client = signed(folder, "ca", "client", "/O=Minion/CN=collector")
    stranger = signed(folder, "other", "stranger", "/O=Minion/CN=collector")
    locked = folder / "locked.both"
    locking = ["ec", "-in", "client.key", "-aes256", "-passout", f"pass:{PASS_PHRASE}"]
    openssl(folder, *locking, "-out", "locked.key")
    locked.write_text((folder / "client.crt").read_text() + (folder / "locked.key").read_text())
    (folder / "data").mkdir()
    made = TlsServer(free_port(), ca, other, client, locked, stranger)
    program = [find_mongod(), "--dbpath", folder / "data", "--port", str(made.port), "--auth"]
    tls = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", server, "--tlsCAFile", ca]
    rest = ["--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.25"]
    log = ["--logpath", folder / "log", "--nounixsocket"]
    process = subprocess.Popen([*program, *tls, *rest, *log], stdout=subprocess.DEVNULL)
    try:
        root = made.uri(**made.trusted, serverSelectionTimeoutMS=300)
        with pymongo.MongoClient(root) as admin:
            make_root(admin, "mongod with TLS")
        yield made
    finally:
        process.terminate()
        process.wait(60)
