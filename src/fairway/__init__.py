"""Fairway: see a cluster's traffic, write its network policies, prove them, enforce them step by step."""

__version__ = "0.1.0"
