"""The commands that keep a store in order: prune, backup, restore."""

from minion.console import DB, EXPERIMENT, FORMAT, SELECTION, Session, command

WHICH = {name: SELECTION[name] for name in ("experiment", "platform", "sims")}


@command(WHICH, FORMAT, DB)
def prune(
    session: Session, *, older: str | None = None, unfinished: bool = False, yes: bool = False
) -> None:
    """Delete runs by age, experiment or name; --yes does it, else it shows which.

    Excluded runs are among them. MongoDB fills the room of what is deleted with what is written
    next; the files on its disk do not shrink.

    Args:
        older: Runs that ended longer ago than this: 12h, 90d, 8w.
        unfinished: Runs that are not complete too, such as those in progress.
        yes: Delete them.
    """
    from minion.retention import plan_prune  # noqa: PLC0415
    from minion.retention import prune as carry_out  # noqa: PLC0415
    from minion.settings import parse_duration  # noqa: PLC0415

    age = None if older is None else parse_duration(older)
    plan = plan_prune(session.store, older_than_s=age, unfinished=unfinished, **session.selection)
    if plan.unfinished:
        session.note(
            f"{plan.unfinished:,} more are not complete and stay; --unfinished takes them too"
        )
    if plan.frame.empty:
        session.note("there is nothing to delete")
    elif not yes:
        session.show(plan.frame)
        session.note(
            f"nothing was deleted: {len(plan.frame):,} simulations with {plan.samples:,} samples,"
            f" about {plan.bytes / 1e6:,.1f} MB, would go; add --yes to delete them"
        )
    else:
        done = carry_out(session.store, plan)
        for sentence in done.left:
            session.note(sentence)
        session.say(f"deleted: {done.simulations:,} simulations with {done.samples:,} samples")


@command(WHICH, DB)
def backup(session: Session, file: str, *, force: bool = False) -> None:
    """Write runs into one file, which `minion restore` and mongorestore read.

    Excluded runs and runs in progress are among them. The file is there whole or not at all.

    Args:
        file: The file; gzipped when its name ends in .gz.
        force: Replace a file that exists.
    """
    from minion.backup import backup as write  # noqa: PLC0415

    done = write(session.store, file, force=force, **session.selection)
    session.say(
        f"written: {done.simulations:,} simulations with {done.samples:,} samples,"
        f" {done.bytes / 1e6:,.1f} MB, {done.path}"
    )


@command({"experiment": EXPERIMENT}, DB)
def restore(session: Session, file: str, *, into: str | None = None) -> None:
    """Bring the runs of a backup back; what is there already stays as it is.

    Reads what `mongodump --archive` made of a Minion database too, gzipped or not.

    Args:
        file: The file.
        into: Name of the experiment that they go to, as copies. Default: where they were.
    """
    from minion.restore import restore as bring_back  # noqa: PLC0415

    done = bring_back(session.store, file, experiment=session.experiment, into=into)
    if done.strays:
        session.note(f"{done.strays:,} series of the file belong to none of its simulations")
    session.say(
        f"restored: {done.simulations:,} simulations with {done.samples:,} samples;"
        f" there already: {done.skipped:,}"
    )
