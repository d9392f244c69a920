"""Where Canvas's published examples of Live Events are, for the tests that read them.

They are Instructure's and no part of this project: those of ``doc/api/data_services/json`` in the
repository ``instructure/canvas-lms``, a document a file in ``canvas`` and ``caliper``.
"""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "canvas" / "live_events_examples"
EXAMPLES = Path(os.environ.get("CANVAS_EXAMPLES") or _BESIDE)

needs_examples = pytest.mark.skipif(
    not EXAMPLES.is_dir(),
    reason="Canvas's published examples are neither beside the checkout nor where CANVAS_EXAMPLES "
    "says: tests/support/published_examples.py tells where to have them",
)
