package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"sync"
	"text/template"
	"time"
)

// What `-more` does: ways to leak that the first dozen has not.

type key struct{}

//go:noinline
func ctxValue(i int) {
	keep = append(keep, context.WithValue(context.Background(), key{}, i))
}

//go:noinline
func timerAfter() { keep = append(keep, time.After(time.Hour)) }

//go:noinline
func errorsRetain(i int) {
	keep = append(keep, fmt.Errorf("request %d: %w", i, errors.New("refused")))
}

//go:noinline
func slogWith(i int) { keep = append(keep, slog.Default().With("request", i)) }

//go:noinline
func signalNotify() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	keep = append(keep, c)
}

//go:noinline
func flateWriter() {
	w := gzip.NewWriter(io.Discard)
	if _, err := w.Write([]byte("x")); err != nil {
		log.Fatal(err)
	}
	keep = append(keep, w)
}

//go:noinline
func reflectTypes(i int) { keep = append(keep, reflect.ArrayOf(i+1, reflect.TypeFor[int]())) }

//go:noinline
func templateParse() {
	keep = append(keep, template.Must(template.New("page").Parse("{{.}} and {{.}}")))
}

var pool = sync.Pool{New: newBuffer}

func newBuffer() any { return make([]byte, 1000) }

//go:noinline
func syncPool() { keep = append(keep, pool.Get()) }

//go:noinline
func stringsRetain(i int) {
	var b strings.Builder
	for range 100 + i {
		b.WriteString("x")
	}
	keep = append(keep, b.String()[:3])
}

//go:noinline
func ioReadall() {
	all, err := io.ReadAll(io.LimitReader(strings.NewReader(strings.Repeat("x", 2000)), 1500))
	if err != nil {
		log.Fatal(err)
	}
	keep = append(keep, all[:1])
}

func more() {
	for i := range 50 {
		ctxValue(i)
		timerAfter()
		errorsRetain(i)
		slogWith(i)
		signalNotify()
		flateWriter()
		reflectTypes(i)
		templateParse()
		syncPool()
		stringsRetain(i)
		ioReadall()
	}
}
