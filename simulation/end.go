package simulation

// calmSteps bounds how long a system may take to come to rest.
const calmSteps = 20_000

// drain ends all faults and lets the system come to rest.
func (h *history) drain() {
	h.calm = true
	for range calmSteps {
		h.collect()
		effects := h.waiting()
		h.restart()
		switch {
		case len(effects) > 0:
			h.release(effects[0])
		case h.atRest():
			return
		case len(h.toSend) > 0 && h.chance(2):
			h.send()
		default:
			h.deliverSomething()
			h.tick()
		}
	}
	h.breaks("the system does not come to rest: %d records wait", h.broker.lag())
}

func (h *history) atRest() bool {
	return h.broker.lag() == 0 && len(h.flights) == 0 && len(h.calls) == 0 && len(h.toSend) == 0
}

// shutDown ends all goroutines.
func (h *history) shutDown() {
	for _, r := range h.replicas {
		r.dead = true
		r.end()
	}
	for effects := h.waiting(); len(effects) > 0; effects = h.waiting() {
		h.release(effects[0])
	}
	for len(h.flights)+len(h.calls) > 0 {
		h.tick()
		h.collect()
		for effects := h.waiting(); len(effects) > 0; effects = h.waiting() {
			h.release(effects[0])
		}
	}
	h.settle()
}
