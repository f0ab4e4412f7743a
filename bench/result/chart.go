package result

import (
	"fmt"
	"io"
	"strings"
	"text/template"
)

// Replicas names what a run found for a number of replicas.
func Replicas(n int) string { return fmt.Sprintf("verdicts/s of %d replicas", n) }

// Point is what a number of replicas decided a second.
type Point struct {
	Replicas int
	Verdicts float64
}

// Points are those that a run has found, by replicas.
func (r Run) Points() []Point {
	var points []Point
	for n := 1; n <= 120; n++ {
		if rate, found := r.Extra[Replicas(n)]; found {
			points = append(points, Point{n, rate})
		}
	}
	return points
}

// Sizes of the chart, in pixels.
const (
	width, height = 640, 360
	margin        = 48
)

var svg = template.Must(template.New("chart").Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{.Width}} {{.Height}}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
{{range .Grid}}<path d="{{.Path}}" stroke="#ddd"/><text x="{{.X}}" y="{{.Y}}" text-anchor="{{.Anchor}}" fill="#555">{{.Text}}</text>
{{end}}<path d="{{.Law}}" stroke="#999" stroke-dasharray="6 4"/>
<polyline points="{{.Line}}" fill="none" stroke="#06c" stroke-width="2"/>
{{range .Dots}}<circle cx="{{.X}}" cy="{{.Y}}" r="4" fill="#06c"/><text x="{{.X}}" y="{{.Above}}" text-anchor="middle" fill="#06c">{{.Text}}</text>
{{end}}<text x="{{.Middle}}" y="{{.Bottom}}" text-anchor="middle">replicas of approval-service</text>
<text x="12" y="20">verdicts a second; dashed: {{.PerReplica}} a replica</text>
</svg>
`))

type mark struct {
	Path, Anchor, Text string
	X, Y, Above        float64
}

// Chart draws replicas against verdicts, with the line of the scaling law.
func (r Run) Chart(w io.Writer, perReplica float64) error {
	points := r.Points()
	if len(points) == 0 {
		return fmt.Errorf("chart: %s has no replicas", r.Name)
	}
	most := points[len(points)-1].Replicas
	x := func(replicas float64) float64 { return margin + replicas*(width-2*margin)/float64(most) }
	y := func(rate float64) float64 { return height - margin - rate*(height-2*margin)/(perReplica*float64(most)) }
	var grid, dots []mark
	var line []string
	for _, p := range points {
		px, py := x(float64(p.Replicas)), y(p.Verdicts)
		line = append(line, fmt.Sprintf("%.0f,%.0f", px, py))
		dots = append(dots, mark{X: px, Y: py, Above: py - 10, Text: fmt.Sprintf("%.1f", p.Verdicts)})
		law := perReplica * float64(p.Replicas)
		grid = append(grid,
			mark{Path: fmt.Sprintf("M%.0f %d V%d", px, margin, height-margin), X: px, Y: height - margin + 16, Anchor: "middle", Text: fmt.Sprint(p.Replicas)},
			mark{Path: fmt.Sprintf("M%d %.0f H%d", margin, y(law), width-margin), X: margin - 6, Y: y(law) + 4, Anchor: "end", Text: fmt.Sprint(law)})
	}
	return svg.Execute(w, map[string]any{
		"Width": width, "Height": height, "Middle": width / 2, "Bottom": height - 8, "PerReplica": perReplica,
		"Grid": grid, "Dots": dots, "Line": strings.Join(line, " "),
		"Law": fmt.Sprintf("M%.0f %.0f L%.0f %.0f", x(0), y(0), x(float64(most)), y(perReplica*float64(most))),
	})
}
