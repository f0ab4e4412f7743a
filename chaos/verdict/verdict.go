// Package verdict judges a system by comparing the ledger of its clients with
// what the system has done. It asks nobody: both are given to it.
package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"registration.example/chaos/effects"
	"registration.example/load/ledger"
)

// Kinds of findings, as in the ledger.
const (
	Lost       = "lost"
	Duplicated = "duplicated"
	Unexpected = "unexpected"
	Regressed  = "regressed"
)

// Verdict is what was found.
type Verdict struct {
	ledger.Verdict
	// Recovered counts the requests with unknown outcome, or refused with a 503,
	// that turned out to have made their user.
	Recovered int64            `json:"recovered"`
	Findings  []ledger.Finding `json:"findings,omitempty"`
}

// Judge compares. The requests have distinct names; found is what others have
// found out already.
func Judge(requests []ledger.Line, stored effects.Stored, published effects.Published, found []ledger.Finding) Verdict {
	j := newJudge(requests, stored, published)
	for _, f := range found {
		j.add(f)
	}
	for _, request := range requests {
		j.request(request)
	}
	for _, o := range stored.Operations {
		j.operation(o)
	}
	for _, u := range stored.Users {
		j.user(u)
	}
	for id := range published.Subjects {
		if _, ok := j.operations[id]; !ok {
			j.find(Unexpected, id, "", "events of an operation that is not stored")
		}
	}
	for _, r := range published.Responses {
		j.response(r)
	}
	for _, what := range published.Strange {
		j.find(Unexpected, uuid.Nil, "", "%s", what)
	}
	return j.conclude()
}

// judge holds both sides by what they are looked up by.
type judge struct {
	verdict    Verdict
	asked      map[string]ledger.Line
	operations map[uuid.UUID]effects.Operation
	named      map[string][]effects.Operation
	users      map[uuid.UUID][]effects.User
	answered   map[uuid.UUID]bool // a response is on the topic
	given      map[string]bool    // ids that requests were given
	known      map[ledger.Finding]bool
}

func newJudge(requests []ledger.Line, stored effects.Stored, published effects.Published) *judge {
	j := &judge{
		asked: map[string]ledger.Line{}, operations: map[uuid.UUID]effects.Operation{},
		named: map[string][]effects.Operation{}, users: map[uuid.UUID][]effects.User{},
		answered: map[uuid.UUID]bool{}, given: map[string]bool{}, known: map[ledger.Finding]bool{},
	}
	for _, request := range requests {
		j.asked[request.Name] = request
	}
	for _, o := range stored.Operations {
		j.operations[o.ID] = o
		j.named[o.Data.Name] = append(j.named[o.Data.Name], o)
	}
	for _, u := range stored.Users {
		j.users[u.Operation] = append(j.users[u.Operation], u)
	}
	for _, r := range published.Responses {
		j.answered[r.Operation] = true
	}
	return j
}

// request looks for what became of a request.
func (j *judge) request(request ledger.Line) {
	j.verdict.Attempted++
	if len(j.named[request.Name]) > 1 {
		j.find(Duplicated, j.named[request.Name][0].ID, request.Name, "one request made %d operations", len(j.named[request.Name]))
	}
	if request.ID == "" {
		if slices.ContainsFunc(j.named[request.Name], effects.Operation.Ended) {
			j.verdict.Recovered++
		}
		return
	}
	j.verdict.Accepted++
	id, err := uuid.Parse(request.ID)
	if err != nil || j.given[request.ID] {
		j.find(Duplicated, id, request.Name, "two requests were given the id %s", request.ID)
	}
	j.given[request.ID] = true
	o, ok := j.operations[id]
	if !ok {
		j.find(Lost, id, request.Name, "accepted, and not stored")
		return
	}
	if o.Data.Name != request.Name {
		j.find(Unexpected, id, request.Name, "the request was given the operation of %q", o.Data.Name)
	}
	j.ended(request, o)
}

// ended compares how an accepted operation ended with what its client saw.
func (j *judge) ended(request ledger.Line, o effects.Operation) {
	switch saw := string(request.State); {
	case request.Ended == nil && o.Ended():
		j.find(Lost, o.ID, request.Name, "stored as %s, and its client never saw that", o.State)
	case request.Ended == nil:
		j.find(Lost, o.ID, request.Name, "accepted, and still %s", o.State)
	case saw != o.State:
		j.find(Regressed, o.ID, request.Name, "its client saw %s, stored is %s", saw, o.State)
	}
	switch o.State {
	case effects.Completed:
		j.verdict.Completed++
	case effects.Failed:
		j.verdict.Failed++
	}
}

// operation looks at a stored operation: who asked for it, and whether it ended
// as its user did. One that nobody was promised may be pending, if nothing came
// of it.
func (j *judge) operation(o effects.Operation) {
	request, asked := j.asked[o.Data.Name]
	if !asked || o.Key != o.ID.String() {
		j.find(Unexpected, o.ID, o.Data.Name, "stored as %s, and nobody asked for it", o.Key)
	}
	users := j.users[o.ID]
	if len(users) > 1 {
		j.find(Duplicated, o.ID, o.Data.Name, "made %d users", len(users))
	}
	switch {
	case o.State == effects.Completed:
		j.completed(o, users)
	case o.State == effects.Failed && len(users) > 0 && users[0].Failure == "":
		j.find(Unexpected, o.ID, o.Data.Name, "failed (%s), and its user is %s", o.Error, users[0].State)
	case !o.Ended() && len(users) > 0 && request.ID == "":
		j.find(Lost, o.ID, o.Data.Name, "made a %s user, and is still %s", users[0].State, o.State)
	}
	if o.Ended() && !j.answered[o.ID] {
		j.find(Unexpected, o.ID, o.Data.Name, "%s without a response on the topic", o.State)
	}
}

// denied says what the name demands.
func denied(name string) bool { return strings.HasPrefix(strings.ToLower(name), "deny") }

func (j *judge) completed(o effects.Operation, users []effects.User) {
	if o.Data.Approved == denied(o.Data.Name) {
		j.find(Unexpected, o.ID, o.Data.Name, "approved is %t", o.Data.Approved)
	}
	if o.Data.User != ledger.UserID(o.ID) {
		j.find(Duplicated, o.ID, o.Data.Name, "names user %s, not the one it may make", o.Data.User)
	}
	if len(users) == 0 {
		j.find(Lost, o.ID, o.Data.Name, "completed, and its user is not stored")
		return
	}
	if (users[0].State == effects.Approved) != o.Data.Approved || !users[0].Decided() {
		j.find(Unexpected, o.ID, o.Data.Name, "approved is %t, its user is %s", o.Data.Approved, users[0].State)
	}
}

// user looks at a stored user.
func (j *judge) user(u effects.User) {
	o, ok := j.operations[u.Operation]
	switch {
	case !ok:
		j.find(Unexpected, u.Operation, u.Name, "user %s of an operation that is not stored", u.ID)
	case u.Name != o.Data.Name || u.Key != u.ID.String():
		j.find(Unexpected, u.Operation, u.Name, "user %s, stored as %s, of the operation of %q", u.ID, u.Key, o.Data.Name)
	case u.ID != ledger.UserID(u.Operation):
		j.find(Duplicated, u.Operation, u.Name, "user %s is not the one that the operation may make", u.ID)
	}
}

// response compares a record of an end with the end that is stored. The first
// one wins; the others say the same, since they follow from the same user.
func (j *judge) response(r effects.Response) {
	o, ok := j.operations[r.Operation]
	switch {
	case !ok:
		// Its events are found already.
	case !o.Ended():
		j.find(Lost, o.ID, o.Data.Name, "the topic says how it ended, and it is still %s", o.State)
	case (r.Failure != "") != (o.State == effects.Failed), r.Failure == "" && r.Approved != o.Data.Approved, r.User != o.Data.User:
		j.find(Unexpected, o.ID, o.Data.Name, "stored as %s, approved %t, user %s; the topic says approved %t, user %s %s",
			o.State, o.Data.Approved, o.Data.User, r.Approved, r.User, r.Failure)
	}
}

func (j *judge) find(kind string, id uuid.UUID, name, format string, args ...any) {
	j.add(ledger.Finding{Kind: kind, Operation: id, Name: name, Detail: fmt.Sprintf(format, args...)})
}

// add keeps a finding, once for each kind and operation: what went wrong once
// shows in several places.
func (j *judge) add(f ledger.Finding) {
	key := f
	if f.Operation != uuid.Nil {
		key = ledger.Finding{Kind: f.Kind, Operation: f.Operation}
	}
	if j.known[key] {
		return
	}
	j.known[key] = true
	j.verdict.Findings = append(j.verdict.Findings, f)
}

// conclude counts the findings.
func (j *judge) conclude() Verdict {
	v := j.verdict
	for _, f := range v.Findings {
		switch f.Kind {
		case Lost:
			v.Lost++
		case Duplicated:
			v.Duplicated++
		case Regressed:
			v.Regressed++
		default:
			v.Unexpected++
		}
	}
	return v
}
