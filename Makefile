# make run · make setup · make test · make check · make train-demo · make clean.   Another Python: make run PYTHON=python3.12
VENV := .venv
READY := $(VENV)/.ready

.PHONY: run setup test train-demo check format constraints clean

# Without a Python named, that of .venv, if it still works. One that is named may differ from it: look each time.
ifndef PYTHON
PYTHON := $(shell $(VENV)/bin/python -c 'print("$(VENV)/bin/python")' 2>/dev/null || echo python3)
endif
ifneq ($(PYTHON),$(VENV)/bin/python)
.PHONY: $(READY)
endif

run: $(READY)
	@$(VENV)/bin/python -m bot run

setup: $(READY)
	@$(VENV)/bin/python -m bot setup

test: $(READY)
	@$(VENV)/bin/python -m bot models pull
	@$(VENV)/bin/python -m pytest -n 2 --dist worksteal

# A day of corrections on a playground of its own, and the night that learns from them: `thumbprint retrain` in small.
train-demo: $(READY)
	@$(VENV)/bin/python -m bot models pull
	@$(VENV)/bin/python -m bot drill night

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
	@PYTHONIOENCODING=utf-8 $(PYTHON) -m bot.install

constraints: $(READY)
	@{ echo "# Every version that Thumbprint was tested with. Regenerate with: make constraints"; \
		$(VENV)/bin/pip freeze --exclude-editable --exclude pip --exclude setuptools | sed 's/+cpu$$//'; } > constraints.txt.new
	@mv constraints.txt.new constraints.txt

# What `thumbprint bench ppo` is measured against: TRL 1.12, the last with PPO, beside all else that .venv has.
define SITE
$$($(1)/bin/python -c 'import site; print(site.getsitepackages()[0])')
endef

var/trl-1.12: $(READY)
	$(VENV)/bin/python -m venv --without-pip $@
	$(VENV)/bin/python -m pip install --quiet --no-deps --target "$(call SITE,$@)" trl==1.12.0
	echo "$(call SITE,$(VENV))" > "$(call SITE,$@)/thumbprint.pth"

clean:
	rm -rf $(VENV) var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find bot learning storage webhooks tests -name __pycache__ -type d -prune -exec rm -rf {} +
