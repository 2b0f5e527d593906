"""What is around every request: its context, and CORS."""
