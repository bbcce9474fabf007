// Generics allocates under everything that makes function names and stacks hard to read: inlined
// functions, generics, method values, closures, recursion, deferred calls, interfaces and reflection.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/pprof"
	"sort"
	"strings"
)

// A Tree is ordered.
type Tree[K cmp.Ordered, V any] struct {
	root *branch[K, V]
}

type branch[K cmp.Ordered, V any] struct {
	left, right *branch[K, V]
	key         K
	value       V
	pad         [64]byte
}

// Insert is recursive through its helper.
func (t *Tree[K, V]) Insert(k K, v V) { t.root = t.root.insert(k, v) }

func (b *branch[K, V]) insert(k K, v V) *branch[K, V] {
	switch {
	case b == nil:
		return &branch[K, V]{key: k, value: v}
	case k < b.key:
		b.left = b.left.insert(k, v)
	default:
		b.right = b.right.insert(k, v)
	}
	return b
}

// Map is inlined where it can be.
func Map[T, U any](in []T, f func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

type pair struct {
	name string
	at   [3]int
}

func newPair(i int) *pair        { return makePair(i, 1) }
func makePair(i, step int) *pair { return fillPair(&pair{}, i, step) }
func fillPair(p *pair, i, s int) *pair {
	p.at = [3]int{i, i + s, i + 2*s}
	return p
}

type maker interface{ Make(n int) []byte }

type plain struct{ factor int }

func (p plain) Make(n int) []byte      { return make([]byte, n*p.factor) }
func (p *plain) MakeMore(n int) []byte { return make([]byte, 2*n*p.factor) }

//go:noinline
func nested(depth int, keep *[][]byte) {
	if depth == 0 {
		*keep = append(*keep, make([]byte, 3000))
		return
	}
	func() {
		defer func() { *keep = append(*keep, make([]byte, 100)) }()
		nested(depth-1, keep)
	}()
}

//go:noinline
func ping(n int, keep *[][]byte) {
	*keep = append(*keep, make([]byte, 128))
	if n > 0 {
		pong(n-1, keep)
	}
}

//go:noinline
func pong(n int, keep *[][]byte) {
	if n > 0 {
		ping(n-1, keep)
	}
}

func round(n int, keep *[][]byte) []any {
	var all []any
	var numbers Tree[int, string]
	var words Tree[string, []int]
	for i := range n {
		numbers.Insert(i*7919%n, fmt.Sprint("number ", i))
		words.Insert(strings.Repeat(string(rune('a'+i%26)), 1+i%5), []int{i, i})
	}
	all = append(all, numbers, words)
	all = append(all, Map([]int{1, 2, 3}, newPair))
	all = append(all, Map([]string{"a", "b"}, func(s string) [4]string { return [4]string{s, s, s, s} }))

	var m maker = plain{factor: 3}
	more := (&plain{factor: 4}).MakeMore
	value := m.Make
	for range n {
		*keep = append(*keep, m.Make(40), value(50), more(60))
	}
	reflected := reflect.ValueOf(m).MethodByName("Make").Call([]reflect.Value{reflect.ValueOf(2000)})
	*keep = append(*keep, reflected[0].Bytes())
	nested(6, keep)
	ping(9, keep)
	sort.Slice(*keep, func(i, j int) bool {
		if i == 0 {
			all = append(all, newPair(j))
		}
		return len((*keep)[i]) < len((*keep)[j])
	})
	return all
}

func write(dir, name string) {
	runtime.GC()
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.Lookup("heap").WriteTo(f, 0); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

func main() {
	dir := flag.String("dir", ".", "where the profiles go")
	flag.Parse()
	runtime.MemProfileRate = 1024
	var keep [][]byte
	var all [][]any
	all = append(all, round(300, &keep))
	write(*dir, "before.pb.gz")
	all = append(all, round(900, &keep))
	all[0] = nil
	write(*dir, "after.pb.gz")
	runtime.KeepAlive(all)
	runtime.KeepAlive(keep)
}
