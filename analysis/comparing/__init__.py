"""From run values to claims: the gate, the comparison, its verdicts and sentences."""
