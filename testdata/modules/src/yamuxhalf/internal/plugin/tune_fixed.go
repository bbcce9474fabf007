//go:build fixed

package plugin

import (
	"time"

	"github.com/hashicorp/yamux"
)

func tune(c *yamux.Config) { c.StreamCloseTimeout = 2 * time.Second }
