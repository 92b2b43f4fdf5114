from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.business.price_book import cost_of, load_price_book, usage_between
from squall.errors import ConfigurationError
from squall.models import Usage

BOOK = load_price_book()
PRICED = sorted(
    {(price.service, price.unit) for price in BOOK.prices if price.service != "bedrock"}
)
usages = st.lists(
    st.builds(
        lambda kind, resource, quantity: Usage(kind[0], kind[1], resource, quantity),
        st.sampled_from(PRICED),
        st.sampled_from(["transactions", "decisions"]),
        st.floats(0, 1e9),
    ),
    unique_by=lambda entry: (entry.service, entry.unit, entry.resource),
)


def test_every_shipped_price_has_a_source_and_a_date() -> None:
    for price in BOOK.prices:
        assert price.source
        assert price.seen.startswith("20")


def test_a_bill_by_hand() -> None:
    bill = cost_of(
        [
            Usage("lambda", "requests", "decide", 2_000_000),
            Usage("dynamodb", "write_request_units", "decisions", 4_000_000),
            Usage("kinesis", "shard_hours", "transactions", 2),
            Usage("kinesis", "bytes_out", "transactions", 1e12),
            Usage("s3", "get_requests", "audit", 7),
        ],
        1_000_000,
        BOOK,
        "the twin's meter",
    )
    assert bill is not None
    assert bill.total_usd == pytest.approx(0.40 + 2.50 + 0.03)
    assert bill.per_transaction_usd == pytest.approx(2.93e-6)
    assert [item.service for item in bill.items] == ["dynamodb", "lambda", "kinesis"]
    assert bill.unpriced == (Usage("s3", "get_requests", "audit", 7),)


def test_a_bill_that_lacks_something_has_no_cost_of_a_transaction() -> None:
    used = [Usage("lambda", "requests", "decide", 2_000_000)]
    bill = cost_of(used, None, BOOK, "CloudWatch", ("CloudWatch shows 1 of 2 calls",))
    assert bill is not None
    assert bill.total_usd == pytest.approx(0.40)
    assert bill.per_transaction_usd is None
    assert bill.notes == ("CloudWatch shows 1 of 2 calls",)


def test_reading_is_billed_on_demand_only() -> None:
    gib = 2.0**30
    read = Usage("kinesis", "bytes_out", "transactions", gib)
    hours = Usage("kinesis", "stream_hours", "transactions", 1)
    on_demand = cost_of([read, hours], 1, BOOK, "")
    provisioned = cost_of([read], 1, BOOK, "")
    assert on_demand is not None
    assert on_demand.total_usd == pytest.approx(0.08)
    assert provisioned is not None
    assert provisioned.total_usd == 0


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", 0.25),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", 0.25),
        ("amazon.nova-micro-v1:0", 0.035),
    ],
)
def test_models_are_priced_by_their_family(model: str, usd: float) -> None:
    bill = cost_of([Usage("bedrock", "input_tokens", model, 1e6)], 1, BOOK, "")
    assert bill is not None
    assert bill.total_usd == pytest.approx(usd)


def test_nothing_metered_is_no_bill() -> None:
    assert cost_of([], 10, BOOK, "") is None
    assert cost_of([Usage("lambda", "requests", "f", 0)], 10, BOOK, "") is None


@given(usage=usages, accepted=st.integers(0, 10_000))
def test_the_total_is_the_sum_of_its_lines(usage: list[Usage], accepted: int) -> None:
    bill = cost_of(usage, accepted, BOOK, "")
    if bill is None:
        assert not any(entry.quantity for entry in usage)
        return
    assert bill.total_usd == pytest.approx(sum(item.usd for item in bill.items))
    assert (bill.per_transaction_usd is None) == (accepted == 0)
    assert [item.usd for item in bill.items] == sorted((i.usd for i in bill.items), reverse=True)


@given(before=usages, grown=usages)
def test_usage_between_two_readings(before: list[Usage], grown: list[Usage]) -> None:
    start = {(u.service, u.unit, u.resource): u.quantity for u in before}
    after = [
        Usage(
            u.service,
            u.unit,
            u.resource,
            u.quantity + start.get((u.service, u.unit, u.resource), 0),
        )
        for u in grown
    ]
    found = {(u.service, u.unit, u.resource): u.quantity for u in usage_between(before, after)}
    for entry in grown:
        key = (entry.service, entry.unit, entry.resource)
        assert found.get(key, 0.0) == pytest.approx(entry.quantity, abs=1e-4)


def test_a_bad_price_book_names_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\nregion: y\nas_of: z\nprices:\n  - {service: s3, unit: u, usd: -1}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_price_book(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "prices.0.usd" in message
    assert "prices.0.per" in message
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_price_book(tmp_path / "none.yaml")
