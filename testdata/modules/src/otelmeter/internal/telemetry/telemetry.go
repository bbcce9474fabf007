// Package telemetry counts and times operations.
package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// Operation is one run of a named operation.
type Operation struct {
	runs    metric.Int64Counter
	seconds metric.Float64Histogram
	start   time.Time
}

// Begin starts to measure an operation.
func Begin(name string) (*Operation, error) {
	meter := otel.Meter("example.com/catalogue")
	runs, err := meter.Int64Counter(name+".runs", metric.WithDescription("Runs of "+name), metric.WithUnit("{run}"))
	if err != nil {
		return nil, err
	}
	seconds, err := meter.Float64Histogram(name+".duration", metric.WithDescription("Time of "+name), metric.WithUnit("s"))
	if err != nil {
		return nil, err
	}
	return &Operation{runs, seconds, time.Now()}, nil
}

// End records the operation.
func (o *Operation) End(ctx context.Context) {
	o.runs.Add(ctx, 1)
	o.seconds.Record(ctx, time.Since(o.start).Seconds())
}
