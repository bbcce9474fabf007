module crafted

go 1.22
