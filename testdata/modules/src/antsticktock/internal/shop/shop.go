// Package shop plays the shops that upload.
package shop

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Upload sends about thirty small lists a second.
func Upload(base string) {
	for range time.Tick(33 * time.Millisecond) {
		var list strings.Builder
		for i := 0; i < 20; i++ {
			fmt.Fprintf(&list, "article-%d,%d\n", rand.IntN(2000), rand.IntN(90000))
		}
		r, err := http.Post(base+"/import", "text/csv", strings.NewReader(list.String()))
		if err != nil {
			log.Print(err)
			continue
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}
