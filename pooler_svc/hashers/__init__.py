"""How the Pooler has nonces found: the port, and the hasher process behind it."""

from pooler_svc.hashers.port import Hasher, HashJob, HashRates, Improvement
from pooler_svc.hashers.process import ProcessHasher

__all__ = ["HashJob", "HashRates", "Hasher", "Improvement", "ProcessHasher"]
