package generator

import (
	"context"
	"errors"
	"sync"
	"time"

	"registration.example/load/ledger"
	"registration.example/load/pause"
)

// checkRate is how many ended operations are checked a second: few enough not
// to be a load of their own.
const checkRate = 300

// checker looks at ended operations a second time, with the users they made.
type checker struct {
	client  *client
	ledger  *ledger.Ledger
	trouble *trouble
}

// run checks the entries until all are done or ctx ends.
func (c *checker) run(ctx context.Context, entries []*ledger.Entry) {
	var checks sync.WaitGroup
	defer checks.Wait()
	slots := make(chan struct{}, 16)
	start := time.Now()
	for i, e := range entries {
		due := start.Add(time.Duration(i) * time.Second / checkRate)
		if pause.For(ctx, time.Until(due)) != nil {
			return
		}
		slots <- struct{}{}
		checks.Go(func() {
			c.check(ctx, e)
			<-slots
		})
	}
}

// check asks both services. One that does not answer proves nothing: the
// ledger's counters say how many checks were made.
func (c *checker) check(ctx context.Context, e *ledger.Entry) {
	if now, err := c.client.operation(ctx, e.ID, 0); err == nil {
		c.ledger.LookAgain(e, now)
	} else if errors.Is(err, errNotFound) {
		c.ledger.Gone(e)
	} else {
		c.trouble.note(err)
	}
	if c.client.users == nil {
		return
	}
	if u, err := c.client.user(ctx, ledger.UserID(e.ID)); err == nil {
		c.ledger.CheckUser(e, u)
	} else {
		c.trouble.note(err)
	}
}
