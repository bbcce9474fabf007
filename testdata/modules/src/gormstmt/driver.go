package main

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math/rand/v2"
)

// A driver without a database: it prepares everything, and three inserts of four fail on a duplicate key.
type (
	fake      struct{}
	conn      struct{}
	statement struct{ query string }
	noRows    struct{}
)

func open() *sql.DB {
	sql.Register("fake", fake{})
	db, _ := sql.Open("fake", "")
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	return db
}

func (fake) Open(string) (driver.Conn, error) { return conn{}, nil }

func (conn) Prepare(q string) (driver.Stmt, error) { return &statement{q}, nil }
func (conn) Begin() (driver.Tx, error)             { return nil, errors.New("no transactions") }
func (conn) Close() error                          { return nil }

func (*statement) Close() error  { return nil }
func (*statement) NumInput() int { return -1 }
func (*statement) Exec([]driver.Value) (driver.Result, error) {
	if rand.IntN(4) > 0 {
		return nil, errors.New("duplicate key")
	}
	return driver.RowsAffected(1), nil
}
func (*statement) Query([]driver.Value) (driver.Rows, error) { return noRows{}, nil }

func (noRows) Columns() []string         { return nil }
func (noRows) Close() error              { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }
