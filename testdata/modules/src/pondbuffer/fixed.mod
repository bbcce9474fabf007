module example.com/thumbd

go 1.24

require github.com/alitto/pond/v2 v2.3.3
