"""A tiny random sentence-transformers model on disk, of MiniLM's kind: for rules, not for texts."""

from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

WORDS = """how do i the a list dict file sort open remove item order value use it works error read write loop
key good clear example because try this answer bad never mind same problem thanks yes no python code"""


def write_encoder(folder: Path, seed: int = 0) -> Path:
    """Two layers, 32 dimensions, mean pooling, unit vectors; a vocabulary of words and letters."""
    torch.manual_seed(seed)
    letters = [chr(n) for n in range(33, 127)]
    tokens = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *letters,
        *(f"##{one}" for one in letters),
    ]
    vocab = {token: n for n, token in enumerate(dict.fromkeys(tokens))}
    inner = Tokenizer(models.WordPiece(vocab=vocab, unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]
    )
    raw = folder / "raw"
    BertModel(
        BertConfig(
            vocab_size=len(vocab),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=48,
            max_position_embeddings=128,
            initializer_range=0.3,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    ).save_pretrained(str(raw))
    PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(str(raw))
    body = Transformer(str(raw), max_seq_length=64)
    model = SentenceTransformer(modules=[body, Pooling(32), Normalize()], device="cpu")
    model.save_pretrained(str(folder / "encoder"), create_model_card=False)
    return folder / "encoder"
