package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	approvalservice "registration.example/approval-service/app"
	"registration.example/approval-service/approval"
	"registration.example/messages"
	operationservice "registration.example/operation-service/app"
	"registration.example/service"
	"registration.example/sidecar"
	userservice "registration.example/user-service/app"
)

// services are the three of the saga, and how many of each may run at once.
var services = []string{"operation-service", "user-service", "approval-service"}

// Bounds of a history: how much is asked of the system, and for how long
// things go wrong.
const (
	maxReplicas   = 3
	maxOperations = 6
	faultySteps   = 400
)

// history is one run of the system under one seed.
type history struct {
	*world
	broker   *broker
	states   map[string]*watched
	builds   map[string]func(service.Base) service.Options
	replicas []*replica
	started  int
	flights  []*delivery
	// deliveries counts all, redelivered those of records that were delivered before.
	deliveries, redelivered int

	calls    []*call
	toSend   []request
	poison   [][]byte
	broken   []string
	attempts map[uuid.UUID]bool
	accepted map[uuid.UUID]bool
	ended    map[uuid.UUID]string
}

// play runs the history of a seed and gives what broke a promise.
func play(seed uint64) (*history, []string) {
	h := newHistory(seed)
	for range faultySteps {
		h.step()
	}
	h.drain()
	h.judge()
	h.shutDown()
	return h, h.broken
}

// newHistory draws who is there, and what is asked of them.
func newHistory(seed uint64) *history {
	h := emptyHistory(seed)
	deadline := time.Hour
	if h.chance(2) {
		deadline = time.Duration(20+h.random.IntN(400)) * time.Millisecond // some sagas are too late
	}
	h.setUp(deadline, time.Duration(h.random.IntN(2))*100*time.Millisecond)
	for range 1 + h.random.IntN(maxOperations) {
		h.toSend = append(h.toSend, h.newRequest())
	}
	for _, name := range services {
		for range 1 + h.random.IntN(maxReplicas) {
			h.startReplica(name)
		}
	}
	return h
}

func emptyHistory(seed uint64) *history {
	random := rand.New(rand.NewPCG(seed, seed))
	uuid.SetRand(source{random}) // ids are part of the history
	h := &history{
		world:    &world{random: random, faults: map[fault]int{}},
		broker:   newBroker(),
		attempts: map[uuid.UUID]bool{}, accepted: map[uuid.UUID]bool{}, ended: map[uuid.UUID]string{},
	}
	h.states = map[string]*watched{
		services[0]: watch(h.operationChanged),
		services[1]: watch(h.userChanged),
	}
	return h
}

// setUp says how the services are set.
func (h *history) setUp(deadline, delay time.Duration) {
	rule, err := approval.NewRule("^deny")
	if err != nil {
		h.breaks("%v", err)
	}
	h.builds = map[string]func(service.Base) service.Options{
		services[0]: operationservice.Settings{Deadline: deadline, Batch: 4, Workers: 1, Queue: 100}.Build,
		services[1]: userservice.Build,
		services[2]: approvalservice.Settings{Rule: rule, Delay: delay}.Build,
	}
}

// source gives a history's random numbers to whoever reads bytes.
type source struct{ random *rand.Rand }

// Read implements io.Reader.
func (s source) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.random.Uint32())
	}
	return len(p), nil
}

func (h *history) startReplica(name string) {
	h.started++
	h.replicas = append(h.replicas, h.start(h.started, name, h.builds[name], h.states[name], h.broker))
	h.settle()
}

// step lets one thing happen.
func (h *history) step() {
	h.collect()
	effects := h.waiting()
	switch n := h.random.IntN(100); {
	case n < 60 && len(effects) > 0:
		h.release(effects[h.random.IntN(len(effects))])
	case n < 75:
		h.deliverSomething()
	case n < 82:
		h.send()
	case n < 86:
		h.look()
	case n < 90:
		h.restart()
	case n < 94:
		h.rebalance()
	case n < 95:
		h.spoil()
	default:
		h.tick()
	}
}

// live gives the replicas of a service that are not dead.
func (h *history) live(name string) []*replica {
	var live []*replica
	for _, r := range h.replicas {
		if r.service == name && !r.dead {
			live = append(live, r)
		}
	}
	return live
}

// deliverSomething delivers the next records of a partition that is not being delivered.
func (h *history) deliverSomething() {
	var ready []*partition
	for _, p := range h.broker.consumed() {
		if p.delivering == nil && p.committed < len(p.records) {
			ready = append(ready, p)
		}
	}
	if len(ready) == 0 {
		return
	}
	p := ready[h.random.IntN(len(ready))]
	live := h.live(consumer[messages.Topic(p.topic)])
	if len(live) == 0 {
		return
	}
	count := 1 + h.random.IntN(min(4, len(p.records)-p.committed))
	h.deliveries++
	if p.committed < p.delivered {
		h.redelivered++
	}
	p.delivered = max(p.delivered, p.committed+count)
	h.deliver(p, live[h.random.IntN(len(live))], count)
	h.flights = append(h.flights, p.delivering)
}

// collect commits what was answered, takes back what dead replicas had, and
// reads what clients were answered.
func (h *history) collect() {
	h.flights = slices.DeleteFunc(h.flights, func(d *delivery) bool {
		if d.to.dead && d.partition.delivering == d {
			d.partition.delivering = nil
		}
		if !d.answered() {
			return false
		}
		h.commit(d)
		return true
	})
	h.calls = slices.DeleteFunc(h.calls, func(c *call) bool {
		select {
		case <-c.done:
			h.answered(c)
			return true
		default:
			return false
		}
	})
}

// rebalance moves a partition while it is being delivered: its records are
// delivered again, to somebody else, at the same time.
func (h *history) rebalance() {
	if len(h.flights) > 0 {
		h.flights[h.random.IntN(len(h.flights))].partition.delivering = nil
	}
}

// restart starts a replica in the place of a dead one, at times one more.
func (h *history) restart() {
	for _, name := range services {
		if n := len(h.live(name)); n == 0 || n < maxReplicas && h.chance(4) {
			h.startReplica(name)
		}
	}
}

// spoil puts a record that no consumer can process on some topic.
func (h *history) spoil() {
	record := fmt.Appendf(nil, "no event %d", h.random.Uint64())
	h.poison = append(h.poison, record)
	topics := messages.Topics()
	topic := topics[h.random.IntN(len(topics))]
	_ = h.broker.append(string(topic), []sidecar.Message{{Key: "poison", Record: record}})
}
