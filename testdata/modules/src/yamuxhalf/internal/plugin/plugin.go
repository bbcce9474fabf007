// Package plugin calls a plugin, each call on a stream of its own.
package plugin

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// Client has one connection to the plugin.
type Client struct {
	session *yamux.Session
	buffers sync.Pool
}

// Connect dials the plugin at addr.
func Connect(addr string) (*Client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	config.EnableKeepAlive = false
	tune(config)
	session, err := yamux.Client(conn, config)
	if err != nil {
		return nil, err
	}
	c := &Client{session: session}
	c.buffers.New = func() any { return new([4096]byte) }
	return c, nil
}

// Call sends a page's number and returns the page.
func (c *Client) Call(page uint32) (string, error) {
	stream, err := c.session.OpenStream()
	if err != nil {
		return "", err
	}
	defer stream.Close()
	stream.SetDeadline(time.Now().Add(2 * time.Second))
	return c.exchange(stream, page)
}

func (c *Client) exchange(stream io.ReadWriter, page uint32) (string, error) {
	buffer := c.buffers.Get().(*[4096]byte)
	defer c.buffers.Put(buffer)
	binary.BigEndian.PutUint32(buffer[:4], page)
	if _, err := stream.Write(buffer[:4]); err != nil {
		return "", err
	}
	if _, err := io.ReadFull(stream, buffer[:2]); err != nil {
		return "", err
	}
	n := int(binary.BigEndian.Uint16(buffer[:2]))
	if _, err := io.ReadFull(stream, buffer[:n]); err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}
