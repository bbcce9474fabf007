// Package probe looks at targets, round after round.
package probe

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"example.com/prober/internal/meter"
)

type state struct {
	Target string
	Digest string
	Body   []byte
	Seen   time.Time
}

// Prober knows the last state of each target.
type Prober struct {
	statsd string
	mu     sync.RWMutex
	states map[string]*state
}

func New(statsd string) *Prober { return &Prober{statsd: statsd, states: map[string]*state{}} }

// Loop looks at the targets of so many owners each second.
func (p *Prober) Loop(perSecond int) {
	for n := 0; ; n++ {
		go p.round(fmt.Sprintf("owner-%d", n%40))
		time.Sleep(time.Second / time.Duration(perSecond))
	}
}

func (p *Prober) round(owner string) {
	m, err := meter.Open(p.statsd, owner)
	if err != nil {
		return
	}
	defer m.Close()
	for i := range 8 {
		start := time.Now()
		s := look(fmt.Sprintf("%s/target-%d", owner, i))
		m.Seen(time.Since(start))
		p.mu.Lock()
		p.states[s.Target] = s
		p.mu.Unlock()
	}
}

func look(target string) *state {
	body := make([]byte, 512+rand.IntN(2048))
	for i := range body {
		body[i] = byte(rand.Int())
	}
	return &state{target, fmt.Sprintf("%x", sha256.Sum256(body)), body, time.Now()}
}

func (p *Prober) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	json.NewEncoder(w).Encode(p.states)
}
