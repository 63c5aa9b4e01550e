"""An agent, real or simulated, asked without what Minion makes of its answers."""

from urllib.parse import urlencode

import requests


class Asked:
    """An agent, real or simulated, and times by what it has of a chart."""

    def __init__(self, url, chart="system.cpu"):
        self.url = url
        self.chart = chart
        entry = self.get("chart", chart=chart).json()
        self.step = entry["update_every"]
        self.first, self.last = entry["first_entry"], entry["last_entry"]

    def get(self, page, **asked):
        text = urlencode(asked, safe="*,")
        return requests.get(f"{self.url}/api/v1/{page}?{text}", timeout=20)

    def rows(self, answer):
        table = answer.json()
        table = table.get("result", table)
        return table["labels"], table["data"]

    def data(self, first, last, **more):
        return self.get("data", chart=self.chart, after=first, before=last, **more)
