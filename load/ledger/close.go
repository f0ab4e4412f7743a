package ledger

import "fmt"

// Sample returns the ended operations that were drawn for a second look.
func (l *Ledger) Sample() []*Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Entry(nil), l.sample...)
}

// LookAgain compares an ended operation with what its document says now: a
// terminal state never changes.
func (l *Ledger) LookAgain(e *Entry, now Seen) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.LookedAgain++
	if now.State != e.seen.State || now.State == Completed && now != e.seen {
		l.counts.Regressed++
		l.find("regressed", e, fmt.Sprintf("was %v, is %v", e.seen, now))
	}
}

// CheckUser compares the user that an ended operation made with what the
// user-service says of it.
func (l *Ledger) CheckUser(e *Entry, u User) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.UsersChecked++
	switch {
	case e.seen.State == Failed:
		// It may have died before or after its user was made.
	case !u.Exists:
		l.counts.Unexpected++
		l.find("unexpected", e, "its user does not exist")
	case u.Operation != e.ID:
		l.counts.Duplicated++
		l.find("duplicated", e, "its user belongs to operation "+u.Operation.String())
	case u.State != userState(e.Deny) || u.Name != e.Name:
		l.counts.Unexpected++
		l.find("unexpected", e, fmt.Sprintf("its user is %q, %s", u.Name, u.State))
	}
}

// userState is the state in which a user has to end.
func userState(deny bool) string {
	if deny {
		return "not-approved"
	}
	return "approved"
}

// Close settles what is still open, an accepted operation as lost, and ends
// the journal. Nothing may be noted afterwards.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := range l.open {
		if e.State == Accepted {
			l.counts.Lost++
			l.find("lost", e, "accepted, not ended")
		} else {
			l.counts.Unknown++
		}
		l.settle(e)
	}
	return l.journal.close()
}
