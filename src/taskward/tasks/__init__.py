"""Tasks: what users own."""
