// Package pages keeps the pages that were asked for last.
package pages

import (
	"container/list"
	"sync"
)

type page struct {
	path string
	body []byte
}

// Cache holds at most a fixed number of pages.
type Cache struct {
	mu     sync.Mutex
	limit  int
	order  *list.List
	byPath map[string]*list.Element
}

func New(limit int) *Cache {
	return &Cache{limit: limit, order: list.New(), byPath: map[string]*list.Element{}}
}

func (c *Cache) Get(path string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byPath[path]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*page).body, true
}

func (c *Cache) Put(path string, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byPath[path]; ok {
		return
	}
	c.byPath[path] = c.order.PushFront(&page{path, body})
	if c.order.Len() > c.limit {
		last := c.order.Back()
		delete(c.byPath, c.order.Remove(last).(*page).path)
	}
}
