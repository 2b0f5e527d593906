"""Tasks in files of other products and of our own, read one by one: a file for each format.

`recognise` finds out by content which it is. Readers yield `Found`, and tell `Findings` what is wrong and what is
lost. They are loaded when they are needed.
"""
