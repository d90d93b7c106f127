"""The documents for clouds, held against the real command lines and against what judges policies."""
