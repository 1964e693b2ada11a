"""The list of semantics that implementations get wrong, as cases. Every evaluator is asked each of them."""

from support.cases import pods, policies, tiered

CASES = (*policies.CASES, *pods.CASES, *tiered.CASES)
