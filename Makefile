# make demo, make test: all set-up is done here, from a clean clone.
PYTHON ?= $(shell sh tools/find_python.sh)
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
JOBS ?= 2

.PHONY: demo test test-study lint bench lock lists clean
.DELETE_ON_ERROR:

demo: $(VENV)/.run
	$(BIN)/calcinosis demo --out demo

test: $(VENV)/.dev lint
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n $(JOBS) --dist loadscope -m "not study"

# Whole studies, minutes each.
test-study: $(VENV)/.dev
	$(BIN)/python -m pytest -m study

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

bench: $(VENV)/.bench
	$(BIN)/python Testing/Bench/run.py

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet requirements/run.in -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet requirements/dev.in -o requirements/dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet requirements/bench.in -o requirements/bench.txt

lists: $(VENV)/.dev
	$(BIN)/python tools/cmake_lists.py

$(VENV)/.run: requirements/run.txt pyproject.toml
	sh tools/make_venv.sh "$(PYTHON)" "$(VENV)"
	$(PIP) --require-hashes -r requirements/run.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	sh tools/check_system.sh $(BIN)/python
	touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(PIP) --require-hashes -r requirements/dev.txt
	touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.dev
	$(PIP) --require-hashes -r requirements/bench.txt
	touch $@

clean:
	rm -rf $(VENV) demo
