"""The wire format of Protocol Buffers: a message's fields, read from its bytes.

Only what a reader of one known message needs: variable-length integers, fields of bytes, and
packed repetitions of integers (Protocol Buffers documentation, "Encoding").
"""

from collections.abc import Iterator

from minion.errors import InvalidData

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_MOST_BYTES = 10  # of a 64-bit number, seven bits a byte

Value = int | bytes


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """The number and the value of each field of a message, in their order.

    Args:
        message: its bytes.

    Returns:
        Integers without a sign, and bytes for texts, inner messages and packed repetitions.

    Raises:
        InvalidData: the bytes are no message, or end inside of one.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            width, at = _varint(message, at)
        elif kind in _WIDTHS:
            width = _WIDTHS[kind]
        else:
            raise InvalidData(f"no protobuf message: wire type {kind} at byte {at}")
        if at + width > len(message) or not number:
            raise InvalidData(f"a protobuf message that is cut off or broken at byte {at}")
        part = message[at : at + width]
        at += width
        yield number, part if kind == _BYTES else int.from_bytes(part, "little")


def integers(value: Value) -> list[int]:
    """The integers of a repeated field: one, or several that are packed.

    Raises:
        InvalidData: the bytes end inside of an integer.
    """
    if isinstance(value, int):
        return [value]
    numbers, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        numbers.append(number)
    return numbers


def signed(number: int) -> int:
    """An integer of 64 bits with its sign."""
    return number - (1 << 64) if number >= 1 << 63 else number


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    for place in range(at, min(at + _MOST_BYTES, len(message))):
        byte = message[place]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFF_FFFF_FFFF_FFFF, place + 1
        shift += 7
    raise InvalidData(f"a protobuf message that is cut off or broken at byte {at}")
