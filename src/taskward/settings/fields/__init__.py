"""The fields of all settings, a file for each part of the service, with the rules of each beside it.

A part stands on those whose settings its own rules look at. `Settings` puts all of them together.
"""
