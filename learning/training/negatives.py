"""Answers that must never win: what fools an encoder that has only met answers people wrote in earnest.

The question said back, one word, another question's answer, an answer cut or drowned in padding, text that
fits any question, thanks. Each is made by rule of a real question and its good answer: `turn` picks among
wordings, and with that the same input gives the same text. A kind that would be no worse than the answer
is not made. Pure. Left out: paraphrases by a model, negatives that a policy found itself.
Run: pytest tests/unit/learning/training/test_negatives.py
"""

from __future__ import annotations

import enum
import re


class Negative(enum.Enum):
    """A kind of answer that is worse than any real one."""

    ECHO = "echo"
    PARAPHRASE = "paraphrase"
    SHORT = "short"
    OTHER = "other"
    TRUNCATED = "truncated"
    PADDED = "padded"
    TEMPLATE = "template"
    THANKS = "thanks"


SHORT = ("Yes", "No", "I don't know.", "Yes.", "No.", "Maybe.", "It depends.", "I am not sure.", "You can't.")

THANKS = (
    "Thanks, this helped me a lot!",
    "Thank you so much, you saved my day.",
    "+1, I have the same problem.",
    "Great question! Thanks for asking.",
    "Did you ever find a solution to this?",
    "It works now, thank you all.",
)

TEMPLATES = (
    "Thank you for your question. There are several ways to do this, and which of them is best depends on "
    "your needs. Please read the documentation, try it out, and come back if you need further help.",
    "As an AI language model, I cannot see your system. In general, make sure that everything is installed "
    "and up to date, check your code for mistakes, and try again.",
    "Here is a step-by-step guide:\n\n1. Understand the problem.\n2. Look for a solution.\n3. Write the code."
    "\n4. Test the code.\n5. If it does not work, repeat the steps above.",
    "To solve this problem you can use a library that does it. Install it, import it, and call the function "
    "that you need with the right arguments. That should fix it. Hope this helps!",
    "This is a common issue that many developers meet. The solution is simple: find the cause and remove it. "
    "Always follow best practices and write clean, readable code.",
)

PADDING = (
    "I hope that this answer is helpful to you and answers your question.",
    "Please let me know if there is anything else that I can help you with.",
    "It is important to note that there are many things to keep in mind here.",
    "In conclusion, this is a very good question, and it has a very good answer.",
    "As mentioned above, there are several points that one should consider.",
    "Feel free to ask if anything of this is unclear, we are always happy to help.",
    "Remember that practice makes perfect, so keep on trying and never give up.",
    "Overall, it is always a good idea to read the documentation carefully.",
)

_REWORDED = (
    (r"\bhow (?:do|can|could|would|should) (?:i|you|we|one)\b", "what is the way to"),
    (r"\bis there (?:a|any) way (?:to|of)\b", "can one"),
    (r"\bwhat(?:'s| is) the (?:best|easiest|right|correct) way to\b", "how does one best"),
    (r"\bi (?:want|need|would like|'d like) to\b", "my aim is to"),
    (r"\bi(?:'m| am) trying to\b", "my attempt is to"),
    (r"\bi(?:'ve| have) (?:a|an)\b", "there is a"),
    (r"\bwhy (?:does|do|is|are)\b", "for what reason does"),
    (r"\bhow to\b", "ways to"),
    (r"\bdoesn't work\b", "fails"),
    (r"\berror\b", "problem"),
)
LEADS = ("So you want to know this: ", "In other words: ", "The question is: ")
FEWEST_WORDS = 16
"""A shorter answer can be cut without becoming worse."""


def negatives(question: str, answer: str, other: str, turn: int) -> dict[Negative, str]:
    """What must score below `answer`, by kind. `other` is a good answer to another question, or "".

    Left out are kinds that would equal `answer`, and cuts of answers too short to cut.
    """
    made = {
        Negative.ECHO: question.strip(),
        Negative.PARAPHRASE: paraphrase(question, turn),
        Negative.SHORT: SHORT[turn % len(SHORT)],
        Negative.OTHER: other.strip(),
        Negative.TRUNCATED: truncated(answer),
        Negative.PADDED: padded(answer, turn),
        Negative.TEMPLATE: TEMPLATES[turn % len(TEMPLATES)],
        Negative.THANKS: THANKS[turn % len(THANKS)],
    }
    return {kind: text for kind, text in made.items() if text and text != answer.strip()}


def paraphrase(question: str, turn: int) -> str:
    """The question in other words and another order: it still answers nothing."""
    text = question.strip()
    for pattern, words in _REWORDED:
        text = re.sub(pattern, words, text, flags=re.IGNORECASE)
    parts = [part for part in re.split(r"\n{2,}|(?<=[.!?])\s+(?=[A-Z])", text) if part.strip()]
    if len(parts) > 1:
        middle = 1 + turn % (len(parts) - 1)
        parts = [*parts[middle:], *parts[:middle]]
    return LEADS[turn % len(LEADS)] + "\n\n".join(parts) if parts else ""


def truncated(answer: str) -> str:
    """The first third of an answer, cut within a sentence; "" where there is too little to cut."""
    words = list(re.finditer(r"\S+", answer))
    if len(words) < FEWEST_WORDS:
        return ""
    cut = answer[: words[len(words) // 3].start()].rstrip()
    return cut.rstrip(".!?:`") or cut


def padded(answer: str, turn: int) -> str:
    """An answer drowned in sentences that say nothing: at least as long again, and ninety words more."""
    text, wanted = answer.strip(), max(90, len(answer.split()))
    lines: list[str] = []
    while sum(len(line.split()) for line in lines) < wanted:
        lines.append(PADDING[(turn + len(lines)) % len(PADDING)])
    return f"{text}\n\n{' '.join(lines)}" if text else ""
