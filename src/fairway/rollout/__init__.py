"""Rollout: default-deny a few nodes at a time, behind gates, stepping back by itself.

`plan` and everything it asks is pure: (order, state, what is seen, time) in, the next state out. The hub keeps the
state, looks, and makes it so.
"""
