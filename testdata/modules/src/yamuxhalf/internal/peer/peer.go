// Package peer plays a plugin that answers on each stream and never closes its side of one.
package peer

import (
	"bufio"
	"encoding/binary"
	"io"
	"log"
	"net"
	"strings"
)

const (
	typeData   = 0
	typeWindow = 1
	flagSYN    = 1
	flagACK    = 2
)

// Serve answers on the connections of l.
func Serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go speak(conn)
	}
}

func frame(to []byte, kind byte, flags uint16, stream, length uint32) []byte {
	to = append(to, 0, kind)
	to = binary.BigEndian.AppendUint16(to, flags)
	to = binary.BigEndian.AppendUint32(to, stream)
	return binary.BigEndian.AppendUint32(to, length)
}

func speak(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	var head [12]byte
	var payload [256]byte
	out := make([]byte, 0, 4096)
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		flags, stream := binary.BigEndian.Uint16(head[2:]), binary.BigEndian.Uint32(head[4:])
		length := binary.BigEndian.Uint32(head[8:])
		out = out[:0]
		if flags&flagSYN != 0 {
			out = frame(out, typeWindow, flagACK, stream, 0)
		}
		if head[1] == typeData && length > 0 {
			if _, err := io.ReadFull(in, payload[:length]); err != nil {
				return
			}
			text := strings.Repeat("<p>page</p>", 20+int(payload[3])%40)
			out = frame(out, typeData, 0, stream, uint32(2+len(text)))
			out = binary.BigEndian.AppendUint16(out, uint16(len(text)))
			out = append(out, text...)
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}
