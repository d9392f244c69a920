"""Where Canvas's published examples of Live Events are, for the tests that read them.

They are Instructure's and no part of this project: those of ``doc/api/data_services/json`` in the
repository ``instructure/canvas-lms``, a document a file in ``canvas`` and ``caliper``.
"""

import os
from pathlib import Path

import pytest

EXAMPLES = Path(os.environ.get("CANVAS_EXAMPLES") or "no examples")

needs_examples = pytest.mark.skipif(
    not EXAMPLES.is_dir(),
    reason="CANVAS_EXAMPLES names no directory of Canvas's published examples: see "
    "tests/support/published_examples.py",
)
