"""What `make bench OPTIONS=…` understands, and where its figures go."""

import pytest

from bench.__main__ import DOCUMENT, MAX_SECONDS, parse, published


def test_a_part_may_be_measured_alone() -> None:
    assert parse(["--peers", "--rounds", "2"]).peers is True
    assert parse(["--growth"]).growth == 10_000_000
    assert parse(["--growth", "200000"]).growth == 200_000
    assert parse(["--migrations", "100000"]).migrations == 100_000
    assert not any(vars(parse([]))[part] for part in MAX_SECONDS if part != "figures")


@pytest.mark.parametrize(
    "wrong", [["--peers", "--growth"], ["--growth", "12"], ["--growth", "-1"], ["--migrations", "many"]]
)
def test_what_it_does_not_understand_ends_it(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(wrong)
    assert "error: " in capsys.readouterr().err


def test_sentences_are_wrapped_and_tables_are_not() -> None:
    document = "<!-- begin of the peers -->\n<!-- end of the peers -->"
    table = f"| {'a ' * 100} |"
    assert max(map(len, published(document, "peers", "word " * 100).splitlines())) <= 120
    assert table in published(document, "peers", f"Words.\n\n{table}\n")


@pytest.mark.parametrize("part", MAX_SECONDS)
def test_the_figures_of_a_part_go_into_its_place_and_no_other(part: str) -> None:
    document = DOCUMENT.read_text()
    begin, end = f"<!-- begin of the {part} -->\n", f"<!-- end of the {part} -->"
    before, _, rest = document.partition(begin)
    _, _, after = rest.partition(end)
    assert published(document, part, "1 \\1\n") == f"{before}{begin}\n1 \\1\n\n{end}{after}"
