module memory

go 1.22
