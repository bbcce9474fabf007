module example.com/ingest

go 1.24

require golang.org/x/net v0.0.0-20190827160401-ba9fcec4b297

require golang.org/x/text v0.3.0 // indirect
