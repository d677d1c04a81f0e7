package image

import "time"

// Of an image that says nothing of what it uses.
var (
	unknownCPU    = usage("3m", "2m")
	unknownMemory = usage("24Mi", "32Ki")
)

func usage(rest, request string) (u Usage) {
	for text, q := range map[string]*Quantity{rest: &u.Rest, request: &u.Request} {
		if err := q.UnmarshalText([]byte(text)); err != nil {
			panic(err) // of constants
		}
	}
	return u
}

// UsageOf is what a program of an entry uses of CPU and memory; of nil, or where the entry
// says nothing, what a small server would.
func UsageOf(e *Entry) (cpu, memory Usage) {
	cpu, memory = unknownCPU, unknownMemory
	if e != nil && e.CPU != (Usage{}) {
		cpu = e.CPU
	}
	if e != nil && e.Memory != (Usage{}) {
		memory = e.Memory
	}
	return cpu, memory
}

// At is how much is used, in cores or bytes, at a rate of requests a second, by a program
// that has run for a time.
func (u Usage) At(rate float64, ran time.Duration) float64 {
	return u.Rest.AsApproximateFloat64() + rate*u.Request.AsApproximateFloat64() + ran.Hours()*u.Hour.AsApproximateFloat64()
}
