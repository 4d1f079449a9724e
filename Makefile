# Everything a newcomer needs. `make demo` and `make test` work on a fresh machine with
# Python 3.11 or later, git and make; each makes .venv by itself.

PYTHON ?= python3
VENV := .venv
JUPYTER := .venv-jupyter
BIN := $(VENV)/bin
SEEDS ?= hashes.txt
STORE ?= output/campaign.db
OUT ?= output
# The tests run in as many processes as there are processors, in one with: make test WORKERS=
# One more than processors was slower: browsers run beside their tests, so the processors are full,
# and each process loads what it tests anew. More than four would wait for the longest test.
WORKERS ?= -n logical --maxprocesses 4 --dist worksteal

.PHONY: help demo crawl test lint tools torture bench mutate notebooks jupyter pictures lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo                    made-up campaigns, from crawl to pictures, no key needed"
	@echo "make crawl SEEDS=hashes.txt  the same for your files, with the key in VT_APIKEY"
	@echo "make test                    every check and test"
	@echo "make torture                 kills, signals, faults and bad input by the thousand; see PARTS"
	@echo "make bench                   speed, size and memory beside the usual ways; see CASES"
	@echo "make mutate                  change the code a little: does a test notice? see MODULES, SAMPLE"
	@echo "make notebooks               run the notebooks again and keep their pictures"
	@echo "make jupyter                 try show(graph) in JupyterLab and in Notebook 7"
	@echo "make pictures                take the pictures of docs/page.md again"
	@echo "make lock                    choose new versions of what we depend on"

demo: $(VENV)/run
	$(BIN)/graphbuild demo --out output/demo

crawl: $(VENV)/run
	@mkdir -p "$(dir $(STORE))"
	$(BIN)/graphbuild crawl "$(SEEDS)" --store "$(STORE)"
	$(BIN)/graphbuild export --store "$(STORE)" --to graphml,html,csv --out "$(OUT)"

test: $(VENV)/test lint tools
	$(BIN)/python -m pytest $(WORKERS) --cov --cov-report=term

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What others do with our files is asked of them: a real Chromium, Gephi's own importer, the parsers
# of Gephi Lite, LibreOffice, Graphviz. What these need and is not there is installed from Debian if
# we may; if not, their tests say at their end that they did not run.
tools:
	@sh tests/support/install.sh "browser tests" "chromium fonts-dejavu-core" chromium,chromium-browser,google-chrome
	@sh tests/support/install.sh "tests with Gephi" "default-jdk-headless maven" java javac mvn
	@sh tests/support/install.sh "tests with Gephi Lite" "nodejs npm" node npm
	@sh tests/support/install.sh "tests with LibreOffice" libreoffice-calc-nogui soffice
	@sh tests/support/install.sh "tests with Graphviz" graphviz dot

# All of the rig, or some of it: make torture PARTS="kills flips". A quick share is in `make test`.
torture: $(VENV)/test
	$(BIN)/python -m tests.torture $(PARTS)

# All cases, or some: make bench CASES=crawl. It fails where a goal is missed.
bench: $(VENV)/test
	$(BIN)/python -m tests.bench $(CASES)

# All rooms held this way, or some: make mutate MODULES=pacing; SAMPLE=200 tries so many changes
# a room. It takes minutes for pacing and up to an hour for the others; where temporary files are
# kept in memory (TMPDIR), a good part of that.
mutate: $(VENV)/test
	$(BIN)/python -m tests.mutation $(MODULES) $(if $(SAMPLE),--sample $(SAMPLE))

notebooks: $(VENV)/test
	$(BIN)/python notebooks/execute.py

# Both applications and Chromium, in an environment of their own for their weight.
jupyter: $(JUPYTER)/done
	$(JUPYTER)/bin/python -m tests.jupyter

pictures: $(VENV)/test demo
	$(BIN)/python docs/pictures.py output/demo/graph.html

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

$(VENV)/bin/python $(JUPYTER)/bin/python .venv-lock/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "graphbuild needs Python 3.11 or later; name one: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(dir $(@D))

# uv resolves for every platform and every supported Python at once. Each lock is constrained by the
# one before it, so that a package has the same version in all of them.
UV := .venv-lock/bin/uv
COMPILE := $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 \
  --generate-hashes --no-strip-extras --no-header --no-emit-index-url --no-emit-find-links
lock: | .venv-lock/bin/python
	.venv-lock/bin/python $(PIP_INSTALL) --require-hashes -r requirements/lock.lock
	$(COMPILE) --group lock --output-file requirements/lock.lock
	$(COMPILE) --group build --output-file requirements/build.lock
	$(COMPILE) pyproject.toml --all-extras --group build --constraints requirements/build.lock \
	  --output-file requirements/run.lock
	$(COMPILE) pyproject.toml --all-extras --group build --group test --constraints requirements/run.lock \
	  --output-file requirements/test.lock
	$(COMPILE) pyproject.toml --all-extras --group build --group jupyter --constraints requirements/test.lock \
	  --output-file requirements/jupyter.lock

clean:
	rm -rf $(VENV) $(JUPYTER) .venv-lock .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
