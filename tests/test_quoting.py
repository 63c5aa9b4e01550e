"""What an agent wrote, in a message: without the secrets that it was asked with."""

import pytest
from faulty_agent import FaultyAgent, answer, redirect

from ingest.agents.access import Access
from ingest.agents.agent import Agent
from minion.errors import AgentError


@pytest.fixture
def server():
    with FaultyAgent() as running:
        yield running


def failure(agent):
    with pytest.raises(AgentError) as caught:
        agent.info()
    return str(caught.value)


BLANK, TOKEN = " " * 45, "t0k3n-hunter2"
ECHOED = [
    (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***"),
    (f"{BLANK}Bearer {TOKEN}{BLANK}", "Bearer ***"),
    (f"the token that was sent to us is: {TOKEN}", "the token that was sent to us is: ***"),
    (f"{TOKEN} " * 9 + "x" * 99, "*** *** *** *** *** *** *** *** *** xxx…"),
]


@pytest.mark.parametrize(("body", "words"), ECHOED)
def test_a_token_that_an_answer_repeats_is_not_quoted(server, body, words):
    server.on("/api/v1/info", answer(body.encode()))
    message = failure(Agent(server.url, access=Access(token=TOKEN)))
    assert message.partition("is not JSON: ")[2].rstrip("' ") == f"'{words}"


def test_nor_is_a_password_however_it_is_sent(server):
    login, password = "Basic YWRhOnDDpHNzIHc=", "päss w"  # of ada, in UTF-8
    agent = Agent(server.url, access=Access(user="ada", password=password))
    for body, words in ((login, "Basic ***"), (f"{password} is wrong", "*** is wrong")):
        server.on("/api/v1/info", answer(body.encode()))
        assert f"is not JSON: '{words}'" in failure(agent)
    assert server.authorizations[-1] == login
    server.on("/api/v1/info", redirect(f"http://elsewhere/{login[6:]}#{login[6:]}"))
    assert "sends on to http://elsewhere/***" in failure(agent)
    proxied = Agent(server.url, access=Access(proxy=server.url.replace("//", "//ada:p%C3%A4ss w@")))
    server.on("/api/v1/info", answer(login.encode()))
    assert "is not JSON: 'Basic ***'" in failure(proxied)
