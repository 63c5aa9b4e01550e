"""The CRC-64 of mongodump's archives, over blocks of words at once.

It is the one that Go's `hash/crc64` calls ECMA and that xz writes: the polynomial of ECMA-182 with
bits reflected, all bits inverted before and after. Python has it nowhere but inside its xz.

A register s that meets an eight-byte word w becomes T(s ^ w), with T linear over bits. So a block
of 2h words a, b has the same CRC as the h words T^h(a) ^ b (folding: V. Gopal and others, "Fast CRC
Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009), and T^h of a word
is eight looks into tables (slicing: M. E. Kounavis and F. L. Berry, "A Systematic Approach to
Building High Performance Software-based CRC Generators", 2005). Halving until one word is left
needs some twenty operations on arrays instead of one on each byte.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0xC96C5795D7870F42  # that of ECMA-182, bits reflected
_LEVELS = 17
_BLOCK = 8 << _LEVELS  # bytes that are folded at once: they stay in the processor's cache
_ALL = 2**64 - 1

_Words = NDArray[np.uint64]


class Crc64:
    """The CRC-64 of bytes that come piece by piece."""

    def __init__(self) -> None:
        self._register = _ALL
        self._rest = bytearray()

    def update(self, data: bytes) -> None:
        """Take more bytes in."""
        self._rest += data
        whole = len(self._rest) // _BLOCK * _BLOCK
        if whole:
            with memoryview(self._rest) as view:
                for at in range(0, whole, _BLOCK):
                    self._register = _folded(self._register, view[at : at + _BLOCK])
            del self._rest[:whole]

    @property
    def value(self) -> int:
        """The CRC of everything so far, as the signed number that BSON's int64 is."""
        words = len(self._rest) // 8 * 8
        register = _folded(self._register, self._rest[:words])
        table = _tables(0)[7]
        for byte in self._rest[words:]:
            register = int(table[(register ^ byte) & 0xFF]) ^ (register >> 8)
        register ^= _ALL
        return register - 2**64 if register >= 2**63 else register


def _folded(register: int, data: bytes | bytearray | memoryview) -> int:
    """The register after some words, no more than a block."""
    if not len(data):
        return register
    words = np.frombuffer(data, "<u8").astype(np.uint64)
    words[0] ^= np.uint64(register)
    # Zeros in front change nothing while the register is zero.
    levels = (len(words) - 1).bit_length()
    words = np.concatenate([np.zeros(2**levels - len(words), np.uint64), words])
    for level in reversed(range(levels)):
        half = 2**level
        words = _advanced(words[:half], _tables(level)) ^ words[half:]
    return int(_advanced(words, _tables(0))[0])


def _advanced(words: _Words, tables: _Words) -> _Words:
    """What each word becomes over as many zero words as the tables stand for."""
    split = np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(-1, 8)
    found: _Words = tables[0].take(split[:, 0])
    for place in range(1, 8):
        found ^= tables[place].take(split[:, place])
    return found


@cache
def _tables(level: int) -> _Words:
    """By place of a byte in its word, and by byte: what it becomes over 2^level zero words."""
    if level:
        before = _tables(level - 1)
        return _advanced(before.ravel(), before).reshape(8, 256)
    one = np.arange(256, dtype=np.uint64)
    for _ in range(8):
        one = (one >> np.uint64(1)) ^ np.where(one & np.uint64(1), np.uint64(POLYNOMIAL), 0)
    tables = [one]  # over one zero byte, that of the last place in the word
    for _ in range(7):
        last = tables[-1]
        tables.append((last >> np.uint64(8)) ^ one[last & np.uint64(0xFF)])
    return np.stack(tables[::-1])
