"""Items in portions: as many as one request to a server may carry."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def portions(
    items: Iterable[T], most: int, size: Callable[[T], int] = lambda _: 1
) -> Iterator[list[T]]:
    """Items as they come, together until they have that size; none of the lists is empty.

    Args:
        items: whatever there is.
        most: the size that ends a portion; the item that reaches it is the last in it.
        size: of one item; default: each counts as one.
    """
    portion: list[T] = []
    held = 0
    for item in items:
        portion.append(item)
        held += size(item)
        if held >= most:
            yield portion
            portion, held = [], 0
    if portion:
        yield portion
