// Ledger keeps entries of accounts. It stands here in two versions that differ as two releases of one
// program do; this is the first.
package main

import (
	"flag"
	"log"
	"os"
	"runtime"
	"runtime/pprof"
	"sort"
)

// An Entry is one booking.
type Entry struct {
	account int
	memo    [120]byte
}

// A Store keeps values by account.
type Store[T any] struct {
	values map[int][]T
}

// Add keeps one more value.
//
//go:noinline
func (s *Store[T]) Add(account int, v T) {
	s.values[account] = append(s.values[account], v)
}

type ledger struct {
	entries Store[*Entry]
	reports [][]byte
	hooks   []func(int)
}

//go:noinline
func newLedger() *ledger {
	l := &ledger{entries: Store[*Entry]{values: make(map[int][]*Entry)}}
	l.hooks = append(l.hooks, func(n int) {
		l.book(n)
	})
	l.hooks = append(l.hooks, func(n int) {
		l.reports = append(l.reports, make([]byte, 400+n%100))
	})
	return l
}

//go:noinline
func (l *ledger) book(n int) {
	l.entries.Add(n%97, &Entry{account: n % 97})
}

func (l *ledger) run(n int) {
	for i := range n {
		for _, hook := range l.hooks {
			hook(i)
		}
	}
	l.settle()
}

// settle sorts each account.
func (l *ledger) settle() {
	for _, entries := range l.entries.values {
		sort.Slice(entries, func(i, j int) bool { return entries[i].account < entries[j].account })
	}
}

func main() {
	out := flag.String("o", "v1.pb.gz", "where the profile goes")
	flag.Parse()
	runtime.MemProfileRate = 16 << 10
	l := newLedger()
	l.run(20000)
	runtime.GC()
	f, err := os.Create(*out)
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.WriteHeapProfile(f); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	runtime.KeepAlive(l)
}
