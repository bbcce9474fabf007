//go:build fixed

package stats

import (
	"io"
	"time"

	"github.com/uber-go/tally/v4"
)

type scope = tally.Scope

// Root is where sessions come from.
type Root struct {
	scope  tally.Scope
	closer io.Closer
}

func Start(every time.Duration) *Root {
	s, c := tally.NewRootScope(tally.ScopeOptions{Prefix: "checkout", Reporter: &reporter{}}, every)
	return &Root{s, c}
}

func (r *Root) Session(customer string) *Session {
	return &Session{customer, r.scope.Tagged(map[string]string{"customer": customer})}
}

func (s *Session) Order(cents int64) {
	s.scope.Counter("orders").Inc(1)
	s.scope.Counter("cents").Inc(cents)
	s.scope.Timer("time").Record(time.Millisecond)
}

// End is called when the customer leaves.
func (s *Session) End() { s.scope.(io.Closer).Close() }

func (r *reporter) ReportCounter(string, map[string]string, int64)       { r.reported.Add(1) }
func (r *reporter) ReportGauge(string, map[string]string, float64)       { r.reported.Add(1) }
func (r *reporter) ReportTimer(string, map[string]string, time.Duration) { r.reported.Add(1) }
func (r *reporter) Capabilities() tally.Capabilities                     { return r }
func (r *reporter) Reporting() bool                                      { return true }
func (r *reporter) Tagging() bool                                        { return true }
func (r *reporter) Flush()                                               {}
func (r *reporter) ReportHistogramValueSamples(string, map[string]string, tally.Buckets, float64, float64, int64) {
}
func (r *reporter) ReportHistogramDurationSamples(string, map[string]string, tally.Buckets, time.Duration, time.Duration, int64) {
}
