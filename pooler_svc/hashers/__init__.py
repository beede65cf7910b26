"""How the Pooler has nonces found: the port, the hasher process behind it, and programs of others."""

from pooler_svc.hashers.command import CommandHasher
from pooler_svc.hashers.port import Hasher, HashJob, HashRates, Improvement
from pooler_svc.hashers.process import ProcessHasher

__all__ = ["CommandHasher", "HashJob", "HashRates", "Hasher", "Improvement", "ProcessHasher"]
