"""What `/metrics` says, as numbers."""

from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(text: str) -> dict[Sample, float]:
    """Return every sample by its name and its labels, sorted by name."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float:
    """Return one sample, 0 where there is none yet."""
    return samples(text).get((name, tuple(sorted(labels.items()))), 0.0)


def label_values(text: str, label: str) -> set[str]:
    """Return every value that a label has."""
    return {dict(labels)[label] for _, labels in samples(text) if label in dict(labels)}
