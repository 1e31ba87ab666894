"""Measurements that a person runs: `thumbprint bench policy | phrases | loop`."""
