module example.com/prober

go 1.24

require github.com/DataDog/datadog-go v3.2.0+incompatible

require github.com/stretchr/testify v1.12.1 // indirect
