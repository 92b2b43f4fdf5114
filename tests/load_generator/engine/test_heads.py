"""The memo of heads says what the full parser says, and keeps out of what it cannot know."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.load_generator.engine.answer import AnswerParser, UnreadableAnswer
from squall.load_generator.engine.heads import MAX_HEADS, HeadMemo, parse_head

names = st.sampled_from(
    [b"Server", b"content-type", b"X-Request-Id", b"Connection", b"Retry-After", b"Date"]
)
header_values = st.sampled_from([b"a", b"close", b"keep-alive", b"7", b"application/json", b"0"])


@given(
    status=st.sampled_from([200, 201, 400, 404, 409, 422, 429, 500, 503]),
    headers=st.lists(st.tuples(names, header_values), max_size=5),
    body=st.binary(max_size=200),
    cuts=st.lists(st.integers(0, 400), max_size=4),
)
def test_a_known_head_says_what_the_parser_says(
    status: int, headers: list[tuple[bytes, bytes]], body: bytes, cuts: list[int]
) -> None:
    lines = [b"HTTP/1.1 %d X" % status, *(name + b": " + value for name, value in headers)]
    head = b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", b""])
    parsed = parse_head(head)
    parser = AnswerParser()
    whole = head + body
    answer = None
    bounds = sorted({0, len(whole), *(min(cut, len(whole)) for cut in cuts)})
    for low, high in itertools.pairwise(bounds):
        answer = parser.feed(whole[low:high]) or answer
    assert answer is not None
    assert parsed is not None
    assert (parsed.status, parsed.length) == (answer.status, len(answer.body))
    assert parsed.keep_alive == answer.keep_alive
    assert answer.body == body


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_heads_that_need_the_full_parser_are_not_remembered(head: bytes) -> None:
    memo = HeadMemo()
    assert memo.learn(head) is None
    assert not memo


def test_the_memo_is_bounded() -> None:
    memo = HeadMemo()
    for number in range(MAX_HEADS + 10):
        memo.learn(b"HTTP/1.1 200 OK\r\nX-Id: %d\r\nContent-Length: 2\r\n\r\n" % number)
    assert len(memo) <= MAX_HEADS


def test_chunked_answer_in_single_bytes() -> None:
    parser = AnswerParser()
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    answers = [parser.feed(whole[at : at + 1]) for at in range(len(whole))]
    assert [a.body for a in answers if a] == [b"abcde"]


def test_answer_that_ends_with_the_connection() -> None:
    parser = AnswerParser()
    assert parser.feed(b"HTTP/1.0 200 OK\r\n\r\nhello") is None
    answer = parser.end_of_stream()
    assert answer is not None
    assert (answer.body, answer.keep_alive) == (b"hello", False)


def test_interim_answers_are_passed_over() -> None:
    parser = AnswerParser()
    answer = parser.feed(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"hi")


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\x02\x00", b"220 ftp\r\n"]
)
def test_what_is_not_http_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        AnswerParser().feed(data + b"x" * 100 + b"\r\n\r\n")


@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=8),
    closing=st.sets(st.integers(0, 12)),
    cut=st.integers(0, 3),
)
def test_the_latest_head_is_that_of_the_answer_found_last(
    lengths: list[int], closing: set[int], cut: int
) -> None:
    memo = HeadMemo()
    for length in lengths:
        close = b"Connection: close\r\n" if length in closing else b""
        head = b"HTTP/1.1 200 OK\r\n" + close + b"Content-Length: %d\r\n\r\n" % length
        memo.learn(head)
        answer = (head + b"x" * length)[: len(head) + length - cut]
        before = memo.latest
        if memo.find(answer) is None:
            assert cut or length in closing
            assert memo.latest == before
        else:
            assert memo.latest == (head, len(head), len(answer), 200)
            assert cut == 0
