package main

import (
	_ "embed"

	"sigs.k8s.io/yaml"
)

// knownFailure is a test that is known to fail, and why it must.
type knownFailure struct {
	Test   string `json:"test"`
	Reason string `json:"reason"` // the kernel or the hardware that it needs
}

//go:embed known.yaml
var knownFile []byte

//go:embed smoke.yaml
var smokeFile []byte

// known are the tests that fail on simulated nodes, smoke the few that stand for all. Both
// hold names as upstream writes them, with the SIG and the tags.
var (
	known = read[knownFailure](knownFile)
	smoke = read[string](smokeFile)
)

func read[T any](file []byte) (list []T) {
	if err := yaml.UnmarshalStrict(file, &list); err != nil {
		panic(err) // a file of this package, which its tests read
	}
	return list
}
