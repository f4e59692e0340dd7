# Everything that is said to work has a target here; CI runs `test` and `demo`.
PYTHON ?= python3
TAGGER_DATA ?= ../shared/data
MUSIC ?= build/demo-music
export TAGGER_DATA

DEMO := .venv-demo
SERVE := .venv-serve
TEST := .venv-test
AUDIT := .venv-audit
CONSTRAINTS := -c constraints.txt

.PHONY: help demo serve-demo test lint types unit docs audit ship bench clean

help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(DEMO)/.installed  ## Install the command alone and scan MUSIC; changes nothing
	@[ "$(MUSIC)" != build/demo-music ] || $(DEMO)/bin/python benchmarks/demo_music.py build/demo-music
	# Exit code 1 says that a file failed; the synthetic folder holds a broken one on purpose.
	$(DEMO)/bin/tagger scan $(MUSIC) --score-all --verbose || [ $$? -eq 1 ]
	@echo
	@echo "Next: $(DEMO)/bin/tagger scan ~/Music      (and --write-tags when you like what you see)"

serve-demo: $(SERVE)/.installed  ## Install the service and serve MUSIC on a page; Ctrl+C ends it
	@[ "$(MUSIC)" != build/demo-music ] || $(SERVE)/bin/python benchmarks/demo_music.py build/demo-music
	$(SERVE)/bin/tagger serve $(MUSIC) --data build/serve-demo --state build/serve-demo/state.db

test: lint types unit  ## Lint, types and tests in an environment of their own

lint: $(TEST)/.installed  ## Style
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .

types: $(TEST)/.installed  ## Types
	$(TEST)/bin/mypy

unit: $(TEST)/.installed  ## Tests
	OMP_NUM_THREADS=1 $(TEST)/bin/python -m pytest -n auto

docs: $(TEST)/.installed  ## docs/cli.md, from the program's own help
	PYTHONPATH=. $(TEST)/bin/python docs/make_cli.py

audit: $(TEST)/.installed $(AUDIT)/.installed  ## Known vulnerabilities in what is installed; says so if nobody answered
	$(AUDIT)/bin/python .ci/audit.py $(AUDIT)/bin/pip-audit "$$($(TEST)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || [ $$? -eq 3 ]

ship: $(TEST)/.installed  ## The two files that ship, of MODEL=best.pt or a float32 .onnx; data in TAGGER_DATA
	PYTHONPATH=. $(TEST)/bin/python benchmarks/ship.py $(MODEL) --prepared build/prepared

bench: $(TEST)/.installed  ## All speed goals with what was measured, in under ten minutes
	$(TEST)/bin/python benchmarks/goals.py

$(DEMO)/.installed: pyproject.toml constraints.txt $(shell find tagger export train -name '*.py' -o -name '*.onnx')
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/pip install --quiet --upgrade pip
	$(DEMO)/bin/pip install --quiet $(CONSTRAINTS) --force-reinstall --no-deps .
	$(DEMO)/bin/pip install --quiet $(CONSTRAINTS) .
	@touch $@

$(SERVE)/.installed: pyproject.toml constraints.txt $(shell find tagger export train -name '*.py' -o -name '*.onnx')
	$(PYTHON) -m venv $(SERVE)
	$(SERVE)/bin/pip install --quiet --upgrade pip
	$(SERVE)/bin/pip install --quiet $(CONSTRAINTS) --force-reinstall --no-deps .
	$(SERVE)/bin/pip install --quiet $(CONSTRAINTS) '.[service]'
	@touch $@

$(TEST)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/pip install --quiet --upgrade pip
	$(TEST)/bin/pip install --quiet $(CONSTRAINTS) --editable '.[train,plot,beets,service,watch,cluster]' --group dev
	# A public model's weights, to be read and never run: its code asks for an old TensorFlow.
	$(TEST)/bin/pip install --quiet --no-deps musicnn==0.1.0
	@touch $@

$(AUDIT)/.installed:
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet pip-audit
	@touch $@

clean:  ## Remove what was made here
	rm -rf $(DEMO) $(SERVE) $(TEST) $(AUDIT) build dist .mypy_cache .ruff_cache .pytest_cache
