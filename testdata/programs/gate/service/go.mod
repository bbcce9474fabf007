module example.org/gate/service

go 1.22
