module moves

go 1.26
