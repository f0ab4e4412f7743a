package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
)

// publishing names the effects that can arrive twice.
const publishing = "publish"

// replica is one life of one process of a service.
type replica struct {
	id      int
	service string
	// effects counts them; dead replicas have none any more.
	effects int
	dead    bool

	clients, events http.Handler
	metrics         prometheus.Gatherer
	end             context.CancelFunc
}

// start starts a replica: the service as it is, over effects of the world.
func (w *world) start(id int, name string, build func(service.Base) service.Options, state sidecar.State, broker *broker) *replica {
	r := &replica{id: id, service: name}
	registry := prometheus.NewRegistry()
	options := build(service.Base{
		Settings: service.Settings{Attempts: 1000}, // faults here are many, and none is the event's
		Logger:   slog.New(slog.DiscardHandler),
		Registry: registry,
		Events:   service.NewEventMetrics(registry),
		State:    &effectState{world: w, replica: r, state: state},
		Broker:   &effectBroker{world: w, replica: r, broker: broker},
		Status:   func(context.Context) (sidecar.Status, error) { return sidecar.Status{}, nil },
		Replica:  fmt.Sprint(name, "/", id),
	})
	clients, events := mux.NewRouter(), mux.NewRouter()
	if options.Routes != nil {
		options.Routes(clients)
	}
	options.Events(events)
	r.clients, r.events, r.metrics = clients, events, registry
	ctx, end := context.WithCancel(context.Background())
	r.end = end
	for _, run := range options.Background {
		go run(ctx)
	}
	return r
}

// effectState is a database as a replica sees it.
type effectState struct {
	world   *world
	replica *replica
	state   sidecar.State
}

// Save implements sidecar.State.
func (s *effectState) Save(ctx context.Context, writes []sidecar.Write) (results []sidecar.Result, err error) {
	err = s.world.do(ctx, s.replica, "save", func() error {
		results, err = s.state.Save(context.Background(), writes)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", sidecar.ErrUnavailable, err)
	}
	return results, nil
}

// Get implements sidecar.State.
func (s *effectState) Get(ctx context.Context, keys []string) (records []sidecar.Record, err error) {
	err = s.world.do(ctx, s.replica, "get", func() error {
		records, err = s.state.Get(context.Background(), keys)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", sidecar.ErrUnavailable, err)
	}
	return records, nil
}

// effectBroker is the broker as a replica sees it.
type effectBroker struct {
	world   *world
	replica *replica
	broker  *broker
}

// Publish implements sidecar.Publisher.
func (b *effectBroker) Publish(ctx context.Context, _, topic string, batch []sidecar.Message) error {
	if len(batch) == 0 {
		return nil
	}
	err := b.world.do(ctx, b.replica, publishing, func() error { return b.broker.append(topic, batch) })
	if err != nil {
		return fmt.Errorf("%w: %w", sidecar.ErrBroker, err)
	}
	return nil
}

// delivery is a bulk on its way to a replica.
type delivery struct {
	partition *partition
	to        *replica
	first     int
	count     int
	// acknowledged is how many records from the first on were answered SUCCESS;
	// done is closed when there is an answer.
	acknowledged int
	done         chan struct{}
}

// deliver sends the next records of a partition to a replica, as the sidecar does.
func (w *world) deliver(p *partition, to *replica, count int) {
	w.begin(p, to, count)
	w.settle()
}

// begin is deliver, without waiting for the world.
func (w *world) begin(p *partition, to *replica, count int) {
	d := &delivery{partition: p, to: to, first: p.committed, count: count, done: make(chan struct{})}
	p.delivering = d
	body := bulk(p, d.first, count)
	w.begun++
	ctx := context.WithValue(context.Background(), causeKey{}, w.begun)
	go func() {
		defer close(d.done)
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, sidecar.EventsPath+p.topic, bytes.NewReader(body))
		answer := httptest.NewRecorder()
		to.events.ServeHTTP(answer, request)
		d.acknowledged = successes(answer)
	}()
}

func bulk(p *partition, first, count int) []byte {
	type entry struct {
		EntryID  string            `json:"entryId"`
		Event    []byte            `json:"event"`
		Metadata map[string]string `json:"metadata"`
	}
	entries := make([]entry, count)
	for i := range entries {
		record := p.records[first+i]
		entries[i] = entry{EntryID: fmt.Sprint(i), Event: record.Record, Metadata: map[string]string{"__key": record.Key}}
	}
	body, _ := json.Marshal(map[string]any{"entries": entries}) // cannot fail
	return body
}

// successes counts the records before the first that must come again.
func successes(answer *httptest.ResponseRecorder) int {
	var body struct {
		Statuses []struct{ Status string }
	}
	if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &body) != nil {
		return 0
	}
	for i, s := range body.Statuses {
		if s.Status != "SUCCESS" {
			return i
		}
	}
	return len(body.Statuses)
}

// commit ends a delivery that was answered: what was acknowledged is behind us,
// unless the replica died or lost the partition meanwhile.
func (w *world) commit(d *delivery) {
	if d.partition.delivering != d {
		return
	}
	d.partition.delivering = nil
	if !d.to.dead && (w.calm || !w.chance(20)) {
		d.partition.committed = d.first + d.acknowledged
	}
}

// answered tells whether a delivery has its answer.
func (d *delivery) answered() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

// consumer tells which service consumes a topic.
var consumer = map[messages.Topic]string{
	messages.UserCreateTopic:          "user-service",
	messages.UserApproveTopic:         "approval-service",
	messages.UserApproveResponseTopic: "user-service",
	messages.UserCreateResponseTopic:  "operation-service",
}
