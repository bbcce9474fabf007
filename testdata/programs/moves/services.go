package main

import (
	"fmt"
	"time"
)

// entries is how many things a service has when it starts.
const entries = 5000

// A service answers requests, which are numbered from 0 to some number.
type service struct {
	truth truth
	start func() func(request, of int)
}

func healthy(note string) truth { return truth{"healthy", nil, note} }

func leak(note string, culprits ...string) truth { return truth{"leak", culprits, note} }

var services = map[string]service{
	"renew": {
		healthy("Entries are replaced by new ones of the same size, which another function makes."),
		func() func(int, int) {
			pages := fill()
			return func(request, _ int) { pages.renew(request) }
		},
	},
	"shrink": {
		healthy("Entries are replaced by new ones of half the size."),
		func() func(int, int) {
			pages := fill()
			return func(request, _ int) { pages.compress(request) }
		},
	},
	"writers": {
		healthy("Two functions replace what a third one made."),
		func() func(int, int) {
			pages := fill()
			return func(request, _ int) {
				if request%2 == 0 {
					pages.renew(request)
				} else {
					pages.revise(request)
				}
			}
		},
	},
	"users": {
		healthy("Entries of several parts are replaced by others of the same parts."),
		func() func(int, int) {
			users := load()
			return func(request, _ int) { update(users, request) }
		},
	},
	"sessions": {
		healthy("The sessions that were restored end, and as many begin."),
		func() func(int, int) {
			sessions := restore()
			return func(request, _ int) { exchange(sessions, request) }
		},
	},
	"workers": {
		healthy("Workers are replaced by others, which another function starts."),
		func() func(int, int) {
			workers := hire()
			return func(request, of int) {
				if request%10 == 0 {
					replace(workers, request/10)
				}
			}
		},
	},
	"tickers": {
		healthy("Tickers are stopped, and another function makes as many."),
		func() func(int, int) {
			tickers := schedule()
			return func(request, _ int) {
				for i := range 4 {
					reschedule(tickers, 4*request+i)
				}
			}
		},
	},
	"workers-and-leak": {
		leak("Workers are replaced, and for every fourth another one never ends.", "main.assist"),
		func() func(int, int) {
			workers := hire()
			return func(request, of int) {
				if request%10 == 0 {
					replace(workers, request/10)
				}
				if request%40 == 0 {
					assist()
				}
			}
		},
	},
	"renew-and-leak": {
		leak("Entries are replaced, and a third as many of their size are kept for good.", "main.(*audit).note"),
		func() func(int, int) {
			pages, log := fill(), &audit{}
			return func(request, _ int) {
				pages.renew(request)
				if request%3 == 0 {
					log.note()
				}
			}
		},
	},
	"drop-early": {
		leak("At first, as much is dropped as leaks in the whole time.", "main.(*audit).note"),
		func() func(int, int) {
			pages, log := fill(), &audit{}
			return func(request, of int) {
				log.note()
				if request < of/3 {
					pages.drop(3*request, 3)
				}
			}
		},
	},
	"drop-late": {
		leak("At last, as much is dropped as leaked in the whole time.", "main.(*audit).note"),
		func() func(int, int) {
			pages, log := fill(), &audit{}
			return func(request, of int) {
				log.note()
				if late := request - of*2/3; late >= 0 {
					pages.drop(3*late, 3)
				}
			}
		},
	},
	"drop-half": {
		leak("Half as much is dropped as leaks.", "main.(*audit).note"),
		func() func(int, int) {
			pages, log := fill(), &audit{}
			return func(request, _ int) {
				log.note()
				if request%2 == 0 {
					pages.drop(request, 1)
				}
			}
		},
	},
	"renew-and-keep": {
		leak("Entries are replaced, and every second of the old ones is kept.", "main.pages.renew"),
		func() func(int, int) {
			pages, old := fill(), [][]byte{}
			return func(request, _ int) {
				if request%2 == 0 {
					old = append(old, pages[request])
				}
				pages.renew(request)
			}
		},
	},
}

type pages [][]byte

//go:noinline
func fill() pages {
	pages := make(pages, entries)
	for i := range pages {
		pages[i] = make([]byte, 4096)
	}
	return pages
}

//go:noinline
func (p pages) renew(i int) { p[i] = make([]byte, 4096) }

//go:noinline
func (p pages) revise(i int) { p[i] = make([]byte, 4096) }

//go:noinline
func (p pages) compress(i int) { p[i] = make([]byte, 2048) }

func (p pages) drop(from, count int) {
	for i := from; i < from+count && i < len(p); i++ {
		p[i] = nil
	}
}

type audit struct{ lines [][]byte }

//go:noinline
func (a *audit) note() { a.lines = append(a.lines, make([]byte, 4096)) }

type user struct {
	name   string
	groups []string
	image  []byte
}

//go:noinline
func load() []*user {
	users := make([]*user, entries)
	for i := range users {
		users[i] = &user{fmt.Sprint("user ", i), make([]string, 16), make([]byte, 2048)}
	}
	return users
}

//go:noinline
func update(users []*user, i int) {
	next := &user{name: fmt.Sprint("user ", i)}
	next.groups = make([]string, 16)
	next.image = make([]byte, 2048)
	users[i] = next
}

type session struct{ buffer [1200]byte }

//go:noinline
func restore() map[int]*session {
	sessions := make(map[int]*session, 2*entries)
	for i := range entries {
		sessions[i] = &session{}
	}
	return sessions
}

//go:noinline
func exchange(sessions map[int]*session, request int) {
	delete(sessions, request)
	sessions[entries+request] = &session{}
}

//go:noinline
func hire() []chan struct{} {
	workers := make([]chan struct{}, entries/10)
	for i := range workers {
		end := make(chan struct{})
		go func() { <-end }()
		workers[i] = end
	}
	return workers
}

//go:noinline
func replace(workers []chan struct{}, i int) {
	close(workers[i])
	end := make(chan struct{})
	go func() { <-end }()
	workers[i] = end
}

//go:noinline
func assist() {
	end := make(chan struct{})
	go func() { <-end }()
}

//go:noinline
func schedule() []*time.Ticker {
	tickers := make([]*time.Ticker, 4*entries)
	for i := range tickers {
		tickers[i] = time.NewTicker(time.Hour)
	}
	return tickers
}

//go:noinline
func reschedule(tickers []*time.Ticker, i int) {
	tickers[i].Stop()
	tickers[i] = time.NewTicker(2 * time.Hour)
}
