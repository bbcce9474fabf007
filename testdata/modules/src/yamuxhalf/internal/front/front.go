// Package front serves pages and keeps those that are asked for often.
package front

import (
	"container/list"
	"io"
	"net/http"
	"strconv"
	"sync"

	"example.com/gateway/internal/plugin"
)

type page struct {
	number uint32
	text   string
}

// Front keeps at most max pages.
type Front struct {
	client *plugin.Client
	max    int
	mu     sync.Mutex
	order  *list.List
	pages  map[uint32]*list.Element
}

// New makes a front of a plugin.
func New(client *plugin.Client, max int) *Front {
	return &Front{client: client, max: max, order: list.New(), pages: map[uint32]*list.Element{}}
}

func (f *Front) find(number uint32) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.pages[number]
	if !ok {
		return "", false
	}
	f.order.MoveToFront(e)
	return e.Value.(page).text, true
}

func (f *Front) keep(p page) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pages[p.number] != nil {
		return
	}
	f.pages[p.number] = f.order.PushFront(p)
	for f.order.Len() > f.max {
		delete(f.pages, f.order.Remove(f.order.Back()).(page).number)
	}
}

func frame(body string) string { return "<!doctype html><main>" + body + "</main>" }

func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseUint(r.URL.Query().Get("page"), 10, 32)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text, ok := f.find(uint32(n))
	if !ok {
		body, err := f.client.Call(uint32(n))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		text = frame(body)
		f.keep(page{uint32(n), text})
	}
	io.WriteString(w, text)
}
