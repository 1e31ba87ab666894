"""How far a policy that serves is from another: KL in nats a token, on the first one's own answers.

Both are read as they serve, merged and int8, and at every token of an answer the whole distributions are
compared, not only the chances of the token that was drawn: it is never below 0, and needs few answers. At
temperature 1 over the whole vocabulary, whatever the answers were drawn with. Left out: the policies.

    pytest tests/unit/learning/training/test_gate_kl.py
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from learning.models.network import Prefix
from learning.models.policy import Policy


def nats_a_token(ours: Policy, theirs: Policy, prompt: Sequence[int], answer: Sequence[int]) -> float:
    """The mean of KL(ours ‖ theirs) over the tokens of `answer`, which `ours` wrote after `prompt`.

    Both are token ids. Source: Cover and Thomas, Elements of Information Theory, 2.3. Raises ValueError
    for no token at all.
    """
    if not prompt or not answer:
        raise ValueError("a distance needs a prompt and an answer of at least one token each")
    with torch.inference_mode():
        mine, other = (logits(each, prompt, answer).log_softmax(-1) for each in (ours, theirs))
        return float((mine.exp() * (mine - other)).sum(-1).mean())


def logits(policy: Policy, prompt: Sequence[int], answer: Sequence[int]) -> Tensor:
    """What the policy would have written at the place of each of the answer's tokens: (tokens, V)."""
    ids = torch.tensor([*prompt, *answer[:-1]])
    return policy.network.read(ids, Prefix(policy.network.shape, len(ids)), 0, last=len(answer)).float()
