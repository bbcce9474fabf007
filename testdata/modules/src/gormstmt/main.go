// Command ingest stores batches of readings. Senders repeat batches, so that many an insert fails on a duplicate key.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/utils/tests"
)

type reading struct {
	Sensor  int64 `gorm:"primaryKey"`
	Taken   int64 `gorm:"primaryKey"`
	Celsius float64
	Percent float64
	Quality int
}

type server struct {
	db *gorm.DB
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var batch []reading
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.store(batch); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) store(batch []reading) error {
	return s.db.Create(&batch).Error
}

// send sends batches to the handler, without a connection.
func send(h http.Handler) {
	for {
		batch := make([]reading, 1+rand.IntN(40))
		for i := range batch {
			batch[i] = reading{rand.Int64N(500), time.Now().UnixNano(), 20 + rand.NormFloat64(), 50, 1}
		}
		body, _ := json.Marshal(batch)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/readings", bytes.NewReader(body)))
		time.Sleep(10 * time.Millisecond)
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	db, err := gorm.Open(tests.DummyDialector{}, &gorm.Config{
		ConnPool: open(), PrepareStmt: true, SkipDefaultTransaction: true, Logger: logger.Discard,
	})
	if err != nil {
		log.Fatal(err)
	}
	s := &server{db}
	http.Handle("/readings", s)
	for range 2 {
		go send(s)
	}
	log.Fatal(http.Serve(l, nil))
}
