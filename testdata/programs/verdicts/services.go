package main

import (
	"encoding/json"
	"math/rand"
	"time"
)

// A service answers requests, which are numbered.
type service struct {
	truth truth
	start func() func(request int)
}

var services = map[string]service{
	"slice": {
		truth{"leak", []string{"main.(*journal).note"}, nil, "A journal keeps every order there ever was."},
		newJournal,
	},
	"ticker": {
		truth{"leak", []string{"main.watch"}, []string{"timer-ticker"}, "Each visit starts a ticker, and some hold on to theirs without stopping it."},
		newWatch,
	},
	"goroutine": {
		truth{"goroutine-leak", []string{"main.await"}, []string{"goroutine"}, "Some requests leave a goroutine that waits for an answer, which never comes."},
		newQueue,
	},
	"cache": {
		truth{"healthy", nil, nil, "A cache that is bounded fills up and stays as it is."},
		newCache,
	},
	"churn": {
		truth{"healthy", nil, nil, "Answers are encoded and thrown away, and the last one is at hand."},
		newEncoder,
	},
	"sessions": {
		truth{"healthy", nil, nil, "Sessions come and go, and about equally many are open."},
		newSessions,
	},
}

// An order is a little more than a kilobyte.
type order struct {
	Number int          `json:"number"`
	Prices [128]float64 `json:"prices"`
}

//go:noinline
func newOrder(number int) *order {
	return &order{Number: number}
}

type journal struct {
	orders []*order
}

func newJournal() func(int) {
	j := &journal{}
	return func(request int) {
		if request%4 == 0 {
			j.note(request)
		}
	}
}

//go:noinline
func (j *journal) note(number int) {
	if len(j.orders) == cap(j.orders) {
		j.orders = append(make([]*order, 0, len(j.orders)+256), j.orders...)
	}
	j.orders = append(j.orders, newOrder(number))
}

func newWatch() func(int) {
	var tickers []*time.Ticker
	return func(request int) {
		ticker := watch()
		tickers = append(tickers, ticker)
		if request%2 == 0 {
			ticker.Stop()
			tickers = tickers[:len(tickers)-1]
		}
	}
}

//go:noinline
func watch() *time.Ticker {
	return time.NewTicker(time.Hour)
}

func newQueue() func(int) {
	answers := make(chan *order)
	return func(request int) {
		if request%25 == 0 {
			await(answers, request)
		}
	}
}

//go:noinline
func await(answers chan *order, number int) {
	asked := newOrder(number)
	go func() {
		answer := <-answers
		asked.Prices[0] = answer.Prices[0]
	}()
}

const places = 600

func newCache() func(int) {
	random := rand.New(rand.NewSource(1))
	cache := make(map[int]*order)
	return func(request int) {
		look(cache, random.Intn(places))
	}
}

//go:noinline
func look(cache map[int]*order, number int) *order {
	found, ok := cache[number]
	if !ok {
		found = newOrder(number)
		cache[number] = found
	}
	return found
}

func newEncoder() func(int) {
	var last []byte
	return func(request int) {
		last = encode(newOrder(request))
		_ = last
	}
}

//go:noinline
func encode(one *order) []byte {
	text, err := json.Marshal(one)
	if err != nil {
		return nil
	}
	return text
}

func newSessions() func(int) {
	random := rand.New(rand.NewSource(2))
	open := make(map[int]*order)
	return func(request int) {
		// Each place is taken over again and again.
		open[random.Intn(200)] = begin(request)
	}
}

//go:noinline
func begin(number int) *order {
	return newOrder(number)
}
