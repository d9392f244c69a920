"""A simulated university: web_logs as DAP exports them, Live Events, and what was injected.

Everything but `files` is pure: values in, values out, all randomness from the seed.
"""
