"""Autotask's numbers of time zones.

``InternalLocations.timeZone`` is "the Microsoft Time Zone Index value":
https://autotask.net/help/developerhelp/Content/APIs/REST/Entities/InternalLocationsEntity.htm. The numbers are those of
https://learn.microsoft.com/en-us/previous-versions/windows/embedded/ms912391(v=winembedded.11); each zone here is the one that the Unicode
CLDR names first for Microsoft's zone (https://github.com/unicode-org/cldr/blob/main/common/supplemental/windowsZones.xml).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ZONES: Mapping[int, str] = MappingProxyType(
    {
        2: "Pacific/Honolulu",
        3: "America/Anchorage",
        4: "America/Los_Angeles",
        10: "America/Denver",
        15: "America/Phoenix",
        20: "America/Chicago",
        25: "America/Regina",
        30: "America/Mexico_City",
        33: "America/Guatemala",
        35: "America/New_York",
        40: "America/Indianapolis",
        45: "America/Bogota",
        50: "America/Halifax",
        55: "America/La_Paz",
        56: "America/Santiago",
        60: "America/St_Johns",
        65: "America/Sao_Paulo",
        70: "America/Cayenne",
        80: "Atlantic/Azores",
        83: "Atlantic/Cape_Verde",
        85: "Europe/London",
        90: "Atlantic/Reykjavik",
        95: "Europe/Budapest",
        100: "Europe/Warsaw",
        105: "Europe/Paris",
        110: "Europe/Berlin",
        113: "Africa/Lagos",
        120: "Africa/Cairo",
        125: "Europe/Kiev",
        130: "Europe/Bucharest",
        135: "Asia/Jerusalem",
        140: "Africa/Johannesburg",
        145: "Europe/Moscow",
        150: "Asia/Riyadh",
        155: "Africa/Nairobi",
        158: "Asia/Baghdad",
        160: "Asia/Tehran",
        165: "Asia/Dubai",
        175: "Asia/Kabul",
        185: "Asia/Tashkent",
        190: "Asia/Calcutta",
        193: "Asia/Katmandu",
        200: "Asia/Colombo",
        203: "Asia/Rangoon",
        205: "Asia/Bangkok",
        210: "Asia/Shanghai",
        215: "Asia/Singapore",
        220: "Asia/Taipei",
        225: "Australia/Perth",
        230: "Asia/Seoul",
        235: "Asia/Tokyo",
        245: "Australia/Darwin",
        250: "Australia/Adelaide",
        255: "Australia/Sydney",
        260: "Australia/Brisbane",
        265: "Australia/Hobart",
        280: "Pacific/Guadalcanal",
        285: "Pacific/Fiji",
        290: "Pacific/Auckland",
        300: "Pacific/Tongatapu",
    }
)
"""IANA names by Microsoft's number. Zones whose clocks were changed since the list was made are left out."""
