"""Measurements of this project beside its peers on the same machine; what they print are ratios."""
