package simulation

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"registration.example/operation-service/operation"
)

// The effects of one undisturbed operation, in their order.
const (
	saveOperation = 1 + iota
	publishCreate
	saveUser
	publishApprove
	publishVerdict
	readUser
	saveVerdict
	publishEnd
	readOperation
	saveEnd
)

// What approval-service does instead, where it cannot read its event.
const (
	publishDeadLetter = publishVerdict
	publishFailure    = publishVerdict + 1
)

// points are those of docs/crash-points.md, in their order.
var points = []script{
	{faults: map[int]fault{saveOperation: crashBefore}},
	{faults: map[int]fault{saveOperation: crashAfter}},
	{faults: map[int]fault{publishCreate: crashAfter}},
	{faults: map[int]fault{saveUser: crashBefore}},
	{faults: map[int]fault{saveUser: crashAfter}},
	{faults: map[int]fault{publishApprove: crashAfter}},
	{faults: map[int]fault{publishVerdict: crashBefore}},
	{faults: map[int]fault{publishVerdict: crashAfter}},
	{faults: map[int]fault{saveVerdict: crashBefore}},
	{faults: map[int]fault{saveVerdict: crashAfter}},
	{faults: map[int]fault{publishEnd: crashAfter}},
	{faults: map[int]fault{saveEnd: crashBefore}},
	{faults: map[int]fault{saveEnd: crashAfter}},
	{faults: map[int]fault{publishDeadLetter: crashBefore}, spoilt: true},
	{faults: map[int]fault{publishDeadLetter: crashAfter}, spoilt: true},
	{faults: map[int]fault{publishFailure: crashAfter}, spoilt: true},
}

var (
	documentedPoint = regexp.MustCompile(`(?m)^\| \*\*\d+\*\* \|.*$`)
	redeliveries    = regexp.MustCompile("`registration_redeliveries_total`: (.*) \\|$")
)

// TestCrashPoints lets a process die at each point, and compares what is left
// and what is counted with the row that docs/crash-points.md has for it.
func TestCrashPoints(t *testing.T) {
	document, err := os.ReadFile("../docs/crash-points.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := documentedPoint.FindAllString(string(document), -1)
	if len(rows) != len(points) {
		t.Fatalf("%d points are documented, want %d", len(rows), len(points))
	}
	for i, s := range points {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			p := s.play(t)
			s.wantKept(t, p)
			cells := strings.Split(rows[i], " | ")
			left, counted := cells[2], redeliveries.FindStringSubmatch(cells[len(cells)-1])
			if counted == nil {
				counted = []string{"", ""}
			}
			if cells[0] != fmt.Sprintf("| **%d**", i+1) || left != p.left || counted[1] != p.redelivered {
				t.Errorf("left %q, redelivered %q; documented as %q, %q", p.left, p.redelivered, left, counted[1])
			}
		})
	}
}

// wantKept checks that the operation ended as it must, once.
func (s script) wantKept(t *testing.T, p played) {
	t.Helper()
	want, atLeast := operation.Completed, 0
	if s.spoilt {
		want, atLeast = operation.Failed, 1
	}
	if len(p.broken) > 0 || p.ended != want || p.deadLetters < atLeast {
		t.Errorf("%v: the operation is %s, %d dead letters; broken: %v", s, p.ended, p.deadLetters, p.broken)
	}
}

// TestEveryFaultAtEveryEffect lets each effect of an operation go wrong in each way.
func TestEveryFaultAtEveryEffect(t *testing.T) {
	for _, spoilt := range []bool{false, true} {
		effects := script{spoilt: spoilt}.play(t).effects
		for n := 1; n <= effects; n++ {
			for _, f := range []fault{lost, unconfirmed, twice, crashBefore, crashAfter} {
				s := script{faults: map[int]fault{n: f}, spoilt: spoilt}
				s.wantKept(t, s.play(t))
			}
		}
	}
}

// TestTwoCrashes lets a process die at each effect, and again at each one that
// follows: while what the first crash left is being repaired.
func TestTwoCrashes(t *testing.T) {
	crashes := []fault{crashBefore, crashAfter}
	histories := 0
	for _, spoilt := range []bool{false, true} {
		for first := 1; first <= saveEnd; first++ {
			for i := range 4 {
				effects := first + 1
				for second := first + 1; second <= effects; second++ {
					s := script{faults: map[int]fault{first: crashes[i/2], second: crashes[i%2]}, spoilt: spoilt}
					p := s.play(t)
					s.wantKept(t, p)
					effects = p.effects
					histories++
				}
			}
		}
	}
	t.Logf("%d histories", histories)
}
