// Package cluster plays the nodes that register and the clients that ask.
package cluster

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"example.com/registry/internal/state"
)

const services = 96

func service(n int, index uint64) *state.Service {
	return &state.Service{
		ID: fmt.Sprintf("svc-%02d", n), Name: fmt.Sprintf("name-%d", n%12),
		Addr: fmt.Sprintf("10.0.%d.%d:80", n, rand.IntN(250)), Tags: []string{"v1", "eu"}, Index: index,
	}
}

// Fill registers all services.
func Fill(store *state.Store) error {
	for n := range services {
		if err := store.Put(service(n, 1)); err != nil {
			return err
		}
	}
	return nil
}

// Run registers one service again and again, while clients wait for one that never comes and list the others.
func Run(store *state.Store, base string) {
	var ids []string
	for n := range services {
		ids = append(ids, fmt.Sprintf("svc-%02d", n))
	}
	for range 4 {
		go get(base + "/wait?index=1000000&ids=" + strings.Join(ids, ","))
	}
	for range 2 {
		go func() {
			for range time.Tick(25 * time.Millisecond) {
				get(fmt.Sprintf("%s/services?name=name-%d", base, rand.IntN(12)))
			}
		}()
	}
	index := uint64(1)
	for range time.Tick(150 * time.Millisecond) {
		index++
		if err := store.Put(service(0, index)); err != nil {
			log.Fatal(err)
		}
	}
}

func get(url string) {
	r, err := http.Get(url)
	if err != nil {
		log.Print(err)
		return
	}
	defer r.Body.Close()
	var into any
	if err := json.NewDecoder(r.Body).Decode(&into); err != nil && err != io.EOF {
		log.Print(err)
	}
}
