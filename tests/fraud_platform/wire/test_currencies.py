from fraud_platform.wire.currencies import currency_exponents, current_currencies


def test_current_tender_only() -> None:
    codes = current_currencies()
    assert {"EUR", "USD", "JPY", "KRW", "CLP", "VND", "BHD", "JOD", "KWD", "OMR", "TND"} <= codes
    assert codes.isdisjoint({"DEM", "XXX", "XTS", "XAU", "ZZZ"})


def test_decimals() -> None:
    exponents = currency_exponents()
    assert exponents["JPY"] == 0
    assert exponents["KWD"] == 3
    assert exponents.get("EUR", 2) == 2
