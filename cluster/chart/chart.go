// Package chart draws curves over time as SVG: panels under each other with one
// time axis, like the dashboards of an experiment.
package chart

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// Figure is a drawing.
type Figure struct {
	Title, Subtitle string
	Panels          []Panel
	// Phases are shown behind all panels.
	Phases []Phase
	// End is the last moment of the time axis, in seconds.
	End float64
}

// Panel is one set of axes.
type Panel struct {
	Title string
	// Unit stands small beside the title.
	Unit   string
	Series []Series
}

// Style is how a curve is drawn.
type Style string

// The styles. Step is for whole numbers that jump, such as pods.
const (
	Area   Style = "area"
	Line   Style = "line"
	Step   Style = "step"
	Dashed Style = "dashed"
)

// Series is a curve.
type Series struct {
	Name   string
	Color  string
	Style  Style
	Points []Point
}

// Point is a value at a time in seconds.
type Point struct{ X, Y float64 }

// Phase is a span of time with a name.
type Phase struct {
	Name     string
	From, To float64
}

// Measures of the drawing, in pixels.
const (
	width       = 1100
	left        = 76
	right       = 28
	top         = 104
	panelHeight = 150
	gap         = 58
	bottom      = 52
)

// Write draws the figure.
func (f Figure) Write(w io.Writer) error {
	height := top + len(f.Panels)*(panelHeight+gap) - gap + bottom
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="Helvetica, Arial, sans-serif" font-size="13">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="36" font-size="21" font-weight="bold" fill="#111827">%s</text>`+"\n", left, html.EscapeString(f.Title))
	fmt.Fprintf(&b, `<text x="%d" y="58" fill="#6b7280">%s</text>`+"\n", left, html.EscapeString(f.Subtitle))
	f.phases(&b, height)
	for i, p := range f.Panels {
		f.panel(&b, p, float64(top+i*(panelHeight+gap)))
	}
	f.timeAxis(&b, float64(height-bottom))
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// x is where a moment is.
func (f Figure) x(seconds float64) float64 {
	return left + seconds/f.End*(width-left-right)
}

func (f Figure) phases(b *strings.Builder, height int) {
	for i, p := range f.Phases {
		from, to := f.x(p.From), f.x(min(p.To, f.End))
		fill := []string{"#f3f4f6", "#ffffff"}[i%2]
		fmt.Fprintf(b, `<rect x="%.1f" y="72" width="%.1f" height="%d" fill="%s"/>`+"\n", from, to-from, height-72-bottom, fill)
		fmt.Fprintf(b, `<text x="%.1f" y="88" text-anchor="middle" font-size="12" fill="#6b7280">%s</text>`+"\n", (from+to)/2, html.EscapeString(p.Name))
	}
}

// panel draws axes, curves and the legend of one panel, whose plot ends at y + panelHeight.
func (f Figure) panel(b *strings.Builder, p Panel, y float64) {
	limit, step := scale(p.highest())
	base := y + panelHeight
	toY := func(value float64) float64 { return base - value/limit*(panelHeight-26) }
	for value := 0.0; value <= limit+step/2; value += step {
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e5e7eb"/>`+"\n", left, width-right, toY(value), toY(value))
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end" font-size="12" fill="#6b7280">%s</text>`+"\n", left-8, toY(value)+4, number(value))
	}
	for _, s := range p.Series {
		f.series(b, s, toY)
	}
	fmt.Fprintf(b, `<text x="%d" y="%.1f" font-size="15" font-weight="bold" fill="#111827">%s <tspan font-size="12" font-weight="normal" fill="#6b7280">%s</tspan></text>`+"\n",
		left, y+8, html.EscapeString(p.Title), html.EscapeString(p.Unit))
	p.legend(b, y)
}

// legend names the curves, from the right edge to the left.
func (p Panel) legend(b *strings.Builder, y float64) {
	at := float64(width - right)
	for _, s := range slices.Backward(p.Series) {
		at -= float64(len(s.Name))*6.6 + 34
		dash := ""
		if s.Style == Dashed {
			dash = ` stroke-dasharray="5 4"`
		}
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="%s" stroke-width="2.5"%s/>`+"\n", at, at+18, y+4, y+4, s.Color, dash)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-size="12" fill="#374151">%s</text>`+"\n", at+23, y+8, html.EscapeString(s.Name))
	}
}

func (f Figure) series(b *strings.Builder, s Series, toY func(float64) float64) {
	var path strings.Builder
	for i, point := range s.Points {
		x, y := f.x(point.X), toY(point.Y)
		switch {
		case i == 0:
			fmt.Fprintf(&path, "M%.1f %.1f", x, y)
		case s.Style == Step:
			fmt.Fprintf(&path, "H%.1fV%.1f", x, y)
		default:
			fmt.Fprintf(&path, "L%.1f %.1f", x, y)
		}
	}
	if len(s.Points) == 0 {
		return
	}
	if s.Style == Area {
		fmt.Fprintf(b, `<path d="%sL%.1f %.1fL%.1f %.1fZ" fill="%s" fill-opacity="0.16"/>`+"\n", path.String(),
			f.x(s.Points[len(s.Points)-1].X), toY(0), f.x(s.Points[0].X), toY(0), s.Color)
	}
	dash := ""
	if s.Style == Dashed {
		dash = ` stroke-dasharray="5 4" stroke-opacity="0.75"`
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.8" stroke-linejoin="round"%s/>`+"\n", path.String(), s.Color, dash)
}

func (f Figure) timeAxis(b *strings.Builder, y float64) {
	step := 30.0
	if f.End > 420 {
		step = 60
	}
	for t := 0.0; t <= f.End; t += step {
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#9ca3af"/>`+"\n", f.x(t), f.x(t), y, y+5)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" font-size="12" fill="#6b7280">%d:%02d</text>`+"\n", f.x(t), y+20, int(t)/60, int(t)%60)
	}
	fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end" font-size="12" fill="#6b7280">minutes since the load began</text>`+"\n", width-right, y+40)
}

func (p Panel) highest() float64 {
	highest := 0.0
	for _, s := range p.Series {
		for _, point := range s.Points {
			highest = max(highest, point.Y)
		}
	}
	return highest
}

// scale finds a round upper end for an axis, and the distance of its lines.
func scale(highest float64) (limit, step float64) {
	if highest <= 0 {
		return 1, 1
	}
	rough := highest / 4
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, factor := range []float64{1, 2, 2.5, 5, 10} {
		step = factor * power
		if step >= rough && (step >= 1 && step == math.Trunc(step) || highest < 1) {
			break
		}
	}
	return math.Ceil(highest/step) * step, step
}

func number(v float64) string {
	if v >= 10000 {
		return fmt.Sprintf("%gk", v/1000)
	}
	return fmt.Sprintf("%g", v)
}

// Smooth is the mean over a window of so many points around each.
func Smooth(points []Point, window int) []Point {
	smoothed := make([]Point, len(points))
	for i := range points {
		from, to := max(0, i-window/2), min(len(points), i+window/2+1)
		sum := 0.0
		for _, p := range points[from:to] {
			sum += p.Y
		}
		smoothed[i] = Point{points[i].X, sum / float64(to-from)}
	}
	return smoothed
}
