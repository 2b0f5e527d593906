"""What the command line says to a service: the public HTTP API and nothing else of this package."""
