"""What the report's tables copy into a spreadsheet."""

import re
from importlib.resources import files

import pytest

SCRIPT = (files("analysis.reporting") / "tables.js").read_text()
NUMBER = re.search(r"const plainNumber = /(.+)/i;", SCRIPT)[1]


@pytest.mark.parametrize("text", ["-2", "-2.5", "-.5", "-1e-6", "3", "-2.", "1E+9"])
def test_a_plain_number_stays_one(text):
    assert re.search(NUMBER, text, re.IGNORECASE)


@pytest.mark.parametrize("text", ["-2+3+cmd|' /C calc'!A0", "-1-1", "-.", "-", "-1e", "-1\n"])
def test_nothing_else_that_begins_with_a_sign_does(text):
    assert not re.search(NUMBER.replace("$", r"\Z"), text, re.IGNORECASE)
