package service_test

import (
	"cmp"
	"slices"
	"testing"
	"testing/quick"

	gocmp "github.com/google/go-cmp/cmp"

	"registration.example/service"
)

// numbered is an item with a key and its place in the input.
type numbered struct{ Key, Place int }

func byKey(n numbered) int { return n.Key }

func TestRounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		items []numbered
		want  [][]numbered
	}{
		"nothing":         {want: [][]numbered{}},
		"distinct":        {items: []numbered{{7, 0}, {3, 1}}, want: [][]numbered{{{7, 0}, {3, 1}}}},
		"twice":           {items: []numbered{{7, 0}, {3, 1}, {7, 2}}, want: [][]numbered{{{7, 0}, {3, 1}}, {{7, 2}}}},
		"only one key":    {items: []numbered{{7, 0}, {7, 1}, {7, 2}}, want: [][]numbered{{{7, 0}}, {{7, 1}}, {{7, 2}}}},
		"several repeats": {items: []numbered{{7, 0}, {7, 1}, {3, 2}, {3, 3}}, want: [][]numbered{{{7, 0}, {3, 2}}, {{7, 1}, {3, 3}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := gocmp.Diff(test.want, service.Rounds(test.items, byKey)); diff != "" {
				t.Errorf("rounds (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRoundsProperty: nothing is lost, no key is twice in a round, equal keys
// keep their order, and there are no more rounds than the commonest key needs.
func TestRoundsProperty(t *testing.T) {
	t.Parallel()
	property := func(keys []uint8) bool {
		items, count, most := make([]numbered, len(keys)), map[int]int{}, 0
		for i, key := range keys {
			items[i] = numbered{Key: int(key % 16), Place: i}
			count[items[i].Key]++
			most = max(most, count[items[i].Key])
		}
		rounds := service.Rounds(items, byKey)
		var all []numbered
		last := map[int]int{}
		for _, round := range rounds {
			seen := map[int]bool{}
			for _, item := range round {
				before, met := last[item.Key]
				if seen[item.Key] || met && before > item.Place {
					return false
				}
				seen[item.Key], last[item.Key] = true, item.Place
			}
			all = append(all, round...)
		}
		slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.Place, b.Place) })
		return slices.Equal(items, all) && len(rounds) == most
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 1000}); err != nil {
		t.Error(err)
	}
}
