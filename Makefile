# make check: prove every obligation.   make test: the same, then the linter, the type checker and the tests.
# Each sets up what it needs in $(VENV); PYTHON=... chooses the interpreter.

VENV ?= .venv
new_enough := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11 python,\
	$(shell $(p) -c '$(new_enough)' >/dev/null 2>&1 && echo $(p))))
REFINE_FLAGS ?=
PYTEST_FLAGS ?= -n auto

bin := $(VENV)/bin
installed := $(VENV)/.installed
installed_dev := $(VENV)/.installed-dev
have_python = { $(or $(PYTHON),false) -c '$(new_enough)' 2>/dev/null || { \
	echo 'refine needs Python 3.11 or newer: install one, or say where it is with make PYTHON=/path/to/python' >&2; exit 1; }; }
have_venv = { $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo '$(PYTHON) cannot make virtual environments: install its venv module (Debian, Ubuntu: python3-venv)' >&2; exit 1; }; }
pip := $(bin)/python -m pip install --quiet --disable-pip-version-check

.PHONY: check test clean

check: $(installed)
	$(bin)/refine check $(REFINE_FLAGS)

test: check $(installed_dev)
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/pytest $(PYTEST_FLAGS)

# A virtual environment that is there and works is kept; one whose interpreter is gone is made anew.
$(installed): pyproject.toml
	@$(bin)/python -c '' 2>/dev/null || { $(have_python) && $(have_venv) && $(PYTHON) -m venv --clear $(VENV); }
	@$(bin)/python -c '$(new_enough)' || { echo '$(VENV) holds a Python older than 3.11: remove it, then make again' >&2; exit 1; }
	@$(bin)/python -m pip --version >/dev/null 2>&1 || $(bin)/python -m ensurepip --upgrade
	$(pip) --editable .
	@touch $@

$(installed_dev): pyproject.toml $(installed)
	$(pip) --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
