"""Charts as SVG, the same in a page, a PDF and a mail: shapes in the SVG, words in HTML around it.

Only presentation attributes are used: the content policy forbids inline styles, and WeasyPrint does not let the page's
style sheet into an SVG. The classes s1 to s4 let `static/css/plot.css` repaint them on dark pages. Time runs from left
to right in both languages, as in Israeli papers; a funnel follows the direction of the language.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from markupsafe import Markup

from app.core import i18n

Value = float | Decimal | None
Spell = Callable[[float], str]
COLOURS = ("#0b4f9c", "#c2570c", "#1f7a3d", "#6b3fa0")  # each 4.5:1 on white, and told apart without colour by dashes
DASHES = ("", "7 4", "2 4", "10 3 2 3")
GRID = "#d9e0e9"
WIDTH, HEIGHT = 640, 200
SIZE = {"width": WIDTH, "height": HEIGHT}
LABELS = 8  # along the axis, at most
SVG = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" width="{width}" height="{height}" '
    'viewBox="0 0 {width} {height}" preserveAspectRatio="none">{shapes}</svg>'
)


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one colour of bars; None leaves a gap."""

    name: str
    values: Sequence[Value]


def minutes(told: Sequence[str], zone: tzinfo) -> list[str]:
    """Minutes told in ISO as names along an axis: by the zone's clock, with the day where there is more than one."""
    moments = [datetime.fromisoformat(one).astimezone(zone) for one in told]
    is_one_day = len({moment.date() for moment in moments}) < 2
    return [f"{m:%H:%M}" if is_one_day else f"{m.day}.{m.month} {m:%H:%M}" for m in moments]


def line(
    title: str, labels: Sequence[str], series: Sequence[Series], *, locale: str, spell: Spell | None = None
) -> Markup:
    """Draw values over time or another order; `spell` writes the numbers of the axis."""
    ticks, places = _ticks(series), _places(len(labels))
    drawn = [_line(one.values, places, ticks[-1], number) for number, one in enumerate(series)]
    legend = _legend(series, _stroke)
    svg = SVG.format(label=title, shapes=_grid(ticks) + _joined(drawn), **SIZE)
    return _plot(svg, legend, labels, _spelt(ticks, spell, locale))


def bars(
    title: str, labels: Sequence[str], series: Sequence[Series], *, locale: str, spell: Spell | None = None
) -> Markup:
    """Draw values side by side, one group of bars per label."""
    ticks = _ticks(series)
    thick = min(WIDTH / max(len(labels), 1) * 0.7 / max(len(series), 1), 48)
    drawn = [
        _bar(place + (number - len(series) / 2) * thick, thick * 0.92, float(value or 0) / ticks[-1] * HEIGHT, number)
        for number, one in enumerate(series)
        for place, value in zip(_places(len(labels)), one.values, strict=True)
    ]
    legend = _legend(series, _swatch)
    svg = SVG.format(label=title, shapes=_grid(ticks) + _joined(drawn), **SIZE)
    return _plot(svg, legend, labels, _spelt(ticks, spell, locale))


def funnel(title: str, steps: Sequence[tuple[str, int, float | None]], *, locale: str) -> Markup:
    """Draw steps of which each keeps a part of the one before: name, count, and the share to be told, of whatever it is."""
    first = max((count for _, count, _ in steps), default=0) or 1
    from_the_right = i18n.direction(locale) == "rtl"
    rows = []
    for name, count, share in steps:
        width = round(WIDTH * count / first, 1)
        shape = _rectangle(0, WIDTH - width if from_the_right else 0, 0, width, 22)
        label = f"{name}: {i18n.number(count, locale)}"
        rows.append(
            Markup(
                '<li><span class="plot-name">{name}</span><span class="plot-bar">{svg}</span>'
                '<span class="plot-value"><bdi>{count}</bdi> <bdi class="plot-share">{share}</bdi></span></li>'
            ).format(
                name=name,
                svg=SVG.format(label=label, width=WIDTH, height=22, shapes=shape),
                count=i18n.number(count, locale),
                share="" if share is None else i18n.percent(share, locale),
            )
        )
    return Markup('<ol class="plot plot-funnel" aria-label="{title}">{rows}</ol>').format(
        title=title, rows=_joined(rows)
    )


def _plot(svg: Markup, legend: Markup, labels: Sequence[str], heights: Sequence[str]) -> Markup:
    """The SVG with its axis labels and legend in HTML around it."""
    every = math.ceil(len(labels) / LABELS) or 1
    along = [label if place % every == 0 else "" for place, label in enumerate(labels)]
    return Markup(
        '<div class="plot" dir="ltr">{legend}<div class="plot-body">'
        '<div class="plot-y" aria-hidden="true">{heights}</div><div class="plot-area">{svg}</div>'
        '<div class="plot-x" aria-hidden="true">{along}</div></div></div>'
    ).format(legend=legend, heights=_words(heights), svg=svg, along=_words(along))


def _words(texts: Sequence[str]) -> Markup:
    return _joined([Markup("<span><bdi>{}</bdi></span>").format(text) for text in texts])


def _joined(parts: Sequence[Markup]) -> Markup:
    return Markup("").join(parts)


def _spelt(ticks: Sequence[float], spell: Spell | None, locale: str) -> list[str]:
    """What stands at the ticks, from the top."""
    write = spell or (lambda value: i18n.number(value, locale))
    return [write(tick) for tick in reversed(ticks)]


def _legend(series: Sequence[Series], sample: Callable[[int], Markup]) -> Markup:
    if len(series) < 2:
        return Markup("")
    entries = [
        Markup(
            '<span><svg width="26" height="10" viewBox="0 0 26 10" aria-hidden="true">{}</svg> <bdi>{}</bdi></span>'
        ).format(sample(number), one.name)
        for number, one in enumerate(series)
    ]
    return Markup('<p class="plot-legend">{}</p>').format(_joined(entries))


def _stroke(number: int) -> Markup:
    return Markup(
        '<path class="s{number} stroke" d="M1 5H25" fill="none" stroke="{colour}" stroke-width="3"{dash}/>'
    ).format(number=number % 4 + 1, colour=COLOURS[number % 4], dash=_dash(number))


def _swatch(number: int) -> Markup:
    return _rectangle(number, 8, 0, 10, 10)


def _line(values: Sequence[Value], places: Sequence[float], top: float, number: int) -> Markup:
    """One series as a path, begun anew after every gap; a lonely value is drawn as a short stroke."""
    path, pen_down = [], False
    for place, value in zip(places, values, strict=True):
        if value is None:
            pen_down = False
            continue
        height = round(HEIGHT - float(value) / top * HEIGHT, 1)
        path.append(f"{'L' if pen_down else 'M'}{place} {height}" + ("" if pen_down else "h1"))
        pen_down = True
    return Markup(
        '<path class="s{number} stroke" d="{path}" fill="none" stroke="{colour}" stroke-width="2.5" '
        'stroke-linejoin="round" stroke-linecap="round" vector-effect="non-scaling-stroke"{dash}/>'
    ).format(number=number % 4 + 1, path="".join(path), colour=COLOURS[number % 4], dash=_dash(number))


def _bar(x: float, width: float, height: float, number: int) -> Markup:
    return _rectangle(number, x, HEIGHT - height, width, height)


def _rectangle(number: int, x: float, y: float, width: float, height: float) -> Markup:
    return Markup('<rect class="s{}" x="{}" y="{}" width="{}" height="{}" fill="{}"/>').format(
        number % 4 + 1, round(x, 1), round(y, 1), round(width, 1), round(height, 1), COLOURS[number % 4]
    )


def _grid(ticks: Sequence[float]) -> Markup:
    grid = Markup(
        '<path class="grid" d="M0 {y}H{width}" stroke="{colour}" stroke-width="1" vector-effect="non-scaling-stroke"/>'
    )
    heights = [round(HEIGHT - tick / ticks[-1] * HEIGHT, 1) for tick in ticks]
    return _joined([grid.format(y=y, width=WIDTH, colour=GRID) for y in heights])


def _dash(number: int) -> Markup:
    dash = DASHES[number % 4]
    return Markup(' stroke-dasharray="{}"').format(dash) if dash else Markup("")


def _places(count: int) -> list[float]:
    """The middles of as many equal cells: there the labels stand too."""
    return [round((place + 0.5) * WIDTH / count, 1) for place in range(count)]


def _ticks(series: Sequence[Series]) -> list[float]:
    """The ticks of the axis from zero: three to six steps of 1, 2 or 5 times a power of ten."""
    highest = max((float(value) for one in series for value in one.values if value is not None), default=0) or 1
    rough = highest / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    return [round(step * number, 10) for number in range(math.ceil(highest / step - 1e-9) + 1)]
