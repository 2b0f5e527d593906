"""Agents: tasks as tools of the Model Context Protocol, stateless, one JSON answer for each message."""
