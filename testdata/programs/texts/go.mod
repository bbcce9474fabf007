module example.org/texts

go 1.22
