"""The slow half: a snapshot of what people said becomes a better policy. One file a stage (ADR 0017)."""
