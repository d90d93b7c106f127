"""When something runs, in cron's terms, and whether it runs at all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compiler.diagnostic import Finding
from compiler.overlay import Change, Ref
from compiler.part import Schema, text
from compiler.route import Route


def _field(number: str) -> str:
    """One field of a schedule, of the numbers or names that it takes."""
    item = rf"(?:\*|{number}(?:-{number})?)(?:/[1-9][0-9]?)?"
    return rf"{item}(?:,{item})*"


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (
    "[0-5]?[0-9]",
    "(?:2[0-3]|[01]?[0-9])",
    "(?:3[01]|[12][0-9]|0?[1-9])",
    f"(?:1[0-2]|0?[1-9]|{'|'.join(_MONTHS)})",
    f"(?:0?[0-6]|{'|'.join(_DAYS)})",
)
"""The numbers of each field. Source: ParseStandard of github.com/robfig/cron/v3, which the API server reads with: it has no 7 for
Sunday, and a schedule may not name a time zone."""
_NUMBERS = {name: number for names in (_MONTHS, _DAYS) for number, name in enumerate(names)}
_SCHEDULE = rf"@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|{' '.join(map(_field, _FIELDS))}"


def keys(default: str) -> dict[str, Schema]:
    """The keys of a job that runs on a schedule."""
    words = "minute, hour, day, month and weekday as cron has them, like '0 3 * * 0', or a word like @daily"
    return {
        "schedule": text("When it runs, in UTC.", _SCHEDULE, words, default=default),
        "suspend": {"type": "boolean", "description": "Whether it starts nothing for now.", "default": False},
    }


def findings(schedule: str, because: Route) -> Iterator[Finding]:
    """Ranges that run backwards, which the API server refuses. In: a schedule that the schema accepts, and the key of its job."""
    for first, last in re.findall(r"([0-9A-Z]+)-([0-9A-Z]+)", schedule):
        if _number(first) > _number(last):
            message = f"the range {first}-{last} of the schedule '{schedule}' runs backwards"
            hint = "write the smaller one first, or two ranges, like 22-23,0-6 for the hours of a night"
            yield Finding((*because, "schedule"), "bad-value", message, hint)


def _number(written: str) -> int:
    return int(written) if written.isdigit() else _NUMBERS[written]


def scheduled(target: Ref, schedule: str, *, suspend: bool, because: Route) -> Iterator[Change]:
    """When a CronJob runs, and whether."""
    yield Change(target, ("spec", "schedule"), schedule, (*because, "schedule"), "when it runs")
    yield Change(target, ("spec", "suspend"), suspend, (*because, "suspend"), "whether nothing is started")
