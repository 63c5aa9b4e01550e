"""Archives of mongodump's form, held against a strict reader of their published description.

That is `common/archive/spec.md` of the MongoDB Database Tools; mongorestore itself is not run here.
"""

import gzip
import io
import json
import lzma
import subprocess
import sys
from itertools import pairwise

import bson
import numpy as np
import pytest
from bson import Int64, ObjectId, json_util

from minion.archive import (
    Archive,
    ArchiveWriter,
    Described,
    Namespace,
    describe,
    packed,
)
from minion.crc64 import POLYNOMIAL, Crc64
from minion.errors import InvalidData, NotFound
from minion.files import new_file

ONE, TWO, VIEW = (Namespace("study", name) for name in ("minions", "series", "events"))


# ---------------------------------------------------------------- the form, from its description


def xz_crc64(data):
    """The CRC-64 that liblzma writes behind the data of an .xz file, signed."""
    if not data:
        return 0  # an empty .xz file has no block, and so no check
    whole = lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=0)
    index = (int.from_bytes(whole[-8:-4], "little") + 1) * 4
    end = len(whole) - 12 - index
    return int.from_bytes(whole[end - 8 : end], "little", signed=True)


def strictly_read(data):
    """(header, what is said of each collection, documents by namespace); anything else fails."""
    place = 0

    def item():
        nonlocal place
        size = int.from_bytes(data[place : place + 4], "little")
        if size == 0xFFFFFFFF:
            place += 4
            return None
        assert 5 <= size <= 16 * 2**20 + 16_384
        raw = data[place : place + size]
        assert len(raw) == size
        assert raw[-1] == 0
        place += size
        return raw

    assert int.from_bytes(data[:4], "little") == 0x8199E26D
    place = 4
    header = bson.decode(item())
    assert list(header) == ["concurrent_collections", "version", "server_version", "tool_version"]
    assert type(header["concurrent_collections"]) is int
    assert header["version"] == "0.1"
    assert [type(header[key]) for key in ("server_version", "tool_version")] == [str, str]
    described = []
    while (raw := item()) is not None:
        about = bson.decode(raw)
        assert list(about) == ["db", "collection", "metadata", "size", "type"]
        assert [type(value) for value in about.values()] == [str, str, str, int, str]
        described.append(about)
    documents = {(d["db"], d["collection"]): [] for d in described}
    ended = set()
    while place < len(data):
        head = bson.decode(item())
        assert list(head) == ["db", "collection", "EOF", "CRC"]
        assert type(head["EOF"]) is bool
        assert type(head["CRC"]) is Int64
        name = head["db"], head["collection"]
        assert name in documents
        assert name not in ended
        found = documents[name]
        if head["EOF"]:
            assert item() is None
            assert head["CRC"] == xz_crc64(b"".join(found))
            ended.add(name)
        else:
            assert head["CRC"] == 0
            while (raw := item()) is not None:
                bson.decode(raw)
                found.append(raw)
    assert ended == documents.keys()
    return header, described, documents


def as_mongodump(collections, blocks, *, kinds=None, ended=None):
    """An archive as mongodump writes it: blocks of several collections mixed.

    Args:
        collections: namespaces, in the order of the prelude.
        blocks: (namespace, documents), in the order of the file.
        kinds: by namespace; default: `collection`.
        ended: the collections that end; default: all.
    """
    header = {
        "concurrent_collections": 4,
        "version": "0.1",
        "server_version": "7.0.14",
        "tool_version": "100.10.0",
    }
    parts = [bytes.fromhex("6de29981"), bson.encode(header)]
    for place in collections:
        about = {"db": place[0], "collection": place[1], "metadata": "{}", "size": 0}
        parts.append(bson.encode({**about, "type": (kinds or {}).get(place, "collection")}))
    parts.append(b"\xff" * 4)
    bodies = dict.fromkeys(collections, b"")
    for place, documents in blocks:
        parts.append(head_of(place, ended=False, crc=0))
        parts += [*documents, b"\xff" * 4]
        bodies[place] += b"".join(documents)
    for place in collections if ended is None else ended:
        parts += [head_of(place, ended=True, crc=xz_crc64(bodies[place])), b"\xff" * 4]
    return b"".join(parts)


def head_of(place, *, ended, crc):
    database, collection = place
    return bson.encode({"db": database, "collection": collection, "EOF": ended, "CRC": Int64(crc)})


def some_documents(count=5, *, seed=1):
    random = np.random.default_rng(seed)
    return [
        bson.encode({"_id": ObjectId(), "values": random.normal(size=size).tolist()})
        for size in random.integers(0, 30, count)
    ]


def written(collections, **content):
    """An archive as Minion writes it, in memory."""
    file = io.BytesIO()
    described = [Described(place, "{}") for place in collections]
    archive = ArchiveWriter(file, described, server_version="6.0.5", tool_version="minion 0")
    for place in collections:
        with archive.collection(place) as write:
            for documents in content.get(place.collection, []):
                write(documents)
    return file.getvalue()


def read(path, wanted=(ONE, TWO), **options):
    return list(Archive(path).documents(wanted, **options))


# ---------------------------------------------------------------- the CRC


def bit_by_bit(data):
    register = 2**64 - 1
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (POLYNOMIAL if register & 1 else 0)
    value = register ^ (2**64 - 1)
    return value - 2**64 if value >= 2**63 else value


def crc_of(*pieces):
    crc = Crc64()
    for piece in pieces:
        crc.update(piece)
    return crc.value


def test_the_crc_has_its_published_check_value():
    # G. Cook, catalogue of CRC algorithms: CRC-64/XZ, alias CRC-64/GO-ECMA.
    assert crc_of(b"123456789") % 2**64 == 0x995DC9BBDF1939FA


@pytest.mark.parametrize("length", [*range(40), 255, 256, 1000, 4096, 12_345])
def test_the_crc_is_that_of_its_definition_and_of_xz(length):
    data = np.random.default_rng(length).bytes(length)
    assert crc_of(data) == bit_by_bit(data) == xz_crc64(data)


@pytest.mark.parametrize("beyond", [-9, -8, -1, 0, 1, 7, 8, 9, 2**19, 2**20 - 1, 2**20 + 3])
def test_the_crc_of_more_than_one_block_is_that_of_xz(beyond):
    data = np.random.default_rng(1).bytes(2**20 + beyond)
    assert crc_of(data) == xz_crc64(data)


def test_the_crc_does_not_depend_on_the_pieces_and_can_be_asked_for_in_between():
    random = np.random.default_rng(2)
    data = random.bytes(3 * 2**20 + 5)
    edges = [0, *sorted(random.integers(0, len(data), 40).tolist()), len(data)]
    crc = Crc64()
    for start, stop in pairwise(edges):
        crc.update(data[start:stop])
    assert crc.value == crc.value == xz_crc64(data)
    crc.update(b"more")
    assert crc.value == xz_crc64(data + b"more")
    assert crc_of() == 0


# ---------------------------------------------------------------- out


def test_what_is_written_is_what_the_description_says():
    first, second = some_documents(7, seed=1), some_documents(90, seed=2)
    data = written([ONE, TWO, VIEW], minions=[b"".join(first)], series=second)
    header, described, documents = strictly_read(data)
    assert header["tool_version"] == "minion 0"
    assert [d["collection"] for d in described] == ["minions", "series", "events"]
    assert documents == {ONE: first, TWO: second, VIEW: []}


def test_a_collection_is_described_so_that_it_can_be_made_anew(store):
    minions, series = (describe(store.database, name) for name in ("minions", "series"))
    assert minions.namespace == (store.database.name, "minions")
    plain = json.loads(series.metadata)
    assert list(plain) == ["options", "indexes", "uuid", "collectionName", "type"]
    assert plain["indexes"][0]["key"] == {"_id": {"$numberInt": "1"}}  # canonical extended JSON
    assert len(bytes.fromhex(plain["uuid"])) == 16
    # A server that is given nothing but this makes the same collection.
    for one in (minions, series):
        told = json_util.loads(one.metadata)
        copy = store.database.create_collection(
            f"copy_of_{told['collectionName']}",
            **{key: value for key, value in told["options"].items() if key != "storageEngine"},
            storageEngine=told["options"]["storageEngine"],
        )
        wanted = [{k: v for k, v in index.items() if k != "v"} for index in told["indexes"]]
        store.database.command("createIndexes", copy.name, indexes=wanted)
        original = store.database[told["collectionName"]]
        assert copy.index_information() == original.index_information()
        assert copy.options() == original.options()


def test_a_collection_that_is_not_there_cannot_be_described(store):
    with pytest.raises(NotFound, match="no collection nothing"):
        describe(store.database, "nothing")


# ---------------------------------------------------------------- in


@pytest.mark.parametrize("zipped", [False, True])
def test_collections_come_back_in_the_order_of_the_file(tmp_path, zipped):
    a, b, c = (some_documents(4, seed=seed) for seed in range(3))
    other = Namespace("other", "minions")
    blocks = [(TWO, b[:1]), (ONE, a[:2]), (other, c), (TWO, b[1:]), (ONE, []), (ONE, a[2:])]
    data = as_mongodump([ONE, other, TWO, VIEW], blocks, kinds={VIEW: "view"})
    path = tmp_path / "dump"
    path.write_bytes(gzip.compress(data) if zipped else data)
    archive = Archive(path)
    assert [(d.namespace, d.kind) for d in archive.collections] == [
        (ONE, "collection"),
        (other, "collection"),
        (TWO, "collection"),
        (VIEW, "view"),
    ]
    expected = [(TWO, b[0]), (ONE, a[0]), (ONE, a[1]), *((TWO, one) for one in b[1:])]
    expected += [(ONE, one) for one in a[2:]]
    assert read(path) == read(path, whole=True) == expected
    assert read(path, [other]) == [(other, one) for one in c]
    assert read(path, []) == []


def test_reading_ends_with_what_is_wanted_unless_the_whole_shall_be_checked(tmp_path):
    first = some_documents(3)
    path = tmp_path / "dump"
    path.write_bytes(written([ONE, TWO], minions=first)[:-30])
    assert read(path, [ONE]) == [(ONE, one) for one in first]
    with pytest.raises(InvalidData, match="is damaged at byte"):
        read(path, [ONE], whole=True)


def test_a_view_without_an_end_is_no_damage(tmp_path):
    path = tmp_path / "dump"
    path.write_bytes(as_mongodump([ONE, TWO, VIEW], [], kinds={VIEW: "view"}, ended=[ONE, TWO]))
    assert read(path, whole=True) == []


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path):
    data = written([ONE, TWO], minions=some_documents(2), series=some_documents(2, seed=2))
    path = tmp_path / "dump"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(InvalidData, match=r"is damaged|is no archive") as refused:
            read(path, whole=True)
        assert "\n" not in str(refused.value)
    path.write_bytes(data)
    assert len(read(path, whole=True)) == 4


def test_a_wrong_byte_anywhere_is_refused_or_changes_no_document(tmp_path):
    data = written([ONE, TWO], minions=some_documents(2), series=some_documents(2, seed=2))
    path = tmp_path / "dump"
    path.write_bytes(data)
    good = read(path, whole=True)
    random = np.random.default_rng(3)
    survived = 0
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 1 << int(random.integers(8))
        path.write_bytes(broken)
        try:
            found = read(path, whole=True)
        except InvalidData:
            continue
        else:
            survived += 1
            assert found == good
    # Versions and sizes in the prelude are not covered by a checksum, documents are.
    assert survived < len(data) / 2


def test_a_gzipped_file_that_is_cut_off_or_garbled_is_refused(tmp_path):
    zipped = gzip.compress(written([ONE, TWO], series=some_documents(40)))
    path = tmp_path / "dump.gz"
    for length in range(2, len(zipped), 7):
        path.write_bytes(zipped[:length])
        with pytest.raises(InvalidData, match="is damaged"):
            read(path, whole=True)
    for at in (3, len(zipped) // 2, len(zipped) - 6):
        path.write_bytes(zipped[:at] + bytes([zipped[at] ^ 0x55]) + zipped[at + 1 :])
        with pytest.raises(InvalidData, match="is damaged"):
            read(path, whole=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no archive"),
        (b"{}", "is no archive"),
        (b"PK\x03\x04 and more", "is no archive"),
        (bytes.fromhex("6de29981") + b"\xff" * 4, "is damaged at byte 8: a block has no head"),
        (bytes.fromhex("6de29981") + bson.encode({"version": "0.2"}), "has version 0.2 of the"),
        (bytes.fromhex("6de29981") + b"\x03\0\0\0", "3 is no length of a document"),
        (bytes.fromhex("6de29981") + b"\0\0\0\x7f", "2130706432 is no length of a document"),
    ],
)
def test_what_is_no_archive_is_said_to_be_none(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InvalidData, match=message):
        Archive(path)


def test_blocks_that_contradict_each_other_are_refused(tmp_path):
    documents = some_documents(2)
    path = tmp_path / "dump"
    whole = as_mongodump([ONE, TWO], [(ONE, documents)])
    path.write_bytes(whole + head_of(ONE, ended=False, crc=0) + b"\xff" * 4)
    with pytest.raises(InvalidData, match=r"study\.minions goes on after its end"):
        read(path, whole=True)
    path.write_bytes(as_mongodump([ONE, TWO], [(ONE, documents)], ended=[ONE]))
    with pytest.raises(InvalidData, match=r"it ends before study\.series does"):
        read(path, whole=True)


def test_a_file_that_is_not_there_or_no_file(tmp_path):
    with pytest.raises(NotFound, match="there is no file"):
        Archive(tmp_path / "nothing")
    with pytest.raises(InvalidData, match="cannot be read: Is a directory"):
        Archive(tmp_path)


# ---------------------------------------------------------------- the file itself


FILL = """
import os, resource, sys
from minion.archive import packed
from minion.errors import OutputError
from minion.files import new_file
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
try:
    with new_file(sys.argv[1]) as file, packed(file, sys.argv[1]) as out:
        for _ in range(1_000):
            out.write(os.urandom(1_000))
except OutputError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, before)  # what ends with the process writes files too
"""


@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_a_file_that_cannot_grow_leaves_nothing(tmp_path, name):
    tried = subprocess.run(
        [sys.executable, "-c", FILL, tmp_path / name],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert tried.stdout == f"{tmp_path / name} cannot be written: File too large\n"
    assert tried.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_the_same_documents_give_the_same_gzipped_bytes(tmp_path):
    data = written([ONE], minions=some_documents(50))
    files = []
    for name in ("a.gz", "b.gz"):
        with new_file(tmp_path / name) as file, packed(file, name) as out:
            out.write(data)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    assert gzip.decompress(files[0]) == data
