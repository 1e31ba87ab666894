"""How answers are to sound: a repository's `tone` and `language` as sentences of ours for the prompt. Pure.

A file chooses among them and brings no word of its own, so that no file writes into a prompt. How far a model
follows them is the model's matter; our own sentences (hints, refusals) stay English.
Run: `pytest tests/integration/test_configuration.py`.
"""

from __future__ import annotations

from bot.repo_config import RepoConfig

TONES = {
    "plain": "Be plain and factual.",
    "friendly": "Be warm and friendly.",
    "formal": "Be formal and polite.",
    "brief": "Be as brief as you can.",
}
LANGUAGES = {
    **{"ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek"},
    **{"en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew"},
    **{"hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese"},
    **{"ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese"},
    **{"ro": "Romanian", "ru": "Russian", "sv": "Swedish", "th": "Thai", "tr": "Turkish"},
    **{"uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese"},
}


def manner_of(config: RepoConfig) -> tuple[str, ...]:
    """The sentences for what a repository chose; none where it chose nothing."""
    tone = [TONES[config.tone]] if config.tone else []
    language = [f"Answer in {LANGUAGES[config.language]}."] if config.language else []
    return (*tone, *language)
