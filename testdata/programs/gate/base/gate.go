// Package gate lets the passengers of an airport's flights through to their planes. It stands here in
// three versions that differ as commits of one program do; this is the one the others are compared with.
package gate

import "fmt"

const (
	passengers = 8192
	flights    = 64
	portraits  = 1024
	slips      = 256
)

// A Passenger is who has checked in.
type Passenger struct {
	number string
	seat   int
	notes  [232]byte
}

// A Gate knows who has checked in and where they sit, which pass is being scanned, and what was printed last.
type Gate struct {
	checkedIn map[string]*Passenger
	seats     [flights][]byte
	portraits [portraits][]byte
	printed   [slips][]byte
	prints    int
	open      map[string]*scan
}

// New returns a gate at which everybody has checked in: nothing of that changes while it works.
func New() *Gate {
	g := &Gate{checkedIn: make(map[string]*Passenger, passengers), open: make(map[string]*scan)}
	for i := range passengers {
		g.checkIn(i)
	}
	for i := range g.seats {
		g.seats[i] = seatPlan(i)
	}
	for i := range g.portraits {
		g.portraits[i] = portrait(i)
	}
	return g
}

func (g *Gate) checkIn(i int) {
	p := &Passenger{number: Number(i), seat: i}
	g.checkedIn[p.number] = p
}

func seatPlan(flight int) []byte {
	plan := make([]byte, 32<<10)
	plan[0] = byte(flight)
	return plan
}

func portrait(i int) []byte {
	picture := make([]byte, 2<<10)
	picture[0] = byte(i)
	return picture
}

// Number returns what stands on the pass of passenger i.
func Number(i int) string { return fmt.Sprintf("P%06d", i%passengers) }
