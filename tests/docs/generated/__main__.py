"""`make documents`: writes every part of a document that comes from the code."""

from tests.docs.generated import PARTS, write

if __name__ == "__main__":
    for part in PARTS:
        write(part)
