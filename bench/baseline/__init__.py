"""The usual stack, built as a competent team would: what Taskward's figures are held against."""
