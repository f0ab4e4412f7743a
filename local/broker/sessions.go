package broker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// sessionInterval is how often sessions are looked through.
	sessionInterval = time.Second
	// shortestSession is the least that brokers admit.
	shortestSession = 6 * time.Second
	// longestSession is what the library is told of every member: it never gets
	// to expire one. It allows no more.
	longestSession = 5 * time.Minute
	// unknownSession is that of members which a broker before this one admitted.
	unknownSession = 10 * time.Second
	// longestRebalance bounds what clients ask for. They ask for 60 s, and give
	// up waiting after 30; that they join again begins the time anew, and a
	// rebalance that misses one member never ends.
	longestRebalance = 10 * time.Second
)

// sessions expires the members of consumer groups that are no longer heard of.
// The library does so itself, but forgets a member whose connection broke
// while it joined: it gets partitions then, and keeps them for ever. And it
// drops without an answer who waits for others longer than a session.
type sessions struct {
	client *kgo.Client
	log    *slog.Logger

	mu      sync.Mutex
	members map[string]heard // by member id, which is a UUID
	// since is when the present sessions began at the earliest: all of them
	// when this broker was halted, those of a group after a rebalance.
	since  time.Time
	groups map[string]time.Time
}

// heard is the last that was heard of a member.
type heard struct {
	at      time.Time
	session time.Duration
	// waits: it joins or syncs, and says nothing until that is answered.
	waits bool
}

// newSessions listens to what members say. The client has to reach the cluster
// whatever is between it and others.
func newSessions(cluster *kfake.Cluster, client *kgo.Client, log *slog.Logger) *sessions {
	s := &sessions{client: client, log: log, members: map[string]heard{}, groups: map[string]time.Time{}, since: time.Now()}
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.OffsetCommit} {
		cluster.ControlKey(key.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
			s.listen(r)
			return nil, nil, false // the library answers
		})
	}
	return s
}

// listen notes a request of a member, and bounds the times that it asks for.
func (s *sessions) listen(request kmsg.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r := request.(type) {
	case *kmsg.JoinGroupRequest:
		r.RebalanceTimeoutMillis = min(r.RebalanceTimeoutMillis, int32(longestRebalance.Milliseconds()))
		session := time.Duration(r.SessionTimeoutMillis) * time.Millisecond
		if r.MemberID == "" || session < shortestSession {
			return // it will ask again with the id that it is given, or is refused
		}
		s.members[r.MemberID] = heard{time.Now(), session, true}
		r.SessionTimeoutMillis = max(r.SessionTimeoutMillis, int32(longestSession.Milliseconds()))
	case *kmsg.SyncGroupRequest:
		s.note(r.MemberID, true)
	case *kmsg.HeartbeatRequest:
		s.note(r.MemberID, false)
	case *kmsg.OffsetCommitRequest:
		s.note(r.MemberID, false)
	}
}

// note is called with mu held.
func (s *sessions) note(member string, waits bool) {
	h, known := s.members[member]
	if !known {
		h.session = unknownSession
	}
	h.at, h.waits = time.Now(), waits
	s.members[member] = h
}

// run expires members until stop is closed.
func (s *sessions) run(stop <-chan struct{}) {
	tick := time.NewTicker(sessionInterval)
	defer tick.Stop()
	for last := time.Now(); ; last = time.Now() {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			if now.Sub(last) > 2*sessionInterval {
				s.since = now // members could not be heard
			}
			s.expire(now)
		}
	}
}

// expire lets every member go that is due.
func (s *sessions) expire(now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), sessionInterval)
	defer cancel()
	groups, err := kadm.NewClient(s.client).DescribeGroups(ctx)
	if err != nil {
		s.log.Warn("cannot look through sessions", "error", err.Error())
		return
	}
	for _, due := range s.due(groups, now) {
		s.log.Info("session expired", "group", due.Group, "member", due.Members[0].MemberID)
		if _, err := due.RequestWith(ctx, s.client); err != nil {
			s.log.Warn("cannot expire a session", "group", due.Group, "error", err.Error())
		}
	}
}

// due gives the requests by which members leave.
func (s *sessions) due(groups kadm.DescribedGroups, now time.Time) []*kmsg.LeaveGroupRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []*kmsg.LeaveGroupRequest
	known := map[string]heard{}
	for _, group := range groups.Sorted() {
		stable := group.State == "Stable"
		if !stable {
			s.groups[group.Group] = now
		}
		for _, member := range group.Members {
			h, ok := s.members[member.MemberID]
			if !ok {
				h = heard{at: now, session: unknownSession}
			}
			known[member.MemberID] = h
			began := latest(h.at, s.since)
			if stable {
				began = latest(began, s.groups[group.Group])
			}
			if now.Sub(began) > h.session && (stable || !h.waits) {
				due = append(due, leave(group.Group, member.MemberID))
			}
		}
	}
	for id, h := range s.members { // who joins has an id before it is a member
		if now.Sub(h.at) < h.session {
			known[id] = h
		}
	}
	s.members = known
	return due
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func leave(group, member string) *kmsg.LeaveGroupRequest {
	r := kmsg.NewPtrLeaveGroupRequest()
	r.Group = group
	r.Members = []kmsg.LeaveGroupRequestMember{{MemberID: member}}
	return r
}
