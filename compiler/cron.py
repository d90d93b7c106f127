"""When something runs, in cron's terms, and whether it runs at all."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.overlay import Change, Ref
from compiler.part import Schema, text
from compiler.route import Route


def _field(number: str) -> str:
    """One field of a schedule, of the numbers or names that it takes."""
    item = rf"(?:\*|{number}(?:-{number})?)(?:/[1-9][0-9]?)?"
    return rf"{item}(?:,{item})*"


_MONTH = "(?:1[0-2]|[1-9]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
_DAY = "(?:[0-6]|SUN|MON|TUE|WED|THU|FRI|SAT)"
_FIELDS = ("[0-5]?[0-9]", "(?:2[0-3]|1?[0-9])", "(?:3[01]|[12][0-9]|[1-9])", _MONTH, _DAY)
_SCHEDULE = rf"@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|{' '.join(map(_field, _FIELDS))}"


def keys(default: str) -> dict[str, Schema]:
    """The keys of a job that runs on a schedule."""
    words = "minute, hour, day, month and weekday as cron has them, like '0 3 * * 0', or a word like @daily"
    return {
        "schedule": text("When it runs, in UTC.", _SCHEDULE, words, default=default),
        "suspend": {"type": "boolean", "description": "Whether it starts nothing for now.", "default": False},
    }


def scheduled(target: Ref, schedule: str, *, suspend: bool, because: Route) -> Iterator[Change]:
    """When a CronJob runs, and whether."""
    yield Change(target, ("spec", "schedule"), schedule, (*because, "schedule"), "when it runs")
    yield Change(target, ("spec", "suspend"), suspend, (*because, "suspend"), "whether nothing is started")
