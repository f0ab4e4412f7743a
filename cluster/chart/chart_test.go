package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestScale(t *testing.T) {
	t.Parallel()
	for highest, want := range map[float64][2]float64{
		0: {1, 1}, 1: {1, 1}, 3: {3, 1}, 12: {15, 5}, 24: {30, 10}, 280: {300, 100}, 1432: {1500, 500}, 5600: {6000, 2000},
	} {
		if limit, step := scale(highest); limit != want[0] || step != want[1] {
			t.Errorf("scale(%g) = %g, %g; want %v", highest, limit, step, want)
		}
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	f := Figure{
		Title: "A & B", End: 60, Phases: []Phase{{"calm", 0, 30}, {"load", 30, 90}},
		Panels: []Panel{{Title: "Lag", Series: []Series{
			{Name: "lag", Color: "#000", Style: Area, Points: []Point{{0, 1}, {60, 4}}},
			{Name: "none", Color: "#000", Style: Line},
			{Name: "pods", Color: "#000", Style: Step, Points: []Point{{0, 1}, {60, 4}}},
		}}},
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A &amp; B", ">lag<", "1:00"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the drawing lacks %s", want)
		}
	}
	for decoder := xml.NewDecoder(&b); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
}

func TestSmooth(t *testing.T) {
	t.Parallel()
	got := Smooth([]Point{{0, 0}, {1, 3}, {2, 6}}, 3)
	if got[0].Y != 1.5 || got[1].Y != 3 || got[2].Y != 4.5 {
		t.Errorf("Smooth = %v", got)
	}
}
