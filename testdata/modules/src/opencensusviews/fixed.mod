module example.com/batch

go 1.24

require go.opencensus.io v0.22.4
