package app

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
)

// BenchmarkCreate handles a batch of a hundred user-create events, from their
// records to what is stored and published; the sidecar is in memory, the log
// is made and thrown away.
func BenchmarkCreate(b *testing.B) {
	const events = 100
	registry := service.NewRegistry()
	broker := memory.NewBroker()
	state := memory.NewState()
	s := &saga{
		store: store{state}, broker: broker, users: countUsers(registry), metrics: service.NewEventMetrics(registry),
		logger: service.NewLogger(io.Discard, Name, slog.LevelInfo),
	}
	base := service.Base{Broker: broker, Events: s.metrics, Logger: s.logger, Settings: service.Settings{Attempts: 1}}
	consumer := service.NewConsumer(base, Name, func(context.Context) error { return nil }, s.create, s.abandonCreate)
	batches := make([][]sidecar.Delivery, b.N+1)
	for i := range batches {
		for range events {
			record, err := messages.Encode(created(uuid.New(), false))
			if err != nil {
				b.Fatal(err)
			}
			batches[i] = append(batches[i], sidecar.Delivery{Record: record})
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	for i := range b.N {
		for _, err := range consumer.Consume(b.Context(), batches[i]) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.StopTimer()
	runtime.ReadMemStats(&after)
	n := float64(b.N * events)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/event")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/event")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/event")
}
