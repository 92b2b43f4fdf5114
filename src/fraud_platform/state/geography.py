"""Distance on the globe."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""


def distance_km(lat_1: float, lon_1: float, lat_2: float, lon_2: float) -> float:
    """Great-circle distance between two places in degrees (haversine formula)."""
    half_lat = sin(radians(lat_2 - lat_1) / 2)
    half_lon = sin(radians(lon_2 - lon_1) / 2)
    h = half_lat * half_lat + cos(radians(lat_1)) * cos(radians(lat_2)) * half_lon * half_lon
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, h)))
