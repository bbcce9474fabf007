// Package stats measures orders per customer.
package stats

import "sync/atomic"

// reporter counts what it is told.
type reporter struct {
	reported atomic.Int64
}

// Session measures one customer while it is there.
type Session struct {
	customer string
	scope    scope
}
