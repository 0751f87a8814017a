"""NTQA: questions about neurotransmitters and proposed remedies for their imbalance, answered by quoting curated passages."""

__version__ = "0.1.0"
