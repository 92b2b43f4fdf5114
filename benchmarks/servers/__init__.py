"""The servers that tools are measured against: both answer at once and say the same."""
