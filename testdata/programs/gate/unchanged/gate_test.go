package gate

import "testing"

// What the benchmark has used hangs here, so that it is in use when the profile is written, after the last
// benchmark. It is made by the benchmark: what is allocated before, such as by an initializer of a variable, is
// sampled at the default rate, because -memprofilerate holds from the start of the tests only.
var held *Gate

func BenchmarkBoard(b *testing.B) {
	if held == nil {
		held = New()
	}
	b.ResetTimer()
	for i := range b.N {
		if _, err := held.Board(Pass{Number: Number(i), Leg: "1"}); err != nil {
			b.Fatal(err)
		}
	}
}
