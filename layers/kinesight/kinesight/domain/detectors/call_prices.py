"""Prices of a call, in micro-dollars: list prices of us-east-1, first tier, free tiers left out. Each detector's is in
its entry of the catalogue.

They are for estimates and for the budget; a bill has tiers, agreements and taxes besides. Sources, each with the day on
which it was read:

- Rekognition bills every image that an operation analyzes, several operations on one image several times, and has
  two groups of operations (https://aws.amazon.com/rekognition/pricing/). Group 2 costs $0.0010 an image up to a
  million a month, by a third party's copy of that page's worked examples (2026-10-07). Group 1, to which
  SearchFacesByImage belongs, costs the same by secondary sources alone.
- Custom Labels and SageMaker endpoints are paid by the hour they run, so a call adds nothing ("Starting an Amazon
  Rekognition Custom Labels model"). Serverless endpoints are paid by use: say a price.
- Bedrock bills tokens (https://aws.amazon.com/bedrock/pricing/). Prices of the Nova models and of Claude 3 Opus by
  secondary sources that quote AWS's price list (2026-08-06, and first quarter of 2026).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from kinesight.domain.detectors.ports import TokenUsage

MICRO_USD = 1_000_000
"""Of one dollar."""
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """Micro-dollars per million tokens."""

    read: int
    written: int

    def of(self, usage: TokenUsage) -> int:
        """Micro-dollars, rounded up."""
        return -(-(usage.read * self.read + usage.written * self.written) // _MILLION)


_TOKEN_PRICES: Mapping[str, TokenPrice] = {
    "amazon.nova-lite": TokenPrice(60_000, 240_000),
    "amazon.nova-2-lite": TokenPrice(300_000, 2_500_000),
    "amazon.nova-pro": TokenPrice(800_000, 3_200_000),
    "amazon.nova-premier": TokenPrice(2_500_000, 12_500_000),
}
DEAREST_TOKENS = TokenPrice(15_000_000, 75_000_000)
"""Claude 3 Opus. A model that is not listed is counted like it, so that its budget ends too soon and not too late."""

MOST_TOKENS_READ = 6000
"""Of an image, the prompt and the tool: an image of the largest size that models keep is 1,600 to 3,000 tokens."""


@dataclass(frozen=True, slots=True)
class CallPrice:
    """`most`: micro-dollars that a call costs, or may cost at most where `tokens` have prices."""

    most: int
    tokens: TokenPrice | None = None

    def of(self, usage: TokenUsage | None) -> int:
        """Micro-dollars that a call has cost, by the tokens of its output; without them, the most."""
        return self.most if self.tokens is None or usage is None else self.tokens.of(usage)


def per_call(micro_usd: int) -> Callable[[object], CallPrice]:
    """The price of a detector whose settings do not change it."""
    return lambda _settings: CallPrice(micro_usd)


def given_price(usd_per_thousand_calls: Decimal) -> CallPrice:
    """A price that the stack has instead of the list price."""
    return CallPrice(to_micro_usd(usd_per_thousand_calls / 1000))


def token_call_price(model_id: str, most_tokens_written: int) -> CallPrice:
    """The price of a call of a Bedrock model."""
    tokens = token_price(model_id)
    return CallPrice(tokens.of(TokenUsage(MOST_TOKENS_READ, most_tokens_written)), tokens)


def token_price(model_id: str) -> TokenPrice:
    """Of a model or of an inference profile, whose name ends with its model's: us.amazon.nova-lite-v1:0."""
    return next((price for name, price in _TOKEN_PRICES.items() if name in model_id), DEAREST_TOKENS)


def to_micro_usd(usd: Decimal) -> int:
    """Rounded up."""
    return int((usd * MICRO_USD).to_integral_value(ROUND_CEILING))
