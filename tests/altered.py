"""Texts that differ from a random one for certain: what is put in its place by chance may be what was there."""


def with_another(text: str, at: int) -> str:
    """The text with another character at a place."""
    return text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]


def with_two_swapped(text: str, since: int) -> str:
    """The text with two neighbours in each other's place: the first two from there on that differ."""
    at = next(at for at in range(since, len(text)) if text[at] != text[at + 1])
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
