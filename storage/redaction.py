"""What is secret never reaches a log, a stored failure or an error that people see: it is cut out here.

Two kinds are known: values that this process holds (`hide`), as texts spell them, and what looks like a
secret of a well-known service. Errors of ours pass when they are made (`storage/errors.py`), log lines when
they are written (`bot/logs.py`). Left out: what people write in a thread, which GitHub shows anyway.
Run: `pytest tests/unit/storage/test_redaction.py`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

CUT = "[secret]"

SHORTEST = 6
"""A live value below this many characters is not looked for: it would be found in every line."""

_live: dict[str, None] = {}

_W = r"[A-Za-z0-9_-]"
_PREFIXED = {  # what it begins with → what follows
    "gh": r"gh[pousr]_[A-Za-z0-9]{16,}",
    "github_pat_": rf"github_pat_{_W}{{20,}}",
    "v1.": r"\bv1\.[0-9a-f]{40}\b",
    "glpat-": rf"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-{_W}{{16,}}",
    "gldt-": rf"gldt-{_W}{{16,}}",
    "glrt-": rf"glrt-{_W}{{16,}}",
    "AKIA": r"\bAKIA[0-9A-Z]{16}\b",
    "ASIA": r"\bASIA[0-9A-Z]{16}\b",
    "AIza": rf"AIza{_W}{{30,}}",
    "ya29.": rf"ya29\.{_W}{{20,}}",
    "GOCSPX-": rf"GOCSPX-{_W}{{20,}}",
    "xox": r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "xapp-": r"xapp-[A-Za-z0-9-]{10,}",
    "hooks.slack.com": r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_+-]+",
    "/api/webhooks/": r"/api/webhooks/\d+/[\w-]+",
    "_live_": r"\b[rsp]k_live_[A-Za-z0-9]{10,}",
    "_test_": r"\b[rsp]k_test_[A-Za-z0-9]{10,}",
    "whsec_": r"whsec_[A-Za-z0-9+/=]{10,}",
    "sk-": rf"\bsk-(?:proj-|ant-|or-)?{_W}{{20,}}",
    "hf_": r"\bhf_[A-Za-z0-9]{20,}",
    "npm_": r"\bnpm_[A-Za-z0-9]{20,}",
    "pypi-": rf"\bpypi-{_W}{{30,}}",
    "dckr_pat_": rf"dckr_pat_{_W}{{16,}}",
    "SG.": rf"\bSG\.{_W}{{16,}}\.{_W}{{16,}}",
    "key-": r"\bkey-[0-9a-f]{32}\b",
    "-us": r"\b[0-9a-f]{32}-us\d{1,2}\b",
    ":AA": rf"\b\d{{8,10}}:AA{_W}{{30,}}",
    "shp": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,}",
    "do": r"\bdo[opr]_v1_[0-9a-f]{40,}",
    "sq0": rf"\bsq0[a-z]{{3}}-{_W}{{16,}}",
    "ATATT": rf"\bATATT{_W}{{20,}}",
    "lin_api_": r"\blin_api_[A-Za-z0-9]{20,}",
    "ntn_": r"\bntn_[A-Za-z0-9]{20,}",
    "dapi": r"\bdapi[0-9a-f]{32}",
    "hv": rf"\bhv[sbr]\.{_W}{{20,}}",
    "glsa_": r"\bglsa_[A-Za-z0-9]{20,}_[0-9a-f]{8}",
    "NRAK-": r"\bNRAK-[A-Z0-9]{20,}",
    "sntry": r"\bsntry[su]_[A-Za-z0-9+/=_]{20,}",
    "dp.": r"\bdp\.(?:pt|st|ct|sa)\.[A-Za-z0-9]{20,}",
    "pscale_": rf"\bpscale_(?:tkn|pw|oauth)_{_W}{{20,}}",
    "sbp_": r"\bsbp_[0-9a-f]{30,}",
    "figd_": rf"\bfigd_{_W}{{20,}}",
    "rubygems_": r"\brubygems_[0-9a-f]{30,}",
    "AGE-SECRET-KEY-": r"AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    "AccountKey=": r"AccountKey=[A-Za-z0-9+/=]{20,}",
    "sig=": r"\bsig=[A-Za-z0-9%+/=]{20,}",
    "eyJ": rf"\beyJ{_W}{{8,}}\.{_W}{{4,}}(?:\.{_W}*)?",
    "PRIVATE KEY": r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----[\s\S]*?(?:-----END [A-Z0-9 -]*-----|\Z)",
    "://": r"(?<=://)[^\s/@:\"'<>]*:[^\s/\"'<>]+(?=@)",
    "PuTTY": r"PuTTY-User-Key-File-\d[\s\S]*?(?:Private-MAC: \w+|\Z)",
}
_PATTERNS = tuple((sign, re.compile(pattern)) for sign, pattern in _PREFIXED.items())
_HEADER = re.compile(
    r"\b(bearer|basic|token)(\s+)(?=[^\s\"',]*[\d+/=._-])[A-Za-z0-9._~+/=-]{12,}", re.IGNORECASE
)
_NAMED = re.compile(
    r"((?:pass(?:word|wd|phrase)|secret|api[_-]?key|access[_-]?key|auth[_-]?token|token|credential)s?[\w-]{0,12}"
    r"(?:\\?[\"'])?\s*(?:[:=]|=>)\s*(?:\\?[\"'])?)(?=[^\s\"']*\d)(?=[^\s\"']*[A-Za-z])([^\s\"'\\,;)}\]]{6,})",
    re.IGNORECASE,
)


def hide(values: Iterable[str]) -> None:
    """Keep these values of this process out of every text from now on. They are never let go."""
    for value in values:
        if len(value.strip()) >= SHORTEST:
            _live.update(dict.fromkeys(_spellings(value.strip())))


def redact(text: str) -> str:
    """`text` with each secret in it replaced by `CUT`."""
    for value in sorted(_live, key=len, reverse=True):
        if value in text:
            text = text.replace(value, CUT)
    for sign, pattern in _PATTERNS:
        if sign in text:
            text = pattern.sub(CUT, text)
    text = _HEADER.sub(rf"\1\2{CUT}", text)
    return _NAMED.sub(rf"\1{CUT}", text)


def _spellings(value: str) -> Iterable[str]:
    """A value as texts spell it: itself, quoted for JSON, for Python, for a URL, and base64."""
    yield value
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    yield base64.b64encode(value.encode()).decode().rstrip("=")
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= 16 and not line.startswith("-----"))
