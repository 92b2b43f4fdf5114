"""Identity verification: how far a customer's details agree with the provider's records."""

from __future__ import annotations

from typing import Any

from fraud_platform.check_services.draws import share_of

VALID_S = 86_400
NONE_SHARE, PARTIAL_SHARE = 0.015, 0.055
"""Customers that are not known, and that are confirmed in part. They are drawn: nothing in a
customer's id says what they are."""
_DETAILS = ("name", "birth_date", "address", "document")


class IdentityAnswers:
    """``GET /v1/verifications/{customer}``."""

    name = "identity"

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def answer(self, parts: tuple[str, ...]) -> dict[str, Any] | None:
        """The answer to a path, or None where there is nothing."""
        if parts[:2] != ("v1", "verifications") or len(parts) != 3:
            return None
        customer = parts[2]
        drawn = share_of(self._seed, self.name, customer)
        level = "full"
        if drawn < NONE_SHARE:
            level = "none"
        elif drawn < NONE_SHARE + PARTIAL_SHARE:
            level = "partial"
        missing = int(share_of(self._seed, self.name, customer, "detail") * len(_DETAILS))
        return {
            "customer": customer,
            "level": level,
            "details": {
                detail: level == "full" or (level == "partial" and place != missing)
                for place, detail in enumerate(_DETAILS)
            },
            "valid_s": VALID_S,
        }
