"""What secrets look like: forms of well-known services, and what stands behind a name like `password`. Pure.

Most forms begin with signs of their own, and hold wherever they stand. Some do not: a password in an address,
what stands behind `token =`, a header. Those come twice. In lines of our own (OURS) a word too many is
nothing lost. In what people and models write (SAID) `basic client/server`, `user:password@host` and
`token = T5Tokenizer.from_pretrained(…)` are no secrets: of 348,855 texts of real threads, pages and code the
former change 497, the latter 26, all of which show a key or a password. A key without its end ends there with
its lines, never with the text: what follows is a question, or a comment's metadata. No form reads a text over
and over: 65,536 characters take some ten milliseconds, the worst ones that we found less than a hundred.
Left out: the cutting (`storage/redaction.py`). Run: `pytest tests/unit/storage/test_secret_forms.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CUT = "[secret]"


@dataclass(frozen=True)
class Form:
    """One form: a text that holds none of `signs`, in small letters, does not hold it. `left` replaces it."""

    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    left: str = CUT


_W = r"[A-Za-z0-9_-]"
_PREFIXED = {  # what it begins with → what follows
    "gh": r"gh[pousr]_[A-Za-z0-9]{16,}",
    "github_pat_": rf"github_pat_{_W}{{20,}}",
    "v1.": r"\bv1\.[0-9a-f]{40}\b",
    "gl": rf"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-{_W}{{16,}}",
    "AKIA": r"\bAKIA[0-9A-Z]{16}\b",
    "ASIA": r"\bASIA[0-9A-Z]{16}\b",
    "AIza": rf"AIza{_W}{{30,}}",
    "ya29.": rf"ya29\.{_W}{{20,}}",
    "GOCSPX-": rf"GOCSPX-{_W}{{20,}}",
    "xox": r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "xapp-": r"xapp-\d-[A-Za-z0-9-]{10,}",
    "hooks.slack.com": r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_+-]+",
    "/api/webhooks/": r"/api/webhooks/\d+/[\w-]+",
    "_live_": r"\b[rsp]k_live_[A-Za-z0-9]{10,}",
    "_test_": r"\b[rsp]k_test_[A-Za-z0-9]{10,}",
    "whsec_": r"whsec_[A-Za-z0-9+/=]{10,}",
    "sk-": rf"\bsk-(?={_W}{{0,60}}\d){_W}{{20,}}",
    "hf_": r"\bhf_[A-Za-z0-9]{20,}",
    "npm_": r"\bnpm_[A-Za-z0-9]{20,}",
    "pypi-": rf"\bpypi-AgE{_W}{{30,}}",
    "dckr_pat_": rf"dckr_pat_{_W}{{16,}}",
    "SG.": rf"\bSG\.{_W}{{16,}}\.{_W}{{16,}}",
    "key-": r"\bkey-[0-9a-f]{32}\b",
    "-us": r"\b[0-9a-f]{32}-us\d{1,2}\b",
    ":AA": rf"\b\d{{8,10}}:AA{_W}{{30,}}",
    "shp": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,}",
    "_v1_": r"\bdo[opr]_v1_[0-9a-f]{40,}",
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
    "sig=": r"\bsig=[A-Za-z0-9%+/=]{40,}",
    "eyJ": rf"\beyJ{_W}{{8,1000}}\.{_W}{{4,}}(?:\.{_W}*)?",
}
_WELL_KNOWN = tuple(Form((sign.lower(),), re.compile(form)) for sign, form in _PREFIXED.items())

_NAME = r"pass(?:word|wd|phrase)|secret|api[_-]?key|access[_-]?key|auth[_-]?token|token|credential"
_NAMES = ("passw", "passph", "secret", "api", "access", "token", "credential")

OURS = (
    *_WELL_KNOWN,
    Form(
        ("private key",),
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----[\s\S]*?(?:-----END [A-Z0-9 -]*-----|\Z)"),
    ),
    Form(("://",), re.compile(r"(?<=://)[^\s/@:\"'<>]*:[^\s/\"'<>]+(?=@)")),
    Form(("putty",), re.compile(r"PuTTY-User-Key-File-\d[\s\S]*?(?:Private-MAC: \w+|\Z)")),
    Form(
        ("bearer", "basic", "token"),
        re.compile(
            r"\b(bearer|basic|token)(\s+)(?=[^\s\"',]*[\d+/=._-])[A-Za-z0-9._~+/=-]{12,}", re.IGNORECASE
        ),
        rf"\1\2{CUT}",
    ),
    Form(
        _NAMES,
        re.compile(
            rf"((?:{_NAME})s?[\w-]{{0,12}}(?:\\?[\"'])?\s*(?:[:=]|=>)\s*(?:\\?[\"'])?)"
            r"(?=[^\s\"']{0,200}\d)(?=[^\s\"']{0,200}[A-Za-z])([^\s\"'\\,;)}\]]{6,})",
            re.IGNORECASE,
        ),
        rf"\1{CUT}",
    ),
)
"""Forms in lines of our own: logs, errors, stored failures."""

_ENDS = r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----"
_LINES = (
    r"(?:(?:[\s>\"'|,+\\]|Proc-Type:[^\n<]*|DEK-Info:[^\n<]*)*[A-Za-z0-9+/=]{16,}+)++"
    r"(?:\s+[A-Za-z0-9+/]+={1,2})?"
)
_PEM = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----(?=[^<]{0,300}?[A-Za-z0-9+/]{32})"
    rf"(?:(?:[^<-]++|-(?!----))*+{_ENDS}|{_LINES})"
)
_PUTTY = (
    r"PuTTY-User-Key-File-\d(?:(?!PuTTY-)[^<])*?Private-Lines: \d+(?:\s+[A-Za-z0-9+/]{30,}={0,2})*"
    r"(?:\s+(?!Private)[A-Za-z0-9+/]+={0,2})?(?:\s+Private-MAC: \w+)?"
)
_PLACEHOLDER = (
    r"(?:(?:your|my|some|the|db|user)?[_-]?(?:pass(?:word|wd|phrase)?|pwd|secret|token)[\w-]*"
    r"|[xX*.]+|postgres|mysql|guest|changeme|\$\w+)"
)
_SAID_NAME = (
    rf"(?:(?i:{_NAME}))s?(?![a-z])[\w-]{{0,12}}(?<![_-]id)(?<!(?i:name|file|path|type))"
    r"(?:\\?[\"'`])?[ \t]*(?:=>|:=|[:=])[ \t]*"
)
SAID = (
    *_WELL_KNOWN,
    Form(("private key",), re.compile(_PEM)),
    Form(("putty",), re.compile(_PUTTY)),
    Form(
        ("://",),
        re.compile(
            rf"(://[^\s/@:\"'<>]{{0,100}}:)(?!{_PLACEHOLDER}@)[^\s/\"'<>{{}}()\[\]|`]{{6,200}}(?=@(?!sha\d))"
        ),
        rf"\1{CUT}",
    ),
    Form(
        ("bearer", "authorization"),
        re.compile(
            r"(\bauthorization\\?[\"']?[ \t]*[:=]?[ \t]*\\?[\"']?(?:bearer|basic|token|apikey)[ \t]+"
            r"|\bbearer[ \t]+(?=[\w.~+/=-]{16}))(?=[\w.~+/=-]{0,200}\d)(?=[\w.~+/=-]{0,200}[A-Za-z])"
            r"[\w.~+/=-]{12,}",
            re.IGNORECASE,
        ),
        rf"\1{CUT}",
    ),
    Form(  # behind a name: in quotes, or neither a call, nor an index, nor another name
        _NAMES,
        re.compile(
            rf"({_SAID_NAME}(?:\\?[\"'`])?)(?:"
            r"(?<=[\"'`])(?![$/.])(?=[^\s\"'`\\]{0,200}\d)(?=[^\s\"'`\\]{0,200}[A-Za-z])"
            r"[^\s\"'`\\<>{}]{8,200}(?=\\?[\"'`])"
            r"|(?<![\"'`])(?![a-z]+\d*(?:_[a-z0-9]+)+(?![A-Z]))"
            r"(?=[\w+/~=!@%^*?#-]{0,200}\d)(?=[\w+/~=!@%^*?#-]{0,200}[A-Za-z])"
            r"[A-Za-z0-9+][\w+/~=!@%^*?#-]{9,200}+(?![\w(\[]|\.\w))"
        ),
        rf"\1{CUT}",
    ),
)
"""Forms in what people and models write."""
