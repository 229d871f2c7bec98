"""Money is Decimal with a currency, never float."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

CENT = Decimal("0.01")


def parse(value: str) -> Decimal:
    """An amount from text, thousands separators allowed. Raises ValueError on anything else."""
    try:
        amount = Decimal(value.strip().replace(",", ""))
    except InvalidOperation:
        raise ValueError(f"not an amount: {value!r}") from None
    if not amount.is_finite():
        raise ValueError(f"not an amount: {value!r}")
    return amount


def rounded(amount: Decimal) -> Decimal:
    """The amount to the cent, halves up."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)
