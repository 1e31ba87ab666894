# make run · make test · make check · make clean.   Another Python: make run PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: run test check format constraints clean

run: $(READY)
	@$(VENV)/bin/thumbprint run

test: $(READY)
	@$(VENV)/bin/thumbprint models pull
	@$(VENV)/bin/pytest

check: $(READY)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(READY)
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# The stamp is written last: an install that stopped half-way is repaired by the next try.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c '' 2>/dev/null || \
		{ echo "✗ There is no $(PYTHON) here: install Python 3.11 or newer, or name one with make PYTHON=…" >&2; exit 1; }
	@PYTHONIOENCODING=utf-8 $(PYTHON) bot/checks.py install

constraints: $(READY)
	@{ echo "# Every version that Thumbprint was tested with. Regenerate with: make constraints"; \
		$(VENV)/bin/pip freeze --exclude-editable --exclude pip --exclude setuptools | sed 's/+cpu$$//'; } > constraints.txt.new
	@mv constraints.txt.new constraints.txt

clean:
	rm -rf $(VENV) var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find bot learning storage webhooks tests -name __pycache__ -type d -prune -exec rm -rf {} +
