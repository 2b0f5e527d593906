"""What the service tells the people who run it."""
