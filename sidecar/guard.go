package sidecar

import (
	"context"

	dapr "github.com/dapr/go-sdk/client"
)

// guardKey is a record that every transaction that can make records also
// writes: who read it, and finds it unchanged while writing, knows that nothing
// was made meanwhile. Its prefix is that of keys that hold no data of a service.
const guardKey = "probe/creations"

// guardedFrom is how many IfAbsent writes make a guarded save worth its read.
const guardedFrom = 4

// guarded saves by an optimistic transaction: read the keys together with the
// guard; then, in one transaction, replace the guard if it is unchanged and
// upsert what was absent. In state.sqlite an IfAbsent write costs about four
// times an upsert; this costs a bulk read and an upsert. It gives back the
// writes that are still to be done: those that it did not try, or all that it
// did when somebody else made records meanwhile.
func (s *Store) guarded(ctx context.Context, writes []Write, results []Result) (pending []int, err error) {
	pending = all(writes)
	var absent []int
	for _, p := range pending {
		if writes[p].When == IfAbsent {
			absent = append(absent, p)
		}
	}
	if len(absent) < guardedFrom {
		return pending, nil
	}
	keys := append(keysOf(writes, absent), guardKey)
	records, err := s.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	upserts := append(make([]Write, 0, len(writes)+1), writes...)
	pending = pending[:0]
	for p := range writes {
		if len(absent) > 0 && absent[0] == p {
			record := records[0]
			absent, records = absent[1:], records[1:]
			if record.Found {
				results[p] = Result{Outcome: Existed, Record: record}
				continue
			}
			upserts[p].When = Always
		}
		pending = append(pending, p)
	}
	if len(pending) == 0 || s.write(ctx, items(append(upserts, guard(records[0])), append(pending, len(writes)))) == nil {
		return nil, nil
	}
	return pending, nil
}

// guard replaces the guard if it is as it was read.
func guard(read Record) Write {
	w := Write{Key: guardKey, Value: []byte("{}"), When: IfAbsent}
	if read.Found {
		w.When, w.ETag = IfUnchanged, read.ETag
	}
	return w
}

// items translates writes, and where transactions have a guard, adds it to what
// can make a record.
func (s *Store) items(writes []Write, pending []int) []*dapr.SetStateItem {
	translated := items(writes, pending)
	if !s.atomic {
		return translated
	}
	for _, p := range pending {
		if writes[p].When != IfUnchanged {
			return append(translated, items([]Write{{Key: guardKey, Value: []byte("{}")}}, []int{0})...)
		}
	}
	return translated
}
