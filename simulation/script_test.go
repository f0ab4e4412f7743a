package simulation

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/user-service/user"
)

// script says what goes wrong with one operation: the n-th effect of all.
type script struct {
	faults map[int]fault
	// spoilt makes user-approve unreadable.
	spoilt bool
}

// played is how that went.
type played struct {
	broken []string
	// left is what stood right after the first fault, empty if there was none.
	left string
	// effects counts them.
	effects int
	// redelivered are the topics of which an effect was found to be stored.
	redelivered string
	ended       operation.State
	deadLetters int
}

// play runs one operation, with one replica of each service.
func (s script) play(t *testing.T) (p played) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		h := emptyHistory(1)
		h.calm = true
		h.setUp(time.Hour, 100*time.Millisecond)
		h.toSend = []request{{name: "hans", key: "key"}}
		h.follow(s, &p)
		h.judge()
		p.broken, p.redelivered, p.deadLetters = h.broken, h.redeliveries(), len(h.broker.deadLetters())
		p.ended = read[operation.Operation](h.states[services[0]].Records()[messages.OperationID("key").String()]).State
		h.shutDown()
	})
	return p
}

// follow runs until all is at rest.
func (h *history) follow(s script, p *played) {
	for range calmSteps {
		h.collect()
		for _, name := range services {
			if len(h.live(name)) == 0 {
				h.startReplica(name)
			}
		}
		effects := h.waiting()
		switch {
		case len(effects) > 0 && effects[0].by.dead:
			h.release(effects[0])
		case len(effects) > 0:
			p.effects++
			f := s.faults[p.effects]
			h.resolve(effects[0], f)
			if f != none && p.left == "" {
				p.left = h.stands()
			}
		case len(h.toSend) > 0:
			h.send()
		case h.atRest():
			return
		default:
			if s.spoilt {
				h.spoilRequests()
			}
			h.deliverSomething()
			h.tick()
		}
	}
	h.breaks("the system does not come to rest")
}

// spoilRequests gives the events on user-approve a version that nobody knows.
func (h *history) spoilRequests() {
	for _, p := range h.broker.topics[string(messages.UserApproveTopic)] {
		for i := range p.records {
			spoilt := bytes.Replace(p.records[i].Record, []byte("user-approve.v1"), []byte("user-approve.v9"), 1)
			if !bytes.Equal(spoilt, p.records[i].Record) {
				p.records[i].Record, h.poison = spoilt, append(h.poison, spoilt)
			}
		}
	}
}

// stands says what is stored and published, in the words of docs/crash-points.md.
func (h *history) stands() string {
	var parts, records []string
	id := messages.OperationID("key")
	if record := h.states[services[0]].Records()[id.String()]; record.Found {
		parts = append(parts, fmt.Sprintf("operation %s", read[operation.Operation](record).State))
	}
	if record := h.states[services[1]].Records()[messages.UserID(id).String()]; record.Found {
		parts = append(parts, fmt.Sprintf("user %s", read[user.User](record).State))
	}
	for _, topic := range messages.Topics() {
		for _, name := range []messages.Topic{topic, topic.DeadLetter()} {
			n := 0
			for _, p := range h.broker.topics[string(name)] {
				n += len(p.records) - p.committed
			}
			if n > 0 {
				records = append(records, fmt.Sprintf("%d %s", n, name))
			}
		}
	}
	if len(records) > 0 {
		parts = append(parts, strings.Join(records, ", "))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, "; ")
}

// redeliveries gives the topics that registration_redeliveries_total counted.
func (h *history) redeliveries() string {
	counted := map[string]bool{}
	for _, r := range h.replicas {
		families, err := r.metrics.Gather()
		if err != nil {
			h.breaks("metrics: %v", err)
		}
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				if family.GetName() == "registration_redeliveries_total" && metric.GetCounter().GetValue() > 0 {
					counted[metric.GetLabel()[0].GetValue()] = true
				}
			}
		}
	}
	var topics []string
	for _, topic := range messages.Topics() {
		if counted[string(topic)] {
			topics = append(topics, string(topic))
		}
	}
	return strings.Join(topics, ", ")
}
