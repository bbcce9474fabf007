module runtimeprofiles

go 1.22
