package record

import "registration.example/cluster/chart"

// The colours of the four curves.
const (
	blue   = "#2563eb"
	red    = "#dc2626"
	green  = "#059669"
	violet = "#7c3aed"
	grey   = "#6b7280"
)

// smoothing evens out rates, which come in bulks: seconds.
const smoothing = 5

// Caption is what a figure says beside its curves.
type Caption struct {
	Title, Subtitle string
	// EventsPerOperation turns the offered operations into records.
	EventsPerOperation float64
	// Partitions are a limit that is drawn with the pods.
	Partitions int
	Phases     []chart.Phase
}

// Figure draws the four curves of a run: events a second, lag, pods, nodes.
func Figure(samples []Sample, c Caption) chart.Figure {
	curve := func(value func(Sample) float64) []chart.Point { return curve(samples, value) }
	return chart.Figure{
		Title: c.Title, Subtitle: c.Subtitle, Phases: c.Phases, End: end(samples),
		Panels: []chart.Panel{
			{Title: "Events", Unit: "records a second on the topics, each counted once", Series: []chart.Series{
				{Name: "offered", Color: grey, Style: chart.Dashed, Points: curve(func(s Sample) float64 { return s.Offered * c.EventsPerOperation })},
				{Name: "events/s", Color: blue, Style: chart.Area, Points: chart.Smooth(curve(func(s Sample) float64 { return s.Events }), smoothing)},
			}},
			{Title: "Lag", Unit: "records of user-approve that approval-service has not committed", Series: []chart.Series{
				{Name: "lag", Color: red, Style: chart.Area, Points: curve(func(s Sample) float64 { return float64(s.Lag) })},
			}},
			{Title: "Approval pods", Unit: "", Series: []chart.Series{
				{Name: "partitions", Color: grey, Style: chart.Dashed, Points: curve(func(Sample) float64 { return float64(c.Partitions) })},
				{Name: "wanted by the autoscaler", Color: "#f59e0b", Style: chart.Step, Points: curve(func(s Sample) float64 { return float64(s.Wanted) })},
				{Name: "ready", Color: green, Style: chart.Area, Points: curve(func(s Sample) float64 { return float64(s.Ready) })},
			}},
			{Title: "Nodes", Unit: "ready", Series: []chart.Series{
				{Name: "nodes", Color: violet, Style: chart.Step, Points: curve(func(s Sample) float64 { return float64(s.Nodes) })},
			}},
		},
	}
}

// Compared is one of several runs with the same load.
type Compared struct {
	Title, Unit string
	Samples     []Sample
}

// Comparison draws the pods of several runs under each other, and with each the
// pods that the load needs, of which one does flow records a second.
func Comparison(runs []Compared, c Caption, flow float64) chart.Figure {
	figure := chart.Figure{Title: c.Title, Subtitle: c.Subtitle, Phases: c.Phases}
	for _, run := range runs {
		figure.End = max(figure.End, end(run.Samples))
		figure.Panels = append(figure.Panels, chart.Panel{Title: run.Title, Unit: run.Unit, Series: []chart.Series{
			{Name: "pods that the load needs", Color: grey, Style: chart.Dashed, Points: curve(run.Samples, func(s Sample) float64 { return s.Offered / flow })},
			{Name: "pods that are ready", Color: green, Style: chart.Area, Points: curve(run.Samples, func(s Sample) float64 { return float64(s.Ready) })},
		}})
	}
	return figure
}

func curve(samples []Sample, value func(Sample) float64) []chart.Point {
	points := make([]chart.Point, len(samples))
	for i, s := range samples {
		points[i] = chart.Point{X: s.Seconds, Y: value(s)}
	}
	return points
}

// end is the time of the last sample.
func end(samples []Sample) float64 {
	if len(samples) == 0 {
		return 1
	}
	return samples[len(samples)-1].Seconds
}
