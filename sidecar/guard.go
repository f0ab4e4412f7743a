package sidecar

import "context"

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
// writes that are still to be done: all of them when somebody else made
// records meanwhile, so that the caller settles them one condition at a time.
func (s *Store) guarded(ctx context.Context, writes []Write, results []Result) (pending []int, err error) {
	absent, keys := make([]int, 0, len(writes)), make([]string, 0, len(writes)+1)
	for i, w := range writes {
		pending = append(pending, i)
		if w.When == IfAbsent {
			absent, keys = append(absent, i), append(keys, w.Key)
		}
	}
	if len(absent) < guardedFrom {
		return pending, nil
	}
	records, err := s.Get(ctx, append(keys, guardKey))
	if err != nil {
		return nil, err
	}
	now := append(make([]Write, 0, len(writes)+1), writes...)
	var existed []int
	for i, a := range absent {
		if records[i].Found {
			results[a] = Result{Outcome: Existed, Record: records[i]}
			existed = append(existed, a)
			continue
		}
		now[a].When = Always
	}
	pending = without(pending, existed)
	if len(pending) == 0 {
		return nil, nil
	}
	guard := Write{Key: guardKey, Value: []byte("{}"), When: IfAbsent}
	if last := records[len(absent)]; last.Found {
		guard.When, guard.ETag = IfUnchanged, last.ETag
	}
	if s.write(ctx, items(append(now, guard), append(pending, len(writes)))) == nil {
		return nil, nil
	}
	return pending, nil
}

// without gives the numbers of all that are not in some; both ascend.
func without(all, some []int) []int {
	rest := make([]int, 0, len(all))
	for _, n := range all {
		if len(some) > 0 && some[0] == n {
			some = some[1:]
			continue
		}
		rest = append(rest, n)
	}
	return rest
}

// makes tells whether one of the pending writes can make a record.
func makes(writes []Write, pending []int) bool {
	for _, p := range pending {
		if writes[p].When != IfUnchanged {
			return true
		}
	}
	return false
}
