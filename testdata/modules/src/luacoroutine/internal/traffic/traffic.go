// Package traffic plays the shops.
package traffic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"time"

	"example.com/scoring/internal/api"
)

// nowhere takes the answers.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

// Drive sends about 600 payments a second in batches.
func Drive(to http.Handler) {
	for range time.Tick(20 * time.Millisecond) {
		batch := make([]api.Payment, 12)
		for i := range batch {
			batch[i] = api.Payment{ID: fmt.Sprintf("p-%08x", rand.Uint32()), Amount: rand.IntN(900), Age: rand.IntN(400)}
		}
		body, _ := json.Marshal(batch)
		r, err := http.NewRequest("POST", "/score", bytes.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		to.ServeHTTP(nowhere{}, r)
	}
}
