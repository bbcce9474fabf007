package main

import "encoding/binary"

// The fields of profile.proto by number.
const (
	profileSampleType  = 1
	profileSample      = 2
	profileMapping     = 3
	profileLocation    = 4
	profileFunction    = 5
	profileStrings     = 6
	profileDropFrames  = 7
	profileKeepFrames  = 8
	profileTime        = 9
	profileDuration    = 10
	profilePeriodType  = 11
	profilePeriod      = 12
	profileComment     = 13
	profileDefaultType = 14
)

// A message is a protobuf message as it is written.
type message []byte

func (m *message) tag(field, wire int) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|uint64(wire))
}

func (m *message) uint(field int, v uint64) {
	m.tag(field, 0)
	*m = binary.AppendUvarint(*m, v)
}

// set writes v unless it is the default.
func (m *message) set(field int, v uint64) {
	if v != 0 {
		m.uint(field, v)
	}
}

func (m *message) bytes(field int, v []byte) {
	m.tag(field, 2)
	*m = binary.AppendUvarint(*m, uint64(len(v)))
	*m = append(*m, v...)
}

func (m *message) repeated(field int, packed bool, values []uint64) {
	if !packed {
		for _, v := range values {
			m.uint(field, v)
		}
		return
	}
	if len(values) == 0 {
		return
	}
	var all []byte
	for _, v := range values {
		all = binary.AppendUvarint(all, v)
	}
	m.bytes(field, all)
}

// unknown appends a field of each wire type that no version of profile.proto has.
func (m *message) unknown() {
	m.uint(901, 1<<63+7)
	m.tag(902, 1)
	*m = append(*m, 1, 2, 3, 4, 5, 6, 7, 8)
	m.bytes(903, []byte("a field of a later version"))
	m.tag(904, 5)
	*m = append(*m, 1, 2, 3, 4)
}

// A profile is built of rows in the order in which they are added; strings go to the table as they come.
type profile struct {
	strings  []string
	index    map[string]uint64
	rows     message
	unpacked bool // write repeated numbers one by one
	unknown  bool // write unknown fields into each message
	tableTop bool // write the string table first
}

func newProfile(types ...string) *profile {
	p := &profile{index: map[string]uint64{}}
	p.text("")
	p.types(types...)
	return p
}

func (p *profile) types(types ...string) {
	for _, t := range types {
		p.row(profileSampleType, p.valueType(t))
	}
}

func (p *profile) text(s string) uint64 {
	i, ok := p.index[s]
	if !ok {
		i = uint64(len(p.strings))
		p.index[s] = i
		p.strings = append(p.strings, s)
	}
	return i
}

func (p *profile) row(field int, m message) {
	if p.unknown {
		m.unknown()
	}
	p.rows.bytes(field, m)
}

// valueType is written as in "inuse_space/bytes".
func (p *profile) valueType(t string) (m message) {
	for i := range t {
		if t[i] == '/' {
			m.set(1, p.text(t[:i]))
			m.set(2, p.text(t[i+1:]))
			return m
		}
	}
	m.set(1, p.text(t))
	return m
}

// at says when the profile was taken, in seconds since 2024-01-01, and how often it sampled.
func (p *profile) at(seconds int64, periodType string, period int64) *profile {
	p.rows.uint(profileTime, uint64((1704067200+seconds)*1e9))
	if periodType != "" {
		p.row(profilePeriodType, p.valueType(periodType))
	}
	if period != 0 {
		p.rows.uint(profilePeriod, uint64(period))
	}
	return p
}

func (p *profile) mapping(id, start, limit, offset uint64, file, build string) {
	var m message
	m.uint(1, id)
	m.set(2, start)
	m.set(3, limit)
	m.set(4, offset)
	m.set(5, p.text(file))
	m.set(6, p.text(build))
	p.row(profileMapping, m)
}

func (p *profile) symbolizedMapping(id, start, limit uint64, file, build string) {
	var m message
	m.uint(1, id)
	m.set(2, start)
	m.set(3, limit)
	m.set(5, p.text(file))
	m.set(6, p.text(build))
	m.uint(7, 1)
	m.uint(8, 1)
	m.uint(9, 1)
	m.uint(10, 1)
	p.row(profileMapping, m)
}

func (p *profile) function(id uint64, name, system, file string, start int64) {
	var m message
	m.uint(1, id)
	m.set(2, p.text(name))
	m.set(3, p.text(system))
	m.set(4, p.text(file))
	m.set(5, uint64(start))
	p.row(profileFunction, m)
}

// A line is a frame of a location: the innermost inlined one first.
type line struct {
	function     uint64
	line, column int64
}

func (p *profile) location(id, mapping, address uint64, lines ...line) {
	var m message
	m.uint(1, id)
	m.set(2, mapping)
	m.set(3, address)
	for _, l := range lines {
		var n message
		n.set(1, l.function)
		n.set(2, uint64(l.line))
		n.set(3, uint64(l.column))
		if p.unknown {
			n.unknown()
		}
		m.bytes(4, n)
	}
	p.row(profileLocation, m)
}

// A label has a string or a number.
type label struct {
	key, text string
	number    int64
	unit      string
}

func ids(v ...uint64) []uint64 { return v }

func values(v ...int64) []int64 { return v }

func (p *profile) sample(locations []uint64, values []int64, labels ...label) {
	var m message
	m.repeated(1, !p.unpacked, locations)
	unsigned := make([]uint64, len(values))
	for i, v := range values {
		unsigned[i] = uint64(v)
	}
	m.repeated(2, !p.unpacked, unsigned)
	for _, l := range labels {
		var n message
		n.set(1, p.text(l.key))
		n.set(2, p.text(l.text))
		n.set(3, uint64(l.number))
		n.set(4, p.text(l.unit))
		if p.unknown {
			n.unknown()
		}
		m.bytes(3, n)
	}
	p.row(profileSample, m)
}

// simple adds a function, and a location of the same number that holds it.
func (p *profile) simple(id uint64, name string, at int64) {
	p.function(id, name, name, "service/service.go", 10*int64(id))
	p.location(id, 1, 0x400000+0x100*id, line{function: id, line: at})
}

func (p *profile) encode() []byte {
	var table message
	for _, s := range p.strings {
		table.bytes(profileStrings, []byte(s))
	}
	rows := p.rows
	if p.unknown {
		rows = append(message{}, rows...)
		rows.unknown()
	}
	if p.tableTop {
		return append(table, rows...)
	}
	return append(append([]byte{}, rows...), table...)
}
