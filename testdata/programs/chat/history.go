package main

import (
	"fmt"
	"strings"
)

// A Message is what somebody said in a room.
type Message struct {
	User uint64
	Room int
	Text string
}

// A History is the searchable past of the rooms: rebuilt now and then, from what is worth keeping.
type History struct {
	byWord  map[string][]*Message
	archive [][]byte
}

// rebuildHistory makes the history anew. It holds less each time, because old rooms are dropped.
//
//go:noinline
func rebuildHistory(rooms, perRoom int) *History {
	h := &History{byWord: make(map[string][]*Message)}
	for room := range rooms {
		for n := range perRoom {
			h.index(&Message{User: uint64(n), Room: room, Text: fmt.Sprintf("room %d says hello %d times", room, n)})
		}
		h.archive = append(h.archive, h.compress(room))
	}
	return h
}

func (h *History) index(m *Message) {
	for _, word := range strings.Fields(m.Text) {
		h.byWord[word] = append(h.byWord[word], m)
	}
}

//go:noinline
func (h *History) compress(room int) []byte {
	return []byte(strings.Repeat(string(rune('a'+room%26)), 64<<10))
}
