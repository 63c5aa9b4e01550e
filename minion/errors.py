"""Everything that Minion raises on purpose.

    MinionError                     exit status 1
    ├── UsageError                  the call itself is wrong (exit status 2)
    ├── SettingsError               a setting cannot be used
    ├── ServerError                 the embedded mongod cannot start, or ended
    ├── StoreError                  MongoDB does not do what was asked
    │   ├── StoreUnavailable        it is away
    │   ├── StoreRefused            it refuses: password, rights
    │   ├── StoreTooOld             it lacks what Minion needs
    │   └── StoreFull               its disk is full
    ├── NotFound                    no such simulation, experiment, host, chart
    ├── Ambiguous                   a name stands for several things
    ├── AlreadyExists               it would overwrite what is there
    ├── InvalidData                 a value that cannot be what it should be
    ├── OutputError                 a file cannot be written
    ├── Superseded                  somebody else does it, or has done it
    ├── NotComparable               runs differ in more than what is compared (exit status 3)
    └── Incomplete                  something that should be there could not be had (exit status 3)
        └── AgentError              one netdata agent, one reason

A message says what was wrong, where, and what to do next, in one line.
"""


class MinionError(Exception):
    """Base of all errors that Minion raises on purpose."""

    exit_status = 1


class UsageError(MinionError):
    """The call itself is wrong."""

    exit_status = 2


class SettingsError(MinionError):
    """A setting (an option, an environment variable) has a value that cannot be used."""


class ServerError(MinionError):
    """The embedded mongod cannot be started, or ended by itself."""


class StoreError(MinionError):
    """MongoDB does not do what was asked."""


class StoreUnavailable(StoreError):
    """No MongoDB answers."""


class StoreRefused(StoreError):
    """MongoDB answers, and refuses: the password is wrong, or a right is missing."""


class StoreTooOld(StoreError):
    """The server's version lacks what Minion needs."""


class StoreFull(StoreError):
    """MongoDB cannot write because its disk is full."""


class NotFound(MinionError):
    """No such simulation, experiment, host or chart."""


class Ambiguous(MinionError):
    """A name stands for several things; the message lists them."""


class AlreadyExists(MinionError):
    """What should be created is there already; nothing was changed."""


class InvalidData(MinionError):
    """A value cannot be what it should be: an unknown event type, a role, a number."""


class OutputError(MinionError):
    """A file cannot be written."""


class Superseded(MinionError):
    """Somebody else completes the run, or has done so; nothing was changed."""


class NotComparable(MinionError):
    """Runs differ in more than what is compared; the message lists in what."""

    exit_status = 3


class Incomplete(MinionError):
    """Something that should be there could not be had; what could be had is stored."""

    exit_status = 3


class AgentError(Incomplete):
    """One netdata agent did not give what was asked."""
