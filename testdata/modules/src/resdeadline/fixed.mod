module example.com/quotes

go 1.24

require github.com/eapache/go-resiliency v1.3.0
