# Two commands on a fresh machine: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test check format docs images bench bench-quick fleet growth charts page constraints clean

demo: $(INSTALLED)  ## the published study, simulated, from the database to report.html
	$(BIN)/minion demo

test: $(INSTALLED)  ## every test, with real mongod, netdata and Chromium where they can be had
	@.ci/packages "netdata:command -v netdata" "chromium:command -v chromium"
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	@$(BIN)/coverage combine -q && $(BIN)/coverage report --format=total | sed 's/^/coverage in per cent: /'

check: $(INSTALLED)  ## what must hold before a commit: lint, format, types, the written reference
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python docs/reference.py --check

format: $(INSTALLED)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(INSTALLED)  ## the reference of the command line, from the code
	$(BIN)/python docs/reference.py

images: demo  ## the pictures of the README: the demo's report, and the page that is alive
	@.ci/packages "chromium:command -v chromium"
	$(BIN)/python docs/pictures.py report.html

bench: $(INSTALLED)  ## side by side with flat documents, Parquet, ArcticDB, R: benchmarks/results.md
	@.ci/packages "r-base-core:command -v Rscript" "r-cran-dplyr:Rscript -e 'library(dplyr)'" \
		"r-cran-jsonlite:Rscript -e 'library(jsonlite)'"
	-$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python benchmarks/suite --install --out benchmarks/results.md

bench-quick: $(INSTALLED)  ## the same on little data, with what is installed
	$(BIN)/python benchmarks/suite --quick

fleet: $(INSTALLED)  ## one collector beside 1,000 agents: benchmarks/fleet.md
	$(BIN)/python benchmarks/fleet --out benchmarks/fleet.md
	$(BIN)/python benchmarks/pulling.py --out benchmarks/pulling.md

growth: $(INSTALLED)  ## 75, 750 and 7,500 runs: benchmarks/growth.md
	$(BIN)/python benchmarks/growth.py --out benchmarks

charts: $(INSTALLED)  ## what charts and the report cost, beside ggplot2: benchmarks/charts.md
	@.ci/packages "chromium:command -v chromium" \
		"r-cran-ggplot2:Rscript -e 'library(ggplot2)'"
	$(BIN)/python benchmarks/charts.py --out benchmarks

page: $(INSTALLED)  ## how long a page of 10,000 runs takes to open: benchmarks/page.md
	@.ci/packages "chromium:command -v chromium"
	$(BIN)/python benchmarks/page.py --out benchmarks

constraints: $(INSTALLED)  ## pin what is installed now: after a deliberate upgrade
	$(BIN)/pip freeze --exclude-editable --exclude pip --exclude setuptools > constraints.txt

clean:
	rm -rf $(VENV) build dist *.egg-info report.html

$(INSTALLED): pyproject.toml constraints.txt
	@.ci/packages "python3-venv:$(PYTHON) -c 'import ensurepip'" \
		"libcurl4:ldconfig -p | grep -q libcurl.so.4"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
