"""The server of the page without a browser: what it answers, to whom, and with which headers."""

import io
import json
import os
import re
import signal

import pandas as pd
import pytest
from flask.testing import FlaskClient
from runs import run, started
from waiting import wait_for

import minion
from analysis import utilization
from analysis.web import judging, runs_page
from analysis.web.address import (
    Question,
    filter_of,
    list_query,
    question_of,
    question_query,
    run_address,
    run_of,
    same_query,
)
from analysis.web.compare_page import comparison
from analysis.web.keeper import Keeper
from analysis.web.listing import Filter, Listing
from analysis.web.live import Region
from analysis.web.pages import application
from analysis.web.parts import frame_table, moment, shown
from analysis.web.tokens import TOKEN_VARIABLE, check_token, read_token
from minion.errors import (
    InvalidData,
    MinionError,
    NotFound,
    SettingsError,
    UsageError,
)
from minion.model import Verdict

HOSTILE = "<script>alert(1)</script>\"'&,1-3"
TOKEN = "0123456789abcdef"


class Client(FlaskClient):
    """A client that has read and closed every answer."""

    def open(self, *arguments, **options):
        return super().open(*arguments, **{"buffered": True, **options})


@pytest.fixture
def keeper(store, mongodb_uri):
    kept = Keeper(opened=lambda _: minion.connect(mongodb_uri, database=store.database.name))
    yield kept
    kept.close()


@pytest.fixture
def client(keeper):
    """Asks a server that was started with a token."""
    return Client(application(keeper, host="127.0.0.1", token=TOKEN).server)


@pytest.fixture
def two_platforms(store):
    """Six runs on two platforms, one of them excluded."""
    for number in range(6):
        simulation, series = run(str(number), platform="K8s" if number % 2 else "a&b")
        store.put(simulation, series)
    store.judge(store.simulation("5", "e"), Verdict.EXCLUDED, ["broken"], by="me")
    return store


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter(text=HOSTILE, experiment=HOSTILE, platform="a&b", verdict="valid", order="name"),
        Filter(status="running", text="+ %41 #"),
    ],
)
def test_an_address_says_what_the_filter_says(wanted):
    assert filter_of(list_query(wanted, 7)) == (wanted, 7)
    assert filter_of(list_query(wanted)) == (wanted, 1)


def test_an_address_that_says_nonsense_is_the_first_page_of_all():
    nonsense = "?verdict=guilty&status=x&order=$where&page=-1&page=%00&experiment="
    assert filter_of(nonsense) == (Filter(), 1)
    assert filter_of("?text=" + "x" * 10_000) == (Filter(), 1)
    assert filter_of(None) == (Filter(), 1)


def test_questions_and_runs_come_back_as_they_were():
    asked = Question(
        experiment=HOSTILE,
        platform="a&b",
        sims="1-5,x",
        phase="p q",
        metric="net",
        baseline="K8s",
        margin="5%",
        allow="netdata",
        excluded="yes",
    )
    assert question_of(question_query(asked)) == asked
    assert asked.choice["platform"] == ["a&b"]
    assert run_of(run_address(HOSTILE, HOSTILE, "ram").partition("?")[2]) == (
        HOSTILE,
        HOSTILE,
        "ram",
    )
    assert same_query("?a=1&b=2", "b=2&a=1&c=")
    with pytest.raises(InvalidData, match="names no run"):
        run_of("?experiment=e")
    with pytest.raises(NotFound, match="no metric"):
        run_of("?experiment=e&sim_id=1&metric=soul")


# ---------------------------------------------------------------- who may ask, and headers


@pytest.mark.usefixtures("two_platforms")
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/download/runs.csv?experiment=e", "text/csv"),
        ("/download/samples.csv?experiment=e", "text/csv"),
        ("/download/nothing.csv?experiment=e", "text/plain"),
    ],
)
def test_a_file_names_its_letters_once(client, path, kind):
    assert client.get(path).headers["Content-Type"] == f"{kind}; charset=utf-8"


@pytest.mark.usefixtures("two_platforms")
def test_a_comparison_speaks_as_a_page(store):
    listing = Listing(store)
    with pytest.raises(InvalidData, match=r"a&b \(3 runs\).*under “Compared by”"):
        comparison(listing, "?experiment=e&platform=a%26b&metric=cpu")
    with pytest.raises(InvalidData, match=r"only one platform.*K8s \(1 run\)"):
        comparison(listing, "?experiment=e&sims=1&metric=cpu")
    told = str(comparison(listing, "?experiment=e&metric=cpu"))
    assert "percentage points" in told
    assert not re.search(r"Td\(children='-", told)
    heads = re.findall(r"Th\(children='([^']+)', className='(\w*)'", told)
    assert {kind for name, kind in heads if name in ("difference", "interval", "p")} == {"number"}
    assert {kind for name, kind in heads if name in ("level", "unit")} == {""}
    assert [shown(-0.5), shown(-2), shown(-0.0001), shown(1234.5)] == ["−0.5", "−2", "0", "1,234.5"]


@pytest.mark.usefixtures("two_platforms")
def test_every_answer_keeps_itself_to_itself(client):
    for path in ("/", "/run", "/_dash-layout", "/download/runs.csv", "/nothing", "/assets/page.js"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        scripts = next(p for p in policy.split("; ") if p.startswith("script-src"))
        assert "unsafe" not in scripts
        assert "http" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        if not path.startswith("/assets"):
            assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8765", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("10.0.0.3", 200),
        ("evil.example:8765", 421),
        ("127.0.0.1.evil.example", 421),
    ],
)
def test_names_of_others_are_not_answered(client, host, status):
    assert client.get("/", headers={"Host": host}).status_code == status


def test_another_page_may_not_ask(client):
    path = "/_dash-update-component"
    assert client.post(path, json={}, headers={"Origin": "http://evil.example"}).status_code == 403
    large = json.dumps("x" * 2_000_000)
    assert client.post(path, data=large, content_type="application/json").status_code == 413
    assert client.post(path, data="{}", content_type="text/plain").status_code == 415


# ---------------------------------------------------------------- files


def test_a_table_holds_the_samples(client, two_platforms):
    answer = client.get("/download/cpu.csv?experiment=e&platform=K8s&excluded=yes")
    found = pd.read_csv(io.BytesIO(answer.data), dtype={"sim_id": "str"})
    whole = utilization(two_platforms, "cpu", platform="K8s", include_excluded=True)
    assert found["value"].tolist() == whole["value"].tolist()
    assert sorted(set(found["sim_id"])) == ["1", "3", "5"]
    assert "filename=e-cpu.csv" in answer.headers["Content-Disposition"]
    parquet = client.get("/download/cpu.parquet?experiment=e&platform=K8s&excluded=yes")
    assert pd.read_parquet(io.BytesIO(parquet.data))["value"].tolist() == found["value"].tolist()


def test_every_sample_comes_in_one_file(client, two_platforms):
    whole = two_platforms.samples(experiment="e")
    text = client.get("/download/samples.csv?experiment=e").data
    assert len(pd.read_csv(io.BytesIO(text))) == len(whole)
    binary = client.get("/download/samples.parquet?experiment=e").data
    frame = pd.read_parquet(io.BytesIO(binary))
    assert frame["value"].tolist() == whole["value"].tolist()


@pytest.mark.usefixtures("two_platforms")
def test_lists_durations_and_the_comparison(client):
    runs = pd.read_csv(io.BytesIO(client.get("/download/runs.csv?experiment=e").data))
    assert runs["sim_id"].tolist() == [0, 1, 2, 3, 4]
    taken = pd.read_csv(io.BytesIO(client.get("/download/duration.csv?experiment=e").data))
    assert set(taken["duration_s"]) >= {50.0}
    told = json.loads(client.get("/download/comparison.json?experiment=e&margin=5%25").data)
    assert told["provenance"]["options"]["margin"] == "5%"
    pairs = pd.read_csv(io.BytesIO(client.get("/download/comparison.csv?experiment=e").data))
    assert set(pairs["level"]) | set(pairs["reference"]) == {"K8s", "a&b"}


@pytest.mark.usefixtures("two_platforms")
@pytest.mark.parametrize("what", ["run", "differences", "values"])
def test_charts_as_files(client, what):
    asked = "?experiment=e" + ("&sim_id=1" if what == "run" else "")
    assert client.get(f"/download/{what}.png{asked}").data.startswith(b"\x89PNG")
    assert b"<svg" in client.get(f"/download/{what}.svg{asked}").data
    spec = json.loads(client.get(f"/download/{what}.json{asked}").data)
    assert spec["$schema"].endswith(".json")


@pytest.mark.usefixtures("two_platforms")
def test_the_report_as_a_file(client):
    answer = client.get("/download/report.html?experiment=e")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert b"<!DOCTYPE html>" in answer.data


@pytest.mark.usefixtures("two_platforms")
@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("cpu.csv?experiment=none", 404, "no experiment none"),
        ("samples.csv?experiment=none", 404, "no experiment none"),
        ("soul.csv", 404, "no table soul"),
        ("cpu.exe", 404, "no file ends with exe"),
        ("run.svg", 400, "names no run"),
        ("run.svg?experiment=e&sim_id=none", 404, "no simulation none"),
        ("cpu.csv?sims=9-1", 400, "runs backwards"),
        ("comparison.json?experiment=e&margin=x", 400, "margin"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_line(client, path, status, said):
    answer = client.get(f"/download/{path}")
    assert answer.status_code == status
    assert said in answer.text
    assert answer.text.count("\n") == 1
    assert answer.mimetype == "text/plain"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/run?experiment=e", 200), ("/compare", 200), ("/data", 200), ("/soul", 404)],
)
def test_a_wrong_address_is_no_page(client, path, status):
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")


def test_names_of_files_are_plain(client, store):
    simulation, series = run(HOSTILE, experiment=HOSTILE, hosts=[HOSTILE], metrics=["cpu"])
    store.put(simulation, series)
    address = run_address(HOSTILE, HOSTILE, "cpu").replace("/run", "/download/run.csv")
    answer = client.get(address)
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=run-script-alert-1-script-1-3-cpu.csv"
    )
    assert set(pd.read_csv(io.BytesIO(answer.data))["hostname"]) == {HOSTILE}


# ---------------------------------------------------------------- verdicts


def test_only_the_token_changes_a_verdict(keeper, store):
    store.add(started())
    address = run_address("e", "1").partition("?")[2]
    judging.change(keeper, address, Verdict.EXCLUDED, "  cable \n out ", "Ada")
    validity = store.simulation("1").validity
    assert (validity.verdict, validity.by) == (Verdict.EXCLUDED, "Ada")
    assert validity.reasons == ("cable out",)
    with pytest.raises(InvalidData, match="needs a reason"):
        judging.change(keeper, address, Verdict.VALID, " ", "Ada")
    with pytest.raises(InvalidData, match="needs your name"):
        judging.change(keeper, address, Verdict.VALID, "fine", "")
    for wrong in ("", "0123456789abcdeF", TOKEN * 2, "ü"):
        with pytest.raises(UsageError, match="not the token"):
            check_token(TOKEN, wrong)
    with pytest.raises(UsageError, match="only reads"):
        check_token(None, TOKEN)
    check_token(TOKEN, f" {TOKEN}\n")


def test_a_server_without_a_token_has_no_way_to_judge(keeper):
    def outputs(token):
        app = application(keeper, host="127.0.0.1", token=token)
        asked = app.server.test_client().get("/_dash-dependencies").get_json()
        return " ".join(one["output"] for one in asked)

    assert "judge" in outputs(TOKEN)
    assert "judge" not in outputs(None)


def test_where_the_token_comes_from(tmp_path, monkeypatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert read_token(str(path)) == TOKEN
    with pytest.raises(UsageError, match="--token-file"):
        read_token(None)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_token(str(tmp_path))
    monkeypatch.setenv(TOKEN_VARIABLE, "short")
    with pytest.raises(SettingsError, match="holds 5 characters"):
        read_token(None)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert read_token(None) == TOKEN


# ---------------------------------------------------------------- the store, and cells


def test_an_embedded_server_that_died_is_started_again(home, monkeypatch):
    monkeypatch.setenv("MINION_HOME", str(home))
    monkeypatch.delenv("MINION_MONGODB_URI", raising=False)
    kept = Keeper()
    with kept.store() as store:
        store.add(started())
        os.kill(store.server.pid, signal.SIGKILL)

    def answer():
        try:
            with kept.store() as store:
                return store.experiments()
        except MinionError as error:
            said.append(str(error))
            return None

    said = []
    assert wait_for(answer, 60, "the server's return") == ["e"]
    assert said
    assert not any("\n" in text for text in said)
    kept.close()


def test_names_stay_text_in_what_a_page_is_made_of(store):
    simulation, series = run(HOSTILE, platform=HOSTILE, hosts=[HOSTILE], metrics=["cpu"])
    store.put(simulation, series)
    found = runs_page.runs(Listing(store), "")
    text = json.dumps(found, default=lambda part: part.to_plotly_json())
    assert json.dumps(HOSTILE) in text
    assert "dangerously" not in text


def test_a_part_that_breaks_says_so_and_the_log_says_why(keeper, caplog):
    def body(*_):
        raise ZeroDivisionError("within")

    region = Region(name="part", path="/", stand=lambda *_: 1, body=body)
    text = json.dumps(region.place(keeper, ""), default=lambda part: part.to_plotly_json())
    assert "an error of the program" in text
    assert "within" not in text
    assert "ZeroDivisionError: within" in caplog.text


def test_cells():
    assert [shown(v) for v in (None, float("nan"), 1.23456, 2.0, 12345, "x", True)] == [
        "–",
        "–",
        "1.235",
        "2",
        "12,345",
        "x",
        "True",
    ]
    assert moment(None) == "–"
    assert moment(0.0) == "1970-01-01 00:00:00"
    assert moment(1e300) == "1e+300 s"
    long = pd.DataFrame({"start_s": range(700)})
    made = json.dumps(frame_table("Rows", long), default=lambda part: part.to_plotly_json())
    assert "the first 500 of 700" in made
    assert "start (s)" in made


def test_landmarks_and_heads_of_the_first_page_have_names_of_their_own(store):
    for number in range(26):
        store.add(started(str(number)))
    listing = Listing(store)
    assert "aria-label='Pages of the list'" in str(runs_page.runs(listing, ""))
    heads = re.findall(r"Th\(children='([^']*)'", str(runs_page.overview(listing, "")))
    assert "Actions" in heads
    assert "" not in heads
