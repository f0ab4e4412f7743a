package experiment

import (
	"strings"
	"testing"
	"time"

	"registration.example/cluster/record"
)

// bounds of a small run: load from 0 to 60 s, full from 20 s on.
func bounds() Bounds {
	return Bounds{Min: 2, Partitions: 12, Flow: 5, Profile: Profile{
		{To: 60 * time.Second, Rate: 5},
		{From: 20 * time.Second, To: 60 * time.Second, Rate: 35},
	}}
}

// good is a record of a run in which all went well: a sample a second.
func good() []record.Sample {
	var samples []record.Sample
	for t := range 121 {
		s := record.Sample{Seconds: float64(t), Offered: bounds().Profile.At(time.Duration(t) * time.Second), Wanted: 2, Nodes: 3}
		switch {
		case t < 25:
			s.Lag = int64(max(0, t-20) * 30)
		case t < 40:
			s.Lag, s.Wanted = 150, 10
		case t < 60:
			s.Lag, s.Wanted = 30, 10
		case t < 90:
			s.Wanted = 10
		}
		s.Pods, s.Ready, s.Members = s.Wanted, s.Wanted, s.Wanted
		samples = append(samples, s)
	}
	return samples
}

func TestJudgeGoodRun(t *testing.T) {
	t.Parallel()
	v := Judge(good(), bounds())
	if !v.OK() {
		t.Fatalf("Judge = %v", v)
	}
	if v.MaxLag != 150 || v.MaxPods != 10 || v.PlateauLag != 30 || v.Swings != 0 || v.Drained != 0 || v.Back != 30 {
		t.Errorf("Judge measured %+v", v)
	}
}

// Each of these records has one fault, and the verdict has to name it.
func TestJudgeBadRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func([]record.Sample) []record.Sample
		want  string
	}{
		"nothing recorded": {func([]record.Sample) []record.Sample { return nil }, "nothing was recorded"},
		"more replicas than partitions": {func(s []record.Sample) []record.Sample {
			s[50].Wanted = 13
			return s
		}, "13 replicas for 12 partitions"},
		"more pods than partitions": {func(s []record.Sample) []record.Sample {
			s[50].Pods = 14
			return s
		}, "14 replicas for 12 partitions"},
		"down while the lag grows": {func(s []record.Sample) []record.Sample {
			for t := 45; t < 60; t++ {
				s[t].Lag = int64(30 + 20*(t-45))
			}
			for t := 55; t < 60; t++ {
				s[t].Wanted = 8
			}
			return s
		}, "from 10 to 8 replicas while the lag grew"},
		"down and up again": {func(s []record.Sample) []record.Sample {
			for t := 45; t < 50; t++ {
				s[t].Wanted = 5
			}
			return s
		}, "went down and up again 1 times"},
		"records left": {func(s []record.Sample) []record.Sample {
			s[120].Lag = 7
			return s
		}, "at the end 7 records are left"},
		"pods left": {func(s []record.Sample) []record.Sample {
			s[120].Pods = 3
			return s
		}, "at the end there are 3 pods"},
		"nothing scaled": {func(s []record.Sample) []record.Sample {
			for t := range s {
				s[t].Wanted, s[t].Pods, s[t].Ready, s[t].Members = 2, 2, 2, 2
			}
			return s
		}, "nothing was scaled"},
		"nothing to scale for": {func(s []record.Sample) []record.Sample {
			for t := range s {
				s[t].Lag = min(s[t].Lag, 5)
			}
			return s
		}, "there was nothing to scale for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := Judge(test.spoil(good()), bounds())
			if v.OK() || !strings.Contains(v.String(), test.want) {
				t.Errorf("Judge = %v, want it to say %q", v, test.want)
			}
		})
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	p := stairs(5, 50, 5, 20*time.Second, 60*time.Second, 2*time.Minute)
	for at, want := range map[time.Duration]float64{
		0: 5, 19 * time.Second: 5, 20 * time.Second: 14, 60 * time.Second: 50, 119 * time.Second: 50, 2 * time.Minute: 0,
	} {
		if got := p.At(at); got != want {
			t.Errorf("At(%s) = %g, want %g", at, got, want)
		}
	}
	if p.Rise() != 20*time.Second || p.Top() != time.Minute || p.End() != 2*time.Minute {
		t.Errorf("rise %s, top %s, end %s", p.Rise(), p.Top(), p.End())
	}
}
