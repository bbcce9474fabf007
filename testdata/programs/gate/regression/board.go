package gate

import (
	"errors"
	"strconv"
)

// The size of what the camera sees of a pass.
const frameSize = 4 << 10

// ErrUnknown says that nobody has checked in with this pass.
var ErrUnknown = errors.New("nobody has checked in with this pass")

// A Pass is what a passenger shows: the legs of a journey have one number.
type Pass struct {
	Number string
	Leg    string
}

// key tells the legs of a journey apart, which may be scanned at several desks at once.
func (p Pass) key() string {
	return p.Number + "/" + p.Leg
}

// A scan is there while a passenger stands at the desk.
type scan struct {
	pass  Pass
	frame []byte
}

// Board lets one passenger through, and returns how long the slip is that was printed.
func (g *Gate) Board(p Pass) (int, error) {
	s := g.begin(p)
	defer g.end(p)
	who, found := g.checkedIn[p.Number]
	if !found {
		return 0, ErrUnknown
	}
	slip := render(s, who)
	g.keep(slip)
	return len(slip), nil
}

// begin takes a picture of the pass, which is there for the other desks until the scan ends.
func (g *Gate) begin(p Pass) *scan {
	s := &scan{pass: p, frame: make([]byte, frameSize)}
	copy(s.frame, p.Number)
	g.open[p.key()] = s
	return s
}

// end forgets the scan. This is the mistake: nothing is kept under the number alone any more.
func (g *Gate) end(p Pass) {
	delete(g.open, p.Number)
}

// render draws the slip with the seat on it.
func render(s *scan, who *Passenger) []byte {
	slip := make([]byte, 0, 2<<10)
	slip = append(slip, s.pass.Number...)
	slip = append(slip, " leg "...)
	slip = append(slip, s.pass.Leg...)
	slip = append(slip, " seat "...)
	slip = strconv.AppendInt(slip, int64(who.seat), 10)
	return append(slip, barcode(s.frame)...)
}

// barcode reads the bars of a picture.
func barcode(frame []byte) []byte {
	bars := make([]byte, len(frame)/4)
	for i, shade := range frame {
		bars[i/4] ^= shade
	}
	return bars
}

// keep has the last slips at hand, for who loses one.
func (g *Gate) keep(slip []byte) {
	g.printed[g.prints%slips] = slip
	g.prints++
}
