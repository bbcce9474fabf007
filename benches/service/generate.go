//go:build ignore

// Generate writes calls.go: thousands of functions that call each other, so that stacks are as many and as deep as in a
// large service.
package main

import (
	"bufio"
	"fmt"
	"os"
)

const functions = 3200

var (
	verbs  = []string{"read", "decode", "check", "merge", "route", "render", "fetch", "store"}
	things = []string{"Account", "Basket", "Coupon", "Delivery", "Event", "Folder", "Invoice", "Journal", "Ticket", "Video"}
	sizes  = []int{16, 24, 48, 80, 144, 320, 768, 2048, 6144, 20480}
)

func main() {
	file, err := os.Create("calls.go")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := bufio.NewWriter(file)
	fmt.Fprint(out, "package main\n\nvar calls []func(depth int, dice *dice) []byte\n\nfunc init() {\n\tcalls = append(calls,\n")
	for i := range functions {
		fmt.Fprintf(out, "\t\t%s,\n", name(i))
	}
	fmt.Fprint(out, "\t)\n}\n")
	for i := range functions {
		fmt.Fprintf(out, `
//go:noinline
func %s(depth int, dice *dice) []byte {
	if depth == 0 {
		return allocate(dice)
	}
	if dice.below(32) == 0 {
		keep(make([]byte, %d))
	}
	callee := (%d + dice.below(6)*977 + depth*31) %% len(calls)
	return calls[callee](depth-1, dice)
}
`, name(i), sizes[i*7%len(sizes)], i*13)
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func name(i int) string {
	return fmt.Sprintf("%s%s%d", verbs[i%len(verbs)], things[i/len(verbs)%len(things)], i)
}
