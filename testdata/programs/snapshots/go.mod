module snapshots

go 1.22
