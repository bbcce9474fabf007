module example.com/signer

go 1.24

require github.com/aws/smithy-go v1.24.3
