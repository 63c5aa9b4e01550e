"""What Fire would guess is said before Fire sees it."""

import pytest

from minion.arguments import normalize, parsers, usage
from minion.console import DB, FORMAT, Session, command, run
from minion.errors import UsageError


@command(FORMAT, DB)
def sample(
    session: Session, sim: str, *, reason: str, often: int = 1, wait: float = 0.5, dry: bool = False
) -> None:
    """Do something.

    It does it twice.

    Args:
        sim: A sim_id, which may be
            of any form.
        reason: Why.
        often: How often.
        wait: Seconds.
        dry: Only say it.
    """


@command(DB)
def several(session: Session, platform: str, files: tuple[str, ...], *, dry: bool = False) -> None:
    """Do something with files.

    Args:
        platform: A platform.
        files: Files.
        dry: Only say it.
    """


def words(*arguments):
    return normalize("sample", sample, arguments)


@pytest.mark.parametrize("text", ["5000", "k3s#1", "1000,1023", "[1]", "-1", "-", "1e3", "a b", ""])
def test_text_stays_text(text):
    assert words(text, "--reason", text)[:2] == [f"--sim={text}", f"--reason={text}"]
    assert parsers(sample)["sim"](text) == text


def test_the_last_argument_may_take_all_words_that_are_left():
    line = normalize("several", several, ["p", "a,b", "--dry", "c d", "-"])
    assert [word.partition("=")[0] for word in line] == ["--platform", "--files", "--dry"]
    assert parsers(several)["files"](line[1].partition("=")[2]) == ("a,b", "c d", "-")
    assert usage("several", several).startswith("usage: minion several PLATFORM FILES... [options]")
    with pytest.raises(UsageError, match="FILES missing"):
        normalize("several", several, ["p"])


def test_a_value_may_begin_with_a_dash():
    assert words("1", "--reason", "-x") == ["--sim=1", "--reason=-x"]
    assert words("1", "--reason=--x") == ["--sim=1", "--reason=--x"]


def test_switches_take_no_value():
    assert words("--reason=a", "--dry", "1") == ["--sim=1", "--reason=a", "--dry=True"]
    assert "--dry=False" in words("1", "--reason=a", "--nodry")
    assert "--dry=False" in words("1", "--reason=a", "--dry=false")


def test_dashes_and_underscores_are_one():
    @command()
    def other(session: Session, *, include_excluded: bool = False) -> None:
        """Other."""

    assert normalize("other", other, ["--include-excluded"]) == ["--include_excluded=True"]
    assert normalize("other", other, ["--no-include-excluded"]) == ["--include_excluded=False"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1", "--raeson", "x"], "unknown option --raeson; did you mean --reason"),
        (["1", "--zzz"], "unknown option --zzz; there are: --sim --reason"),
        (["1", "--reason"], "--reason needs a value"),
        (["1", "--reason", "--dry"], r"--reason needs a value .*--reason=--dry"),
        (["1", "2", "--reason=x"], "one argument too many: '2'"),
        (["--reason=x"], "SIM missing"),
        (["1"], "--reason REASON is required"),
        (["1", "--reason=x", "--dry=perhaps"], "a switch is given alone"),
        (["1", "--reason=x", "--nosim"], "unknown option --nosim"),
        (["1", "--reason=x", "-f"], "unknown option -f"),
    ],
)
def test_a_wrong_call_is_named(arguments, message):
    with pytest.raises(UsageError, match=message):
        words(*arguments)


@pytest.mark.parametrize(
    ("name", "text"), [("often", "1.5"), ("often", "x"), ("wait", "soon"), ("wait", "1,5")]
)
def test_numbers_are_numbers(name, text):
    with pytest.raises(UsageError, match=f"--{name} {text}: a"):
        parsers(sample)[name](text)


def test_a_number_that_may_be_absent_is_a_number():
    @command()
    def other(session: Session, *, at: float | None = None, note: str | None = None) -> None:
        """Other."""

    assert parsers(other)["at"]("1.5") == 1.5
    assert parsers(other)["note"]("1.5") == "1.5"
    with pytest.raises(UsageError, match="--at soon: a number"):
        parsers(other)["at"]("soon")


def test_nothing_runs_before_everything_is_read():
    ran = []

    @command(FORMAT)
    def note(session: Session) -> None:
        """Note."""
        ran.append(session.format)

    task = note(format="csv")
    assert ran == []
    run(task)
    assert ran == ["csv"]
    with pytest.raises(UsageError, match="--format yaml: there are table, csv"):
        note(format="yaml")


def test_help_says_what_each_argument_is():
    assert usage("sample", sample).splitlines() == [
        "usage: minion sample SIM --reason REASON [options]",
        "",
        "Do something.",
        "",
        "It does it twice.",
        "",
        "arguments:",
        "  SIM                         A sim_id, which may be of any form.",
        "",
        "options:",
        "  --reason REASON             Why. Required.",
        "  --often OFTEN               How often. Default: 1.",
        "  --wait WAIT                 Seconds. Default: 0.5.",
        "  --dry                       Only say it.",
        "  --format FORMAT             table, csv, json or parquet; all but table are exact.",
        "                              Default: table.",
        "  --db DB                     MongoDB URI, instead of MINION_MONGODB_URI or the embedded",
        "                              server.",
    ]
