package messages

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"
)

// specVersion is the CloudEvents version that this package reads and writes.
const specVersion = "1.0"

// Event is one record on a topic. T is the payload of that topic.
type Event[T Payload] struct {
	// OperationID says which saga the event belongs to. It is also the
	// record's key, so that a saga's events keep their order.
	OperationID uuid.UUID
	// Source names the service that made the event.
	Source string
	// Time is when the event was made.
	Time time.Time
	// Deadline is when the saga must have ended: who receives the event later
	// answers so instead of working on it.
	Deadline time.Time
	// TraceParent is the W3C trace context that the saga began with.
	TraceParent string
	// Data is the payload.
	Data T
}

// Payload is what an event carries. Each payload belongs to one topic.
type Payload interface {
	UserCreate | UserApprove | UserApproveResponse | UserCreateResponse
	// Topic is where events with this payload stand.
	Topic() Topic
	// validate reports what is missing or wrong in a decoded payload.
	validate() error
}

// ID is the event's id: the operation and the step. It is derived, so that an
// event that is published again is recognised as the same one.
func (e Event[T]) ID() string { return e.OperationID.String() + "/" + string(e.Data.Topic()) }

// wire is the JSON form of an event: CloudEvents attributes in lower case.
type wire[D any] struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Deadline        time.Time `json:"deadline"`
	TraceParent     string    `json:"traceparent,omitempty"`
	Data            D         `json:"data"`
}

// Encode gives the bytes of an event's record.
func Encode[T Payload](e Event[T]) ([]byte, error) {
	record, err := json.Marshal(wire[T]{
		SpecVersion:     specVersion,
		ID:              e.ID(),
		Source:          e.Source,
		Type:            e.Data.Topic().eventType(),
		Subject:         e.OperationID.String(),
		Time:            e.Time,
		DataContentType: "application/json",
		Deadline:        e.Deadline,
		TraceParent:     e.TraceParent,
		Data:            e.Data,
	})
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID(), err)
	}
	return record, nil
}

// ErrUnprocessable is the cause of every decoding error: decoding the record
// again will fail again.
var ErrUnprocessable = errors.New("unprocessable record")

func unprocessable(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnprocessable, fmt.Errorf(format, args...))
}

// Decode reads the record of an event with payload T. On an error, which wraps
// ErrUnprocessable, the event still holds what could be read of OperationID,
// Deadline and TraceParent, so that the operation can be ended.
func Decode[T Payload](record []byte) (Event[T], error) {
	var w wire[T]
	if err := json.Unmarshal(record, &w); err != nil {
		return salvage[T](record), unprocessable("not an event: %w", err)
	}
	event := Event[T]{
		Source:      w.Source,
		Time:        w.Time,
		Deadline:    w.Deadline,
		TraceParent: w.TraceParent,
		Data:        w.Data,
	}
	id, subjectErr := parseUUID(w.Subject)
	event.OperationID = id
	switch want := event.Data.Topic().eventType(); {
	case w.SpecVersion != specVersion:
		return event, unprocessable("not a CloudEvents %s event: specversion %q", specVersion, w.SpecVersion)
	case w.Type != want:
		return event, unprocessable("unknown type or version %q, want %q", w.Type, want)
	case subjectErr != nil:
		return event, unprocessable("subject is no operation: %w", subjectErr)
	case w.ID != event.ID():
		return event, unprocessable("id %q is not %q", w.ID, event.ID())
	case w.Deadline.IsZero():
		return event, unprocessable("deadline is missing")
	}
	if err := event.Data.validate(); err != nil {
		return event, unprocessable("data: %w", err)
	}
	return event, nil
}

// salvage reads what it can, each attribute for itself, from a record that
// cannot be read as a whole.
func salvage[T Payload](record []byte) Event[T] {
	var attributes struct{ Subject, Deadline, TraceParent json.RawMessage }
	if json.Unmarshal(record, &attributes) != nil {
		return Event[T]{}
	}
	var event Event[T]
	var subject string
	_ = json.Unmarshal(attributes.Subject, &subject)
	_ = json.Unmarshal(attributes.Deadline, &event.Deadline)
	_ = json.Unmarshal(attributes.TraceParent, &event.TraceParent)
	event.OperationID, _ = parseUUID(subject)
	return event
}

// parseUUID accepts the canonical form only: uuid.Parse takes several.
func parseUUID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.Nil, err
	}
	if id.String() != s || id == uuid.Nil {
		return uuid.Nil, fmt.Errorf("%q is not a UUID in canonical form", s)
	}
	return id, nil
}
