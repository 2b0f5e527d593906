"""What operators and readers ask for: health, metrics, documentation."""
