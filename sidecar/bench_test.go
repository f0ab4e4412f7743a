package sidecar

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
)

// bulk is a delivery of that many events, as the sidecar sends it with rawPayload.
func bulk(events int) string {
	var entries []string
	for i := range events {
		id := uuid.NewString()
		record := `{"specversion":"1.0","id":"` + id + `/user-create","source":"operation-service","type":"registration.user-create.v1","subject":"` + id +
			`","time":"2026-11-23T10:20:30.123Z","datacontenttype":"application/json","deadline":"2026-11-24T10:20:30.123Z",` +
			`"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{"name":"hans"}}`
		entries = append(entries, fmt.Sprintf(`{"entryId":%q,"event":%q,"contentType":"application/octet-stream","metadata":{"__key":%q,`+
			`"__offset":"%d","__partition":"3","__timestamp":"1790000000000","__topic":"user-create"}}`,
			uuid.NewString(), base64.StdEncoding.EncodeToString([]byte(record)), id, i))
	}
	return `{"id":"` + uuid.NewString() + `","entries":[` + strings.Join(entries, ",") +
		`],"metadata":{"pubsubName":"pubsub"},"topic":"user-create","pubsubname":"pubsub","type":"com.dapr.event.sent.bulk"}`
}

// perEvent runs f, which handles so many events, and reports what each costs.
func perEvent(b *testing.B, events int, f func()) {
	b.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		f()
	}
	runtime.ReadMemStats(&after)
	n := float64(b.N * events)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/event")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/event")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/event")
}

// BenchmarkDecodeBulk is a bulk delivery of a hundred events from the request's
// bytes to the answer's, without what the consumer does.
func BenchmarkDecodeBulk(b *testing.B) {
	const events = 100
	body := bulk(events)
	router := mux.NewRouter()
	answers := make([]error, events)
	Routes(router, "token", map[string]Consumer{"user-create": func(_ context.Context, batch []Delivery) []error {
		return answers[:len(batch)]
	}})
	perEvent(b, events, func() {
		request := httptest.NewRequest(http.MethodPost, EventsPath+"user-create", strings.NewReader(body))
		request.Header.Set("dapr-api-token", "token")
		router.ServeHTTP(httptest.NewRecorder(), request)
	})
}

// BenchmarkEncodePublish is a bulk publish of a hundred events as far as the
// call of the SDK.
func BenchmarkEncodePublish(b *testing.B) {
	const events = 100
	messages := make([]Message, events)
	for i := range messages {
		messages[i] = Message{Key: uuid.NewString(), Record: []byte(`{"specversion":"1.0"}`)}
	}
	perEvent(b, events, func() { _ = entries(messages) })
}
