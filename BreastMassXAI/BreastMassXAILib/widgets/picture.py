"""A label that shows a drawing, drawn anew when the label's size or the window's colours change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import qt

from .drawing import Box, Ink, Shape
from .slots import Slots

Draw = Callable[[int, int, int], Sequence[Shape]]
"""``draw(width, height, line)``: shapes for a room of so many pixels; `line` is the height of a line of text."""

_ALIGN = {"left": qt.Qt.AlignLeft, "center": qt.Qt.AlignHCenter, "right": qt.Qt.AlignRight}
_ROLES = {"text": qt.QPalette.WindowText, "base": qt.QPalette.Window, "faint": qt.QPalette.WindowText}
_FAINT = 0.6


class Picture:
    """Parameters
    ----------
    label : qt.QLabel
        Its width must not follow its contents: horizontal size policy `Ignored`.
    draw : Draw
    slots : Slots
    """

    def __init__(self, label, draw: Draw, slots: Slots) -> None:
        self._label = label
        self._draw = draw
        self._watcher = _Watcher(slots.guarded(self.paint))
        label.installEventFilter(self._watcher)

    def close(self) -> None:
        self._label.removeEventFilter(self._watcher)

    def paint(self) -> None:
        """Draw what is to be drawn now."""
        label = self._label
        width, height, ratio = label.width, label.height, label.devicePixelRatioF()
        if width < 1 or height < 1:
            return
        pixmap = qt.QPixmap(int(width * ratio), int(height * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(qt.QColor(0, 0, 0, 0))
        painter = qt.QPainter()
        painter.begin(pixmap)
        painter.setFont(label.font)
        for shape in self._draw(width, height, qt.QFontMetrics(label.font).height()):
            self._paint(painter, shape)
        painter.end()
        label.setPixmap(pixmap)

    def _paint(self, painter, shape: Shape) -> None:
        color = self._color(shape.ink)
        if isinstance(shape, Box):
            painter.fillRect(qt.QRect(shape.x, shape.y, shape.width, shape.height), qt.QBrush(color))
        else:
            painter.setPen(qt.QPen(color))
            flags = int(_ALIGN[shape.align] | qt.Qt.AlignVCenter)
            painter.drawText(qt.QRect(shape.x, shape.y, shape.width, shape.height), flags, shape.text)

    def _color(self, ink: Ink):
        if not isinstance(ink, str):
            return qt.QColor(*(round(255 * part) for part in ink))
        # The window's active colours for a disabled label too: it greys the whole picture itself.
        color = qt.QColor(self._label.palette.color(qt.QPalette.Active, _ROLES[ink]))
        if ink == "faint":
            color.setAlphaF(_FAINT)
        return color


class _Watcher(qt.QObject):
    def __init__(self, changed: Callable[[], None]) -> None:
        qt.QObject.__init__(self)
        self._changed = changed

    def eventFilter(self, watched, event) -> bool:
        if event.type() in (qt.QEvent.Resize, qt.QEvent.PaletteChange, qt.QEvent.FontChange, qt.QEvent.EnabledChange):
            self._changed()
        return False
