"""What data transfer costs: a price table that a person may set, and the cost of bytes between two zones.

Providers charge per GB, some at the end that sends, some at both. Prices change, depend on contracts, and between
regions on the pair: the table below is a start, and a file overrides it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec

from fairway.cloud.zones import Scope, place, scope
from fairway.kit.documents import read_documents
from fairway.kit.errors import UsageError

Dollars = Annotated[float, msgspec.Meta(ge=0, le=1000)]


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Per GB: `out` at the end that sends, `in` at the end that receives. It holds where all that is given fits:
    the scope, the sender's provider and region, the receiver's region, the two zones in any order."""

    out: Dollars
    into: Dollars = msgspec.field(name="in", default=0.0)
    scope: Scope | None = None
    provider: str = ""
    region: str = ""
    to_region: str = ""
    zones: tuple[str, str] | None = None

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, bool]:
        """The more is given the more it counts, zones most."""
        given = (self.zones, self.to_region, self.region, self.provider, self.scope)
        zones, to_region, region, provider, far = map(bool, given)
        return zones, to_region, region, provider, far

    def fits(self, sender: str, receiver: str) -> bool:
        here, there = place(sender), place(receiver)
        return (
            (self.scope is None or self.scope is scope(sender, receiver))
            and self.provider in ("", here.provider)
            and self.region in ("", here.region)
            and self.to_region in ("", there.region)
            and (self.zones is None or set(self.zones) == {sender, receiver})
        )


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A price table. Of a file's prices the most particular that fits counts, then `LIST`, unless `defaults` is
    false. `bytes_per_gb` is how the provider counts: AWS, Google and Azure bill GiB."""

    prices: tuple[Price, ...] = ()
    currency: str = "USD"
    bytes_per_gb: Annotated[int, msgspec.Meta(ge=1)] = 1 << 30
    defaults: bool = True

    @property
    def table(self) -> tuple[Price, ...]:
        """All that may count, the file's own first."""
        return (*self.prices, *(LIST if self.defaults else ()))

    def price(self, sender: str, receiver: str) -> Price | None:
        """The price that counts from one zone to another; None if none fits."""
        own = _best(self.prices, sender, receiver)
        return own or (_best(LIST, sender, receiver) if self.defaults else None)


LIST: Final = (
    # Nobody charges within a zone for private addresses.
    Price(scope=Scope.INTRA_ZONE, out=0.0),
    # AWS, https://aws.amazon.com/ec2/pricing/on-demand/ under data transfer, list price, so quoted in May 2026:
    # 0.01 in and 0.01 out between zones; between regions 0.01 to 0.147 out by pair, 0.02 the most common.
    Price(provider="aws", scope=Scope.INTER_ZONE, out=0.01, into=0.01),
    Price(provider="aws", scope=Scope.INTER_REGION, out=0.02),
    # Google, https://cloud.google.com/vpc/network-pricing, list price, so quoted in 2026: charged to the sender;
    # between regions 0.02 within North America, more elsewhere.
    Price(provider="gcp", scope=Scope.INTER_ZONE, out=0.01),
    Price(provider="gcp", scope=Scope.INTER_REGION, out=0.02),
    # Azure, https://azure.microsoft.com/pricing/details/bandwidth/, list price, so quoted in 2024: nothing between
    # zones; between regions 0.02 within North America and Europe, more elsewhere.
    Price(provider="azure", scope=Scope.INTER_ZONE, out=0.0),
    Price(provider="azure", scope=Scope.INTER_REGION, out=0.02),
)


def cost(size: int, sender: str, receiver: str, prices: Prices) -> float | None:
    """What `size` bytes from one zone to another cost at both ends together; None if there is no price for them."""
    price = prices.price(sender, receiver)
    return None if price is None else size / prices.bytes_per_gb * (price.out + price.into)


def read_prices(path: Path) -> Prices:
    """A price table from a YAML or JSON file; UsageError names the place that is wrong."""
    documents = read_documents([path])
    if len(documents) != 1:
        raise UsageError(f"{path}: holds {len(documents)} documents; write one price table")
    try:
        return msgspec.convert(documents[0].value, Prices)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: is no price table: {error}; see docs/import.md") from error


def _best(prices: Iterable[Price], sender: str, receiver: str) -> Price | None:
    fitting = [price for price in prices if price.fits(sender, receiver)]
    # Of two that are alike the later one: the last word in a file counts.
    return max(reversed(fitting), key=lambda price: price.rank, default=None)
