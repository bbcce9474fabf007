module rate1

go 1.22
