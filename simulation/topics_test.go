package simulation

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"registration.example/messages"
	"registration.example/sidecar"
	"registration.example/sidecar/conformance"
)

// TestTopics: the broker of the simulation passes the suite of the real ones.
func TestTopics(t *testing.T) {
	t.Parallel()
	b := &bus{topic: messages.UserCreateTopic, publish: make(chan []sidecar.Message), deliver: make(chan sidecar.Consumer)}
	go b.run(t.Context())
	conformance.Topics(t, b)
}

// bus is a topic of the simulated broker, consumed without pause.
type bus struct {
	topic   messages.Topic
	publish chan []sidecar.Message
	deliver chan sidecar.Consumer
}

// Publish implements conformance.Bus.
func (b *bus) Publish(_ context.Context, batch []sidecar.Message) error {
	b.publish <- batch
	return nil
}

// Deliver implements conformance.Bus.
func (b *bus) Deliver(consume sidecar.Consumer) { b.deliver <- consume }

// run is the broker and its consumer; acknowledgements are lost at random.
func (b *bus) run(ctx context.Context) {
	w := &world{random: rand.New(rand.NewPCG(1, 1)), faults: map[fault]int{}}
	topics, to := newBroker(), &replica{}
	for {
		select {
		case <-ctx.Done():
			return
		case batch := <-b.publish:
			_ = topics.append(string(b.topic), batch)
		case consume := <-b.deliver:
			router := mux.NewRouter()
			sidecar.Routes(router, "", map[string]sidecar.Consumer{string(b.topic): consume})
			to.events = router
		case <-time.After(time.Millisecond):
			for _, p := range topics.topics[string(b.topic)] {
				if p.committed < len(p.records) && to.events != nil {
					w.begin(p, to, 1+w.random.IntN(len(p.records)-p.committed))
					<-p.delivering.done
					w.commit(p.delivering)
				}
			}
		}
	}
}
