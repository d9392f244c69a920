"""The demo: a simulated day through the whole pipeline, and what came of it."""
