module example.com/finder

go 1.24

require gopkg.in/olivere/elastic.v5 v5.0.39

require github.com/pkg/errors v0.9.1 // indirect
