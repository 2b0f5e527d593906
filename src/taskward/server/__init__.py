"""Everything that leans on the private parts of uvicorn and FastAPI."""
