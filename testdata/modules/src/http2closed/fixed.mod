module example.com/ingest

go 1.24

require golang.org/x/net v0.1.0

require golang.org/x/text v0.4.0 // indirect
