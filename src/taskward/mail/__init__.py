"""Mail to people: what is written to them, and how it is sent."""
