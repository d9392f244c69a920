"""Texts of plain rows: no word that secrets come with is overlooked."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.json_lines import JsonLines
from pipeline.codecs.plain_texts import PlainTexts
from pipeline.codecs.redaction import WORDS
from pipeline.codecs.web_log_plain import parse_plain
from tests.support.raw_rows import line, row

PLAIN_WORDS = [word for word in WORDS if '"' not in word and "\\" not in word]


def texts_of(urls: list[str]) -> PlainTexts:
    lines = JsonLines.of([line(row(url=url)) for url in urls])
    parsed = parse_plain(lines)
    assert parsed.plain.all()
    return PlainTexts(parsed, lines.data)


@given(st.text("/abS.=", max_size=20), st.sampled_from(["", "/", "x=1"]))
def test_every_word_is_suspect_wherever_it_stands(before: str, behind: str) -> None:
    urls = [before + word + behind for word in PLAIN_WORDS]
    urls += [before + word.upper() + behind for word in PLAIN_WORDS]
    assert texts_of(urls).suspects("url").tolist() == list(range(len(urls)))


def test_usual_paths_are_not_suspect() -> None:
    paths = ["/courses/1/assignments/2", "/api/v1/users/self?include%5B%5D=x", "/discussion_topics"]
    assert texts_of(paths).suspects("url").size == 0


@given(st.lists(st.text("ab", max_size=20), max_size=50))
def test_equal_texts_are_asked_once(urls: list[str]) -> None:
    asked: list[str] = []

    def asks(text: str) -> str:
        asked.append(text)
        return text

    if urls:
        texts_of(urls).replace_each("url", asks)
    assert sorted(asked) == sorted(set(urls))
