"""What calls of detectors cost, recorded frame by frame."""

from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Spend:
    """What one detector cost: calls, micro-dollars, calls that the budget prevented because the limit was reached
    (`stopped`) or to spread them over the day (`slowed`), and reservations that could not be kept (`unaccounted`)."""

    calls: int = 0
    micro_usd: int = 0
    slowed: int = 0
    stopped: int = 0
    unaccounted: int = 0

    def __iadd__(self, other: "Spend") -> "Spend":
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self


@dataclass(slots=True)
class FrameSpend:
    """Spend of one frame, by the type of the detector. A frame is analyzed in one thread, so there is no lock."""

    by_detector: dict[str, Spend] = field(default_factory=dict)

    def add(self, detector: str, spend: Spend) -> None:
        """Adds to what the detector cost already."""
        self.by_detector.setdefault(detector, Spend()).__iadd__(spend)
