package messages

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"
)

const deadLetterType = "registration.dead-letter.v1"

// DeadLetter is a record that could not be processed, with the reason. It
// stands on the dead-letter topic of the topic that it came from.
type DeadLetter struct {
	// Topic is where the record came from, and where a replay puts it.
	Topic Topic
	// Source names the service that gave up.
	Source string
	// Time is when it did.
	Time time.Time
	// Reason says why.
	Reason string
	// OperationID is uuid.Nil where the record names no operation.
	OperationID uuid.UUID
	// Key and Record are the record's own key and bytes, unchanged.
	Key    string
	Record []byte
}

// deadLetterWire is a CloudEvent with binary data; reason, origin and
// partitionkey are extension attributes.
type deadLetterWire struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Origin          Topic     `json:"origin"`
	Reason          string    `json:"reason"`
	PartitionKey    string    `json:"partitionkey,omitempty"`
	Data            []byte    `json:"data_base64"`
}

// ID is derived from the record: one that is delivered and given up twice has
// the same id twice.
func (d DeadLetter) ID() string {
	return uuid.NewSHA1(uuid.NameSpaceOID, append([]byte(d.Topic+"\x00"+Topic(d.Key)+"\x00"), d.Record...)).String()
}

// Encode gives the bytes of the dead letter's own record.
func (d DeadLetter) Encode() ([]byte, error) {
	w := deadLetterWire{
		SpecVersion:     specVersion,
		ID:              d.ID(),
		Source:          d.Source,
		Type:            deadLetterType,
		Time:            d.Time,
		DataContentType: "application/octet-stream",
		Origin:          d.Topic,
		Reason:          d.Reason,
		PartitionKey:    d.Key,
		Data:            d.Record,
	}
	if d.OperationID != uuid.Nil {
		w.Subject = d.OperationID.String()
	}
	record, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode dead letter: %w", err)
	}
	return record, nil
}

// DecodeDeadLetter reads a record of a dead-letter topic. Errors wrap
// ErrUnprocessable.
func DecodeDeadLetter(record []byte) (DeadLetter, error) {
	var w deadLetterWire
	if err := json.Unmarshal(record, &w); err != nil {
		return DeadLetter{}, unprocessable("not a dead letter: %w", err)
	}
	if w.SpecVersion != specVersion || w.Type != deadLetterType {
		return DeadLetter{}, unprocessable("not a dead letter: specversion %q, type %q", w.SpecVersion, w.Type)
	}
	id, _ := parseUUID(w.Subject)
	return DeadLetter{
		Topic:       w.Origin,
		Source:      w.Source,
		Time:        w.Time,
		Reason:      w.Reason,
		OperationID: id,
		Key:         w.PartitionKey,
		Record:      w.Data,
	}, nil
}
