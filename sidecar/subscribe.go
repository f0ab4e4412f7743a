package sidecar

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gorilla/mux"
)

// Delivery is one record that a topic brings.
type Delivery struct {
	// Key is the record's key, empty if it has none.
	Key string
	// Record is the record as it was published.
	Record []byte
}

// Consumer takes what a topic brings. It answers for each delivery, in the
// same order, nil when its effects are stored and published, else an error: it
// is delivered again then, and with it what follows it in its partition.
type Consumer func(ctx context.Context, batch []Delivery) []error

// EventsPath is where the sidecar delivers a topic; subscriptions name it.
const EventsPath = "/events/"

// Routes adds the routes to which the sidecar delivers the topics. They accept
// single and bulk deliveries and want the app's token, if there is one.
func Routes(router *mux.Router, token string, consumers map[string]Consumer) {
	for topic, consume := range consumers {
		router.Handle(EventsPath+topic, requireToken(token, deliver(consume))).Methods(http.MethodPost)
	}
	router.PathPrefix(EventsPath).HandlerFunc(refuse)
}

// refuse answers for a topic without consumer. A 404 would acknowledge the
// records, and lose them.
func refuse(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "no consumer for this topic", http.StatusServiceUnavailable)
}

// requireToken lets through who sends the token that Dapr sends to its app.
func requireToken(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Get("dapr-api-token")
		if token != "" && subtle.ConstantTimeCompare([]byte(sent), []byte(token)) != 1 {
			http.Error(w, "the app token is missing or wrong", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// statuses that a subscriber may answer. DROP is not used: it loses the record.
const (
	success = "SUCCESS"
	retry   = "RETRY"
)

type entryStatus struct {
	EntryID string `json:"entryId"`
	Status  string `json:"status"`
}

func deliver(consume Consumer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxMessageBytes)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		envelope, err := decodeEnvelope(body.Bytes())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if !envelope.bulk {
			envelope.deliveries[0].Key = r.Header.Get("__key")
		}
		// Errors were logged by the consumer; the sidecar only needs to know that there was one.
		errs := consume(r.Context(), envelope.deliveries)
		_ = json.MarshalWrite(w, envelope.answer(errs)) // the sidecar is gone if this fails
	})
}

// envelope is what the sidecar sends: one record, or a bulk of them.
type envelope struct {
	bulk       bool
	ids        []string
	deliveries []Delivery
}

type envelopeWire struct {
	// Entries is set in a bulk delivery.
	Entries []struct {
		EntryID  string         `json:"entryId"`
		Event    jsontext.Value `json:"event"`
		Metadata struct {
			Key string `json:"__key"`
		} `json:"metadata"`
	} `json:"entries"`
	// SpecVersion is set in a single delivery. With rawPayload that is a
	// CloudEvent made by the sidecar around the record, else the record itself.
	SpecVersion string `json:"specversion"`
	DataBase64  []byte `json:"data_base64"`
}

// lenient takes a record for what it is: what is wrong with it is its
// consumer's to say, and a delivery that cannot be read comes again for ever.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

var errNoDelivery = errors.New("neither a CloudEvent nor a bulk of them")

func decodeEnvelope(body []byte) (envelope, error) {
	var wire envelopeWire
	if err := json.Unmarshal(body, &wire, lenient); err != nil {
		return envelope{}, fmt.Errorf("delivery: %w", err)
	}
	if wire.Entries == nil {
		if wire.SpecVersion == "" {
			return envelope{}, errNoDelivery
		}
		record := wire.DataBase64
		if record == nil {
			record = body
		}
		return envelope{deliveries: []Delivery{{Record: record}}}, nil
	}
	e := envelope{bulk: true, ids: make([]string, len(wire.Entries)), deliveries: make([]Delivery, len(wire.Entries))}
	for i, entry := range wire.Entries {
		record, err := recordOf(entry.Event)
		if err != nil {
			return envelope{}, fmt.Errorf("delivery: entry %d: %w", i, err)
		}
		e.ids[i], e.deliveries[i] = entry.EntryID, Delivery{Key: entry.Metadata.Key, Record: record}
	}
	return e, nil
}

// recordOf gives the record of an entry: base64 with rawPayload, else the JSON
// itself. A record without value (a tombstone) comes as the text null.
func recordOf(event jsontext.Value) (record []byte, err error) {
	if event.Kind() != '"' {
		return event, nil
	}
	err = json.Unmarshal(event, &record)
	return record, err
}

// answer is the body that acknowledges each delivery, or asks for it again.
func (e envelope) answer(errs []error) any {
	status := func(i int) string {
		if i < len(errs) && errs[i] == nil {
			return success
		}
		return retry
	}
	if !e.bulk {
		return map[string]string{"status": status(0)}
	}
	statuses := make([]entryStatus, len(e.ids))
	for i, id := range e.ids {
		statuses[i] = entryStatus{EntryID: id, Status: status(i)}
	}
	return map[string]any{"statuses": statuses}
}
