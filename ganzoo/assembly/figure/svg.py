"""The few shapes that the drawings need, written as SVG: same input, same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
INK, FAINT = "#1f2933", "#6b7785"

Point = tuple[float, float]


class Canvas:
    """Collects shapes; the size is known when all are there."""

    def __init__(self) -> None:
        self._shapes: list[str] = []
        self.width = 0.0
        self.height = 0.0

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str,
        stroke: str = "none",
        radius: float = 0,
        name: str = "",
    ) -> None:
        """A rectangle, its corner at x, y."""
        kind = f" class={quoteattr(name)}" if name else ""
        self._shapes.append(
            f'<rect{kind} x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" '
            f'rx="{_n(radius)}" fill="{fill}" stroke="{stroke}"/>'
        )
        self._reach(x + width, y + height)

    def outline(self, x: float, y: float, width: float, height: float) -> None:
        """A mark around something."""
        self._shapes.append(
            f'<rect class="outline" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" '
            f'height="{_n(height)}" rx="5" fill="none" stroke="#d22f2f" stroke-width="2"/>'
        )

    def circle(
        self, x: float, y: float, radius: float, *, fill: str, stroke: str, name: str = ""
    ) -> None:
        """A circle around x, y."""
        kind = f" class={quoteattr(name)}" if name else ""
        self._shapes.append(
            f'<circle{kind} cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{fill}" '
            f'stroke="{stroke}"/>'
        )
        self._reach(x + radius, y + radius)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 11,
        anchor: str = "middle",
        fill: str = INK,
        bold: bool = False,
        italic: bool = False,
    ) -> None:
        """Words whose middle line is at y."""
        weight = ' font-weight="bold"' if bold else ""
        style = ' font-style="italic"' if italic else ""
        self._shapes.append(
            f'<text x="{_n(x)}" y="{_n(y + 0.35 * size)}" font-size="{_n(size)}" '
            f'text-anchor="{anchor}" fill="{fill}"{weight}{style}>{escape(words)}</text>'
        )
        share = {"start": 1.0, "middle": 0.5, "end": 0.0}[anchor]
        self._reach(x + share * text_width(words, size, bold=bold), y + size)

    def line(
        self, points: Sequence[Point], *, stroke: str = INK, arrow: bool = False, width: float = 1.3
    ) -> None:
        """A line through points, with an arrow at its end."""
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        end = ' marker-end="url(#arrow)"' if arrow else ""
        self._shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{stroke}" '
            f'stroke-width="{_n(width)}"{end}/>'
        )
        for x, y in points:
            self._reach(x, y)

    def dot(self, x: float, y: float) -> None:
        """Where a line branches."""
        self._shapes.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="2.2" fill="{INK}"/>')

    def written(self, title: str, margin: float = 18) -> str:
        """The document, on a ground of its own so that a dark page cannot swallow the ink."""
        width, height = _n(self.width + margin), _n(self.height + margin)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="{FONT}" role="img">\n'
            f"<title>{escape(title)}</title>\n"
            '<defs><marker id="arrow" markerWidth="7" markerHeight="7" refX="5.6" refY="3" '
            f'orient="auto"><path d="M0,0 L6,3 L0,6 z" fill="{INK}"/></marker></defs>\n'
            f'<rect x="0.5" y="0.5" width="{_n(self.width + margin - 1)}" '
            f'height="{_n(self.height + margin - 1)}" rx="8" fill="#ffffff" stroke="#d5dbe1"/>\n'
            + "\n".join(self._shapes)
            + "\n</svg>\n"
        )

    def _reach(self, x: float, y: float) -> None:
        self.width, self.height = max(self.width, x), max(self.height, y)


def text_width(words: str, size: float, *, bold: bool = False) -> float:
    """About how wide words are; rather too wide than too narrow."""
    return len(words) * size * (0.62 if bold else 0.57)


def _n(value: float) -> str:
    """A number, short and the same everywhere."""
    return f"{value:.1f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))
