"""The shipped rules against simulated weeks: what is found, how soon, and what is a false alarm."""
