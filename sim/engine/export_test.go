package engine

// What the tests of drills need of this package's.
var (
	UseFake = useFake
	LogFile = logFile
)

const TinyScenario = tinyScenario
