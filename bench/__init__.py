"""How fast Taskward is, measured beside the usual stack: `make bench`."""
