module example.com/checkout

go 1.24

require github.com/uber-go/tally v3.3.17+incompatible
