"""What one way of making a picture smaller came to, and which of several is best."""

from __future__ import annotations

from dataclasses import dataclass

from halve.codec.plan import Plan
from halve.core.compressed import Compressed


@dataclass(frozen=True, slots=True)
class Candidate:
    """`sufficient`: it looks good enough, where that is asked."""

    made: Compressed
    sufficient: bool = True

    def rank(self, what: Plan) -> tuple[bool, int, int]:
        """The lowest is best. What looks good enough comes first; where bytes are bounded and that is not asked, or cannot be had
        within the bound, the best quality; then the fewest bytes.
        """
        by_quality = what.bound is not None and not (what.by_eye and self.sufficient)
        return not self.sufficient, -(self.made.quality or 0) if by_quality else 0, len(self.made.data)
