// Package store reads amounts from the database, over a fixed number of connections.
package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Amount is a row.
type Amount struct {
	ID, Amount int64
}

// Store has a few connections.
type Store struct {
	conns chan *pgx.Conn
}

func Open(ctx context.Context, addr string) (*Store, error) {
	s := &Store{make(chan *pgx.Conn, 3)}
	for range cap(s.conns) {
		c, err := pgx.Connect(ctx, "postgres://reports@"+addr+"/reports?sslmode=disable&statement_cache_capacity=128")
		if err != nil {
			return nil, err
		}
		s.conns <- c
	}
	return s, nil
}

// Amounts reads the amounts of some ids. They are written into the query, so hardly a query is ever the same as another.
func (s *Store) Amounts(ctx context.Context, ids []int64) ([]Amount, error) {
	var q strings.Builder
	q.WriteString("select id, amount from amounts where id in (")
	for i, id := range ids {
		if i > 0 {
			q.WriteByte(',')
		}
		fmt.Fprint(&q, id)
	}
	q.WriteString(") order by id")
	c := <-s.conns
	defer func() { s.conns <- c }()
	rows, err := c.Query(ctx, q.String())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Amount])
}
