"""What a call of a detector costs, in micro-dollars: list prices of us-east-1, first tier, free tiers left out.

They are for estimates and for the budget; a bill has tiers, agreements and taxes besides. Sources, each with the day on
which it was read:

- Rekognition bills every picture that an operation analyzes, several operations on one picture several times, and has
  two groups of operations (https://aws.amazon.com/rekognition/pricing/). Group 2 costs $0.0010 a picture up to a
  million a month, by a third party's copy of that page's worked examples (2026-10-07). Group 1, to which
  SearchFacesByImage belongs, costs the same by secondary sources alone.
- Custom Labels and SageMaker endpoints are paid by the hour they run, so a call adds nothing ("Starting an Amazon
  Rekognition Custom Labels model"). Serverless endpoints are paid by use: say a price.
- Bedrock bills tokens (https://aws.amazon.com/bedrock/pricing/). Prices of the Nova models and of Claude 3 Opus by
  secondary sources that quote AWS's price list (2026-08-06, and first quarter of 2026).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from kinesight.domain.detectors.ports import TokenUsage

MICRO_USD = 1_000_000
"""Of one dollar."""
_MILLION = 1_000_000

MICRO_USD_PER_CALL: Mapping[str, int] = {
    "REKOGNITION_LABELS": 1000,
    "REKOGNITION_FACES": 1000,
    "REKOGNITION_FACE_SEARCH": 1000,
    "REKOGNITION_MODERATION": 1000,
    "REKOGNITION_TEXT": 1000,
    "REKOGNITION_PROTECTIVE_EQUIPMENT": 1000,
    "REKOGNITION_CUSTOM_LABELS": 0,
    "SAGEMAKER": 0,
    "SAGEMAKER_ASYNC": 0,
    "HTTP": 0,
}
"""By the template's Detector parameter; BEDROCK has no price per call."""


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
"""Of a picture, the prompt and the tool: a picture of the largest size that models keep is 1,600 to 3,000 tokens."""


@dataclass(frozen=True, slots=True)
class CallPrice:
    """`most`: micro-dollars that a call costs, or may cost at most where `tokens` have prices."""

    most: int
    tokens: TokenPrice | None = None

    def of(self, usage: TokenUsage | None) -> int:
        """Micro-dollars that a call has cost, by the tokens of its answer; without them, the most."""
        return self.most if self.tokens is None or usage is None else self.tokens.of(usage)


def call_price(
    detector: str, usd_per_thousand_calls: Decimal | None, *, model_id: str | None, most_tokens_written: int
) -> CallPrice:
    """A price that was given, or else the list price; `model_id` and `most_tokens_written` matter for BEDROCK alone."""
    if usd_per_thousand_calls is not None:
        return CallPrice(to_micro_usd(usd_per_thousand_calls / 1000))
    if detector in MICRO_USD_PER_CALL:
        return CallPrice(MICRO_USD_PER_CALL[detector])
    tokens = token_price(model_id or "")
    return CallPrice(tokens.of(TokenUsage(MOST_TOKENS_READ, most_tokens_written)), tokens)


def token_price(model_id: str) -> TokenPrice:
    """Of a model or of an inference profile, whose name ends with its model's: us.amazon.nova-lite-v1:0."""
    return next((price for name, price in _TOKEN_PRICES.items() if name in model_id), DEAREST_TOKENS)


def to_micro_usd(usd: Decimal) -> int:
    """Rounded up."""
    return int((usd * MICRO_USD).to_integral_value(ROUND_CEILING))
