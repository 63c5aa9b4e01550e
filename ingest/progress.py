"""A progress bar on standard error, for people at a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Told = Callable[[int, int | None, int], None]


@contextmanager
def bar(what: str) -> Iterator[Told | None]:
    """What to tell the progress to: bytes done, bytes in all (None: unknown), documents so far.

    None where standard error is no terminal.

    Args:
        what: what is being done.
    """
    from rich.console import Console  # noqa: PLC0415  only for people
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[documents]:,} documents"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None, documents=0, rate=0.0)

        def told(done: int, size: int | None, documents: int) -> None:
            elapsed = progress.tasks[0].elapsed or 0.0
            rate = documents / elapsed if elapsed else 0.0
            progress.update(task, completed=done, total=size, documents=documents, rate=rate)

        yield told
