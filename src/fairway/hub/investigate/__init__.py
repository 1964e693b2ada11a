"""Investigate: from an alarm to its cause. Looks up what is known of a time, and lets `signals.causes` rank."""
