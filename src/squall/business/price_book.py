"""A dated list of prices, and the bill that it makes of a run's usage."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from squall.errors import ConfigurationError
from squall.models import CostBreakdown, CostItem, Usage


class Price(BaseModel):
    """What ``per`` units cost. ``resource`` is a prefix (of a model id), empty for any.

    ``only_with`` names another unit: the price holds only for resources that used that one too
    (reading from a stream is billed on demand and free with provisioned shards).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    unit: str
    usd: float = Field(ge=0)
    per: float = Field(gt=0)
    source: str
    seen: str
    resource: str = ""
    only_with: str = ""


class PriceBook(BaseModel):
    """Prices of one region at one time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    region: str
    as_of: str
    prices: tuple[Price, ...]

    @property
    def title(self) -> str:
        """Name, region and date."""
        return f"{self.name}, {self.region}, {self.as_of}"

    def find(self, usage: Usage) -> Price | None:
        """The price of a usage; of several that fit, the one with the longest resource prefix."""
        fitting = [
            price
            for price in self.prices
            if (price.service, price.unit) == (usage.service, usage.unit)
            and _names(usage.resource, price.resource)
        ]
        return max(fitting, key=lambda price: len(price.resource), default=None)


def _names(resource: str, prefix: str) -> bool:
    """Whether a resource begins with a prefix; a model id may have a region in front."""
    return resource.startswith(prefix) or resource.partition(".")[2].startswith(prefix)


def load_price_book(path: Path | None = None) -> PriceBook:
    """The shipped price book, or the user's.

    Raises:
        ConfigurationError: the file cannot be read or is not a price book; names every problem.
    """
    where = "the shipped price book" if path is None else str(path)
    try:
        text = (
            files("squall.business").joinpath("prices.yaml").read_text(encoding="utf-8")
            if path is None
            else path.read_text(encoding="utf-8")
        )
        return PriceBook.model_validate(yaml.safe_load(text))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{where}: cannot be read: {error}") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'document'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ConfigurationError(f"{where}: {problems}") from error


def cost_of(
    usage: Iterable[Usage],
    accepted: int | None,
    book: PriceBook,
    basis: str,
    notes: tuple[str, ...] = (),
) -> CostBreakdown | None:
    """The bill of a run that had ``accepted`` transactions; None where nothing was metered.

    ``accepted`` None: the usage is not all that they made, so that no share of it is one's cost.
    Quantities are billed as used, not rounded up to whole units: the next run goes on where this
    one ended.
    """
    used = [entry for entry in usage if entry.quantity > 0]
    if not used:
        return None
    units = {(entry.service, entry.resource, entry.unit) for entry in used}
    items: list[CostItem] = []
    unpriced: list[Usage] = []
    for entry in sorted(used):
        price = book.find(entry)
        if price is None:
            unpriced.append(entry)
            continue
        if price.only_with and (entry.service, entry.resource, price.only_with) not in units:
            continue
        items.append(
            CostItem(
                service=entry.service,
                unit=entry.unit,
                resource=entry.resource,
                quantity=entry.quantity,
                price_usd=price.usd,
                per=price.per,
                usd=entry.quantity / price.per * price.usd,
                source=f"{price.source}, seen {price.seen}",
            )
        )
    total_usd = sum(item.usd for item in items)
    return CostBreakdown(
        items=tuple(sorted(items, key=lambda item: -item.usd)),
        total_usd=total_usd,
        per_transaction_usd=total_usd / accepted if accepted else None,
        basis=basis,
        prices=book.title,
        unpriced=tuple(unpriced),
        notes=notes,
    )


def usage_between(before: Iterable[Usage], after: Iterable[Usage]) -> tuple[Usage, ...]:
    """What was used between two readings of running totals."""
    first = {(entry.service, entry.unit, entry.resource): entry.quantity for entry in before}
    grown = (
        Usage(
            entry.service,
            entry.unit,
            entry.resource,
            entry.quantity - first.get((entry.service, entry.unit, entry.resource), 0.0),
        )
        for entry in after
    )
    return tuple(entry for entry in grown if entry.quantity > 0)
