//go:build fixed

package main

import "github.com/allegro/bigcache"

func drop(c *bigcache.BigCache) { c.Close() }
