"""Rate limits: who is counted, in which windows, and where."""
