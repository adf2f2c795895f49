# SPDX-License-Identifier: BSD-2-Clause
"""plot.py - bandwidth and time of copies over their size, as SVG."""
import math
import os

from common import die

COLORS = {"native": "#7a7a7a", "ours": "#1f6fb2"}
DASH = {"pinned": "", "pageable": ' stroke-dasharray="6,4"'}
WAYS = {"htod": "to the GPU", "dtoh": "from the GPU"}
SIZES = {"4B": 4, "256B": 256, "4K": 4096, "16K": 16 << 10, "64K": 64 << 10,
         "256K": 256 << 10, "1M": 1 << 20, "4M": 4 << 20, "16M": 16 << 20,
         "64M": 64 << 20, "256M": 256 << 20}
WIDTH, HEIGHT, LEFT, TOP, GAP = 400, 300, 80, 50, 100


def size_name(value):
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            break
        value //= 1024
    else:
        unit = "GiB"
    return "%d %s" % (value, unit)


def text(x, y, words, anchor="middle", size=11):
    return ('<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" '
            'font-family="sans-serif">%s</text>' % (x, y, anchor, size,
                                                    words))


def line(a, b, more):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" %s/>' % (a + b +
                                                                   (more,))


class Axis:
    """Logarithmic; ends at whole powers of base."""

    def __init__(self, values, base, start, length):
        self.base = base
        # Whole powers are found by rounding: log(1000, 10) is 2.999...
        self.low = math.floor(round(math.log(min(values), base), 9))
        self.high = max(math.ceil(round(math.log(max(values), base), 9)),
                        self.low + 1)
        self.start, self.length = start, length

    def at(self, value):
        part = (math.log(value, self.base) - self.low) / (self.high -
                                                          self.low)
        return self.start + self.length * part

    def ticks(self):
        return [self.base ** e for e in range(self.low, self.high + 1)]


def panel(left, title, unit, xs, ys, curves):
    x = Axis(xs, 4, left, WIDTH)
    y = Axis(ys, 10, TOP + HEIGHT, -HEIGHT)
    out = [text(left + WIDTH / 2, TOP - 14, title, size=14)]
    for i, v in enumerate(x.ticks()):
        out.append(line((x.at(v), TOP), (x.at(v), TOP + HEIGHT),
                        'stroke="#e4e4e4"'))
        if i % 3 == 0:
            out.append(text(x.at(v), TOP + HEIGHT + 16, size_name(v)))
    for v in y.ticks():
        out.append(line((left, y.at(v)), (left + WIDTH, y.at(v)),
                        'stroke="#e4e4e4"'))
        out.append(text(left - 6, y.at(v) + 4, "%g %s" % (v, unit), "end"))
    out.append('<rect x="%d" y="%d" width="%d" height="%d" fill="none" '
               'stroke="#555555"/>' % (left, TOP, WIDTH, HEIGHT))
    for (kind, side), points in curves.items():
        path = " ".join("%.1f,%.1f" % (x.at(a), y.at(b)) for a, b in points)
        out.append('<polyline points="%s" fill="none" stroke="%s" '
                   'stroke-width="2"%s/>' % (path, COLORS[side], DASH[kind]))
        out += ['<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>'
                % (x.at(a), y.at(b), COLORS[side]) for a, b in points]
    return out


def legend(curves, y):
    out, x = [], LEFT
    for kind, side in curves:
        out.append(line((x, y), (x + 36, y), 'stroke="%s" stroke-width="2"%s'
                        % (COLORS[side], DASH[kind])))
        out.append(text(x + 42, y + 4, "%s, %s" % (side, kind), "start"))
        x += 190
    return out


def curves_of(table, way, value_of):
    """{(kind, side): [(bytes, value)]}"""
    found = {}
    for kind in DASH:
        for side in COLORS:
            points = []
            for name, size in SIZES.items():
                row = table.get("copy_%s_%s_%s" % (kind, way, name), {})
                if side + "_median" in row:
                    points.append((size, value_of(size, row["unit"],
                                                  row[side + "_median"])))
            if points:
                found[kind, side] = points
    return found


def microseconds(size, unit, value):
    return value if unit == "us" else size / value / 1e3


def gigabytes(size, unit, value):
    return size / microseconds(size, unit, value) / 1e3


def draw(table, path, what, unit, value_of, note):
    by_way = {way: curves_of(table, way, value_of) for way in WAYS}
    every = [p for c in by_way.values() for points in c.values()
             for p in points]
    if not every:
        die("there are no copies to plot")
    xs, ys = zip(*every)
    out, left = [], LEFT
    for way, curves in by_way.items():
        out += panel(left, "%s, %s" % (what, WAYS[way]), unit, xs, ys, curves)
        left += WIDTH + GAP
    foot = TOP + HEIGHT + 44
    out += legend(next(iter(by_way.values())), foot)
    out.append(text(LEFT, foot + 26, note, "start"))
    with open(path, "w", encoding="utf-8") as f:
        f.write('<svg xmlns="http://www.w3.org/2000/svg" width="%d" '
                'height="%d"><rect width="100%%" height="100%%" '
                'fill="white"/>\n%s\n</svg>\n'
                % (left - GAP + 40, foot + 42, "\n".join(out)))
    print("# %s" % path)


def plot(result, folder):
    os.makedirs(folder, exist_ok=True)
    env = result["environment"]
    note = "%s, driver %s, %d cores, commit %s, %s" % (
        env["gpu"], env["driver"], env["cores"], env["commit"],
        env["date"][:10])
    draw(result["rows"], os.path.join(folder, "copy-bandwidth.svg"),
         "copies", "GB/s", gigabytes, note)
    draw(result["rows"], os.path.join(folder, "copy-time.svg"),
         "time of a copy", "us", microseconds, note)
