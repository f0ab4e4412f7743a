package experiment

import (
	"time"

	"registration.example/cluster/chart"
)

// Load is a steady load for a while.
type Load struct {
	From, To time.Duration
	// Rate is operations a second.
	Rate float64
}

// Profile is a load that rises and falls: several steady loads on top of each other.
type Profile []Load

// At is the rate at a time after the begin.
func (p Profile) At(t time.Duration) float64 {
	rate := 0.0
	for _, load := range p {
		if t >= load.From && t < load.To {
			rate += load.Rate
		}
	}
	return rate
}

// Top is when the load has reached its height.
func (p Profile) Top() time.Duration {
	var top time.Duration
	for _, load := range p {
		top = max(top, load.From)
	}
	return top
}

// Rise is when the load begins to rise.
func (p Profile) Rise() time.Duration {
	rise := p.Top()
	for _, load := range p {
		if load.From > 0 {
			rise = min(rise, load.From)
		}
	}
	return rise
}

// End is when the last load ends.
func (p Profile) End() time.Duration {
	var end time.Duration
	for _, load := range p {
		end = max(end, load.To)
	}
	return end
}

// Phases name the times of the profile, for a figure.
func (p Profile) Phases(end float64) []chart.Phase {
	rise, top, over := p.Rise().Seconds(), p.Top().Seconds(), p.End().Seconds()
	return []chart.Phase{
		{Name: "calm", From: 0, To: rise},
		{Name: "load rises", From: rise, To: top},
		{Name: "full load", From: top, To: over},
		{Name: "load is over", From: over, To: end},
	}
}

// stairs is a load that rises in equal steps from low to high between two
// times, and ends at once.
func stairs(low, high float64, steps int, from, to, end time.Duration) Profile {
	profile := Profile{{To: end, Rate: low}}
	for i := range steps {
		profile = append(profile, Load{
			From: from + (to-from)*time.Duration(i)/time.Duration(steps-1),
			To:   end, Rate: (high - low) / float64(steps),
		})
	}
	return profile
}
