module example.com/checkout

go 1.24

require github.com/uber-go/tally/v4 v4.1.17

require (
	github.com/golang/mock v1.6.0 // indirect
	github.com/twmb/murmur3 v1.1.8 // indirect
	go.uber.org/atomic v1.11.0 // indirect
)
