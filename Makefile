# `make demo` and `make test` need Python 3.11 or later, git and make; they create .venv themselves.

PYTHON ?= python3
VENV := .venv
JUPYTER := .venv-jupyter
SPARK := .venv-spark
CLIENTS := .venv-clients
FLOORS := .venv-floors
DIST := .venv-dist
DOCS := .venv-docs
BIN := $(VENV)/bin
SEEDS ?= hashes.txt
STORE ?= output/campaign.db
OUT ?= output
# Processes that run the tests; one in all with `make test WORKERS=`. Two processors are then busy,
# because many tests wait for browsers, servers and other processes.
WORKERS ?= -n 3 --dist worksteal
# With COVERAGE=1, the tests take a third longer, and fail if they cover less than 95 % of the lines
# and branches.
COVERAGE ?=

.PHONY: help demo crawl test pytest coverage lint tools torture bench mutate floors notebooks jupyter spark clients docs \
  pictures dist dist-check lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo                    crawl and export made-up campaigns; no key needed"
	@echo "make crawl SEEDS=hashes.txt  crawl and export your files; the key is in VT_APIKEY"
	@echo "make test                    linters, types and all tests"
	@echo "make coverage                the same, and measure the coverage of lines and branches"
	@echo "make lint                    linters and types only"
	@echo "make torture                 thousands of kills, signals, faults and bad inputs; see PARTS"
	@echo "make bench                   speed, size and memory against alternatives; see CASES"
	@echo "make mutate                  mutation testing; see MODULES, SAMPLE"
	@echo "make floors                  smoke tests with the lowest allowed versions of direct dependencies"
	@echo "make notebooks               run the notebooks and save their output"
	@echo "make jupyter                 test gb.show in JupyterLab and Notebook 7"
	@echo "make spark                   test the Spark engine on a cluster of local processes"
	@echo "make clients                 import exports with the code of OpenCTI, MISP and Neo4j"
	@echo "make docs                    build and check the documentation site in output/site"
	@echo "make pictures                take the pictures of the documents, and of many graphs in output/screenshots"
	@echo "make dist                    build the wheel and the source distribution in dist"
	@echo "make dist-check              install both with pip, uv and pipx, and use them as a newcomer does"
	@echo "make lock                    upgrade the locked dependencies"

demo: $(VENV)/run
	$(BIN)/graphbuild demo --out output/demo

crawl: $(VENV)/run
	@mkdir -p "$(dir $(STORE))"
	$(BIN)/graphbuild crawl "$(SEEDS)" --store "$(STORE)"
	$(BIN)/graphbuild export --store "$(STORE)" --to graphml,html,csv --out "$(OUT)"

# Linters and tests run at the same time: two jobs of make.
test: $(VENV)/test
	@$(MAKE) --no-print-directory -j 2 lint pytest

# A process of tests per processor is enough; several threads for matrices would only wait. Python
# keeps compiled modules, even if the environment says otherwise: the tests start many processes.
pytest: export OPENBLAS_NUM_THREADS = 1
pytest: export PYTHONDONTWRITEBYTECODE =
pytest: $(VENV)/test tools
	TMPDIR=$$(sh tests/support/temporary_folder.sh) $(BIN)/python -m pytest $(WORKERS) $(if $(COVERAGE),--cov --cov-report=term)

coverage:
	$(MAKE) test COVERAGE=1

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Programs that read our files in tests: Chromium, Gephi's importer (Java), Gephi Lite's parsers
# (Node.js), LibreOffice, Graphviz. Missing ones are installed from Debian where that is possible; else
# their tests are reported as not run.
tools:
	@sh tests/support/install.sh "faster browser tests" "chromium-headless-shell fonts-dejavu-core" chromium-headless-shell
	@sh tests/support/install.sh "browser tests" "chromium fonts-dejavu-core" chromium-headless-shell,chromium,chromium-browser,google-chrome
	@sh tests/support/install.sh "tests with Gephi" "default-jdk-headless maven" java javac mvn
	@sh tests/support/install.sh "tests with Gephi Lite" "nodejs npm" node npm
	@sh tests/support/install.sh "tests with LibreOffice" libreoffice-calc-nogui soffice
	@sh tests/support/install.sh "tests with Graphviz" graphviz dot

# All parts, or some: make torture PARTS="kills flips". `make test` runs a small share of each.
torture: $(VENV)/test
	$(BIN)/python -m tests.torture $(PARTS)

# All cases, or some: make bench CASES=crawl. Fails where a goal is missed.
bench: $(VENV)/test
	$(BIN)/python -m tests.bench $(CASES)

# All modules, or some: make mutate MODULES=api/rate_limit; SAMPLE=200 tries 200 changes per module.
# Takes minutes for api/rate_limit and up to an hour for others; less with TMPDIR in memory.
mutate: $(VENV)/test
	$(BIN)/python -m tests.mutation $(MODULES) $(if $(SAMPLE),--sample $(SAMPLE))

# The lowest versions have no wheels for newer Pythons than 3.11.
SMOKE_TESTS := tests/test_newcomer_calls.py tests/cli/test_cli.py tests/integration/test_sample.py \
  tests/api/test_transport.py tests/seeds/test_formats.py tests/analysis/test_overlap.py \
  tests/exporters/test_exporters.py tests/exporters/test_parquet.py
floors: $(FLOORS)/done
	$(FLOORS)/bin/python -m pytest -o filterwarnings=default $(SMOKE_TESTS)

notebooks: $(VENV)/test
	$(BIN)/python notebooks/execute.py

# JupyterLab and Notebook are large, so they have an environment of their own.
jupyter: $(JUPYTER)/done
	$(JUPYTER)/bin/python -m tests.jupyter

# Spark is large, too. It also contains the modules of its client, which the extra `spark` installs.
# make spark EXPORT=DIR also checks the tables of your own 'graphbuild export --to dataset,parquet'.
spark: $(SPARK)/done
	@sh tests/support/install.sh "the Spark cluster" default-jre-headless java
	$(SPARK)/bin/python -m tests.spark

# pycti and misp-stix require many packages, and earlier versions of some. FILES is the number of files.
clients: $(CLIENTS)/done
	$(CLIENTS)/bin/python -m tests.clients $(FILES)

# Every warning is an error. The checks then find what Sphinx does not warn about: undocumented names
# and options, unreachable pages, and files of other hosts.
docs: $(DOCS)/done
	rm -rf output/site
	$(DOCS)/bin/python -m sphinx --builder html --fail-on-warning --nitpicky --keep-going --quiet \
	  --conf-dir docs --doctree-dir output/site-doctrees --fresh-env . output/site
	$(DOCS)/bin/python -m tests.site output/site

pictures: $(VENV)/test demo
	$(BIN)/python docs/pictures.py output/demo
	$(BIN)/python -m tests.torture readability

# The wheel is built from the source distribution. The build backend is the locked one, so that the
# same commit gives the same bytes everywhere.
dist: $(DIST)/done
	rm -f dist/graphbuild-*
	$(DIST)/bin/python -m build --no-isolation --outdir dist

dist-check: dist
	$(DIST)/bin/python -m tests.dist

# Install a lock, then this package. A lock pins every distribution with its hashes, so pip must not
# resolve anything (--no-deps): a resolver refuses the lock as soon as a newer release exists.
# build.lock comes first, because packages without a wheel are built with what it installs.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation
define install
$(1)/python $(PIP_INSTALL) --require-hashes -r requirements/build.lock
	$(1)/python $(PIP_INSTALL) --require-hashes -r $(2)
	$(1)/python $(PIP_INSTALL) --editable .
	$(1)/python -m pip --disable-pip-version-check check
endef

$(VENV)/run: requirements/build.lock requirements/run.lock pyproject.toml | $(VENV)/bin/python
	$(call install,$(BIN),requirements/run.lock)
	@touch $@

$(VENV)/test: requirements/test.lock pyproject.toml $(VENV)/run
	$(call install,$(BIN),requirements/test.lock)
	@touch $@

$(JUPYTER)/done: requirements/jupyter.lock pyproject.toml | $(JUPYTER)/bin/python
	$(call install,$(JUPYTER)/bin,requirements/jupyter.lock)
	@touch $@

$(SPARK)/done: requirements/build.lock requirements/spark.lock pyproject.toml | $(SPARK)/bin/python
	$(call install,$(SPARK)/bin,requirements/spark.lock)
	@touch $@

$(CLIENTS)/done: requirements/build.lock requirements/clients.lock pyproject.toml | $(CLIENTS)/bin/python
	$(call install,$(CLIENTS)/bin,requirements/clients.lock)
	@touch $@

$(DOCS)/done: requirements/build.lock requirements/docs.lock pyproject.toml | $(DOCS)/bin/python
	$(call install,$(DOCS)/bin,requirements/docs.lock)
	@touch $@

$(FLOORS)/done: requirements/floors.lock pyproject.toml | $(FLOORS)/bin/python
	$(call install,$(FLOORS)/bin,requirements/floors.lock)
	@touch $@

# It does not contain graphbuild, so that nothing imports the source tree by accident.
$(DIST)/done: requirements/dist.lock | $(DIST)/bin/python
	$(DIST)/bin/python $(PIP_INSTALL) --require-hashes -r requirements/dist.lock
	$(DIST)/bin/python -m pip --disable-pip-version-check check
	@touch $@

$(VENV)/bin/python $(JUPYTER)/bin/python $(SPARK)/bin/python $(CLIENTS)/bin/python $(FLOORS)/bin/python \
  $(DIST)/bin/python $(DOCS)/bin/python .venv-lock/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "graphbuild needs Python 3.11 or later; name one: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(dir $(@D))

# uv resolves for every platform and every supported Python at once. Each lock is constrained by the
# one before it, so that a package has the same version in all of them. clients.lock is not: pycti
# excludes the versions of requests and setuptools in the others.
UV := .venv-lock/bin/uv
COMPILE := $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 \
  --generate-hashes --no-strip-extras --no-header --no-emit-index-url --no-emit-find-links
lock: | .venv-lock/bin/python
	.venv-lock/bin/python $(PIP_INSTALL) --require-hashes -r requirements/lock.lock
	$(COMPILE) --group lock --output-file requirements/lock.lock
	$(COMPILE) --group build --output-file requirements/build.lock
	$(COMPILE) pyproject.toml --extra all --group build --constraints requirements/build.lock \
	  --output-file requirements/run.lock
	$(COMPILE) pyproject.toml --extra all --group build --group test --constraints requirements/run.lock \
	  --output-file requirements/test.lock
	$(COMPILE) pyproject.toml --extra all --group build --group jupyter --constraints requirements/test.lock \
	  --output-file requirements/jupyter.lock
	$(COMPILE) pyproject.toml --extra all --group build --group spark --constraints requirements/test.lock \
	  --output-file requirements/spark.lock
	$(COMPILE) pyproject.toml --group build --group clients --output-file requirements/clients.lock
	$(COMPILE) pyproject.toml --extra all --group build --group docs --constraints requirements/test.lock \
	  --output-file requirements/docs.lock
	$(COMPILE) --group dist --constraints requirements/lock.lock --constraints requirements/test.lock \
	  --output-file requirements/dist.lock
	$(COMPILE) pyproject.toml --all-extras --group build --group floors --resolution lowest-direct \
	  --output-file requirements/floors.lock

clean:
	rm -rf $(VENV) $(JUPYTER) $(SPARK) $(CLIENTS) $(FLOORS) $(DIST) $(DOCS) .venv-lock dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
