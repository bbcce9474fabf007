// Package gateway forwards calls of tenants that are connected.
package gateway

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"example.com/gateway/internal/limits"
)

type tenant struct {
	name    string
	windows *limits.Windows
	calls   int
}

// Gateway knows the tenants that are connected.
type Gateway struct {
	mu      sync.Mutex
	tenants map[string]*tenant
	all     *limits.Windows // of all tenants, unless each has its own
	buffers sync.Pool
}

func New(shared bool) *Gateway {
	g := &Gateway{tenants: map[string]*tenant{}}
	g.buffers.New = func() any { return make([]byte, 16<<10) }
	if shared {
		g.all = limits.NewWindows(4096)
	}
	return g
}

func (g *Gateway) connect(name string) *tenant {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.tenants[name]
	if !ok {
		t = &tenant{name: name, windows: g.all}
		if t.windows == nil {
			t.windows = limits.NewWindows(64)
		}
		g.tenants[name] = t
	}
	return t
}

func (g *Gateway) leave(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.tenants, name)
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := g.connect(r.FormValue("tenant"))
	if !t.windows.Allow(t.name+"/"+r.FormValue("client"), 50) {
		http.Error(w, "too many calls", http.StatusTooManyRequests)
		return
	}
	buf := g.buffers.Get().([]byte)
	defer g.buffers.Put(buf)
	for i := range buf {
		buf[i] = byte(i)
	}
	json.NewEncoder(w).Encode(map[string]any{"tenant": t.name, "size": len(buf), "at": time.Now()})
}

// Simulate lets so many tenants come each second. Each stays for about two seconds.
func (g *Gateway) Simulate(perSecond int) {
	for n := 0; ; n++ {
		go func() {
			name := fmt.Sprintf("tenant-%d", n)
			for range 10 + rand.IntN(20) {
				r := httptest.NewRequest("GET", fmt.Sprintf("/call/?tenant=%s&client=%d", name, rand.IntN(8)), nil)
				g.ServeHTTP(httptest.NewRecorder(), r)
				time.Sleep(100 * time.Millisecond)
			}
			g.leave(name)
		}()
		time.Sleep(time.Second / time.Duration(perSecond))
	}
}
