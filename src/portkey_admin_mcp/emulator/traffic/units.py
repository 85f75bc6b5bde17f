"""The unit in which costs are stored: integers, so that sums are exact."""

UNITS_PER_CENT = 10_000
UNITS_PER_DOLLAR = 100 * UNITS_PER_CENT
