// Package api serves the registry over HTTP.
package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"example.com/registry/internal/state"
)

// Wait answers as soon as one of the services asked for is new enough.
func Wait(store *state.Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		min, err := strconv.ParseUint(query.Get("index"), 10, 64)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		one, err := store.WaitFor(r.Context(), strings.Split(query.Get("ids"), ","), min)
		if err != nil {
			return
		}
		json.NewEncoder(w).Encode(one)
	})
}

// List answers with the instances of a service.
func List(store *state.Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all, err := store.All(r.URL.Query().Get("name"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		json.NewEncoder(w).Encode(all)
	})
}
