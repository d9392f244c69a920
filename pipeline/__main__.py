"""``python -m pipeline`` is ``canvas-telemetry``."""

from pipeline.cli import main

main()
