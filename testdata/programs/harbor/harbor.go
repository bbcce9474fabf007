package main

import (
	"encoding/json"
	"math/rand"
	"runtime"
)

// Each allocation of a few kilobytes is likely to be recorded, and the files stay small.
func init() { runtime.MemProfileRate = 8 << 10 }

const (
	berths = 100
	waters = 500
)

// A Track is where a ship has been of late.
type Track struct {
	Ship   int         `json:"ship"`
	Course [32]float64 `json:"course"`
	Depths [32]float64 `json:"depths"`
}

// A radar shows the ships that are in sight: always equally many.
type radar struct {
	inSight [berths]*Track
}

// A logbook has every report there ever was.
type logbook struct {
	pages []*Track
}

// A pilotBook has what is known of each piece of water, once somebody asked.
type pilotBook struct {
	soundings map[int][]float64
}

type harbor struct {
	radar  radar
	log    logbook
	pilot  pilotBook
	answer chan int
	hailed int
	bytes  int
}

func newHarbor() *harbor {
	return &harbor{
		pilot:  pilotBook{soundings: make(map[int][]float64)},
		answer: make(chan int),
	}
}

// serve takes the report of one ship.
func (h *harbor) serve(random *rand.Rand) {
	ship := random.Intn(1 << 20)
	track := h.radar.see(ship)
	h.log.enter(ship)
	h.pilot.soundingsOf(random.Intn(waters))
	h.bytes += encode(track)
	h.hailed++
	if h.hailed%40 == 0 {
		h.hail()
	}
}

//go:noinline
func newTrack(ship int) *Track {
	return &Track{Ship: ship}
}

//go:noinline
func (r *radar) see(ship int) *Track {
	track := newTrack(ship)
	r.inSight[ship%berths] = track
	return track
}

//go:noinline
func (l *logbook) enter(ship int) {
	if len(l.pages) == cap(l.pages) {
		l.pages = append(make([]*Track, 0, len(l.pages)+1024), l.pages...)
	}
	l.pages = append(l.pages, newTrack(ship))
}

//go:noinline
func (p *pilotBook) soundingsOf(water int) []float64 {
	known, ok := p.soundings[water]
	if !ok {
		known = make([]float64, 256)
		p.soundings[water] = known
	}
	return known
}

//go:noinline
func encode(track *Track) int {
	text, err := json.Marshal(track)
	if err != nil {
		return 0
	}
	return len(text)
}

// hail asks a ship for an answer, which never comes.
//
//go:noinline
func (h *harbor) hail() {
	go func() {
		<-h.answer
	}()
}
