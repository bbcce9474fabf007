package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgproto3"
)

// database speaks as much of the protocol of PostgreSQL as the service needs, in a process of its own. Each query has
// the same answer: five rows of two numbers. It prints its address.
func database() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go talk(c)
	}
}

func talk(c net.Conn) {
	defer c.Close()
	b := pgproto3.NewBackend(c, c)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: 2})
	ready := &pgproto3.ReadyForQuery{TxStatus: 'I'}
	b.Send(ready)
	if b.Flush() != nil {
		return
	}
	columns := &pgproto3.RowDescription{}
	for _, n := range []string{"id", "amount"} {
		columns.Fields = append(columns.Fields, pgproto3.FieldDescription{
			Name: []byte(n), DataTypeOID: 20, DataTypeSize: 8, TypeModifier: -1, Format: 1,
		})
	}
	for {
		m, err := b.Receive()
		if err != nil {
			return
		}
		switch m := m.(type) {
		case *pgproto3.Parse:
			b.Send(&pgproto3.ParseComplete{})
		case *pgproto3.Describe:
			if m.ObjectType == 'S' {
				b.Send(&pgproto3.ParameterDescription{})
			}
			b.Send(columns)
		case *pgproto3.Bind:
			b.Send(&pgproto3.BindComplete{})
		case *pgproto3.Execute:
			for i := range uint64(5) {
				b.Send(&pgproto3.DataRow{Values: [][]byte{
					binary.BigEndian.AppendUint64(nil, i), binary.BigEndian.AppendUint64(nil, i*i),
				}})
			}
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 5")})
		case *pgproto3.Close:
			b.Send(&pgproto3.CloseComplete{})
		case *pgproto3.Query:
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("DEALLOCATE")})
			b.Send(ready)
		case *pgproto3.Sync:
			b.Send(ready)
		case *pgproto3.Terminate:
			return
		}
		switch m.(type) {
		case *pgproto3.Query, *pgproto3.Sync:
			if b.Flush() != nil {
				return
			}
		}
	}
}

// startDatabase runs this program again, as the database.
func startDatabase() (addr string, stop func(), err error) {
	c := exec.Command(os.Args[0], "database")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := c.Start(); err != nil {
		return "", nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), func() { c.Process.Kill() }, err
}
