module example.com/importd

go 1.24

require github.com/panjf2000/ants/v2 v2.7.1
