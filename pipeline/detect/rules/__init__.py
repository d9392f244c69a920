"""Rule files: what to look for, why, and what the reader of an alert should do."""

from pipeline.detect.rules.documents import (
    Mistake,
    RuleMistakes,
    changed_rule,
    in_zone,
    load_rule,
    rule_schema,
)
from pipeline.detect.rules.envelope import SEVERITIES, Rule
from pipeline.detect.rules.models import (
    AnyRule,
    ErrorSpikeParameters,
    ErrorSpikeRule,
    MasqueradeBurstParameters,
    MasqueradeBurstRule,
)
from pipeline.detect.rules.references import check_references, dimensions_of_rule

__all__ = [
    "SEVERITIES",
    "AnyRule",
    "ErrorSpikeParameters",
    "ErrorSpikeRule",
    "MasqueradeBurstParameters",
    "MasqueradeBurstRule",
    "Mistake",
    "Rule",
    "RuleMistakes",
    "changed_rule",
    "check_references",
    "dimensions_of_rule",
    "in_zone",
    "load_rule",
    "rule_schema",
]
