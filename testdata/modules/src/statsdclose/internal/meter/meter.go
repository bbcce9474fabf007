// Package meter sends measurements of one owner.
package meter

import (
	"time"

	"github.com/DataDog/datadog-go/statsd"
)

// Meter belongs to an owner, until it is closed.
type Meter struct {
	client *statsd.Client
}

func Open(addr, owner string) (*Meter, error) {
	c, err := statsd.New(addr, statsd.WithNamespace("prober."), statsd.WithTags([]string{"owner:" + owner}),
		statsd.WithBufferPoolSize(16))
	if err != nil {
		return nil, err
	}
	return &Meter{c}, nil
}

// Seen records how long a target took to answer.
func (m *Meter) Seen(took time.Duration) {
	m.client.Incr("seen", nil, 1)
	m.client.Timing("took", took, nil, 1)
}

func (m *Meter) Close() error { return m.client.Close() }
