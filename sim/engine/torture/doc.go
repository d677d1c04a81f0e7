// Package torture is a test bench: it kills engines, damages their data
// directories and fills their disks, and checks that nothing that was
// acknowledged is lost. It has tests only: run them with make torture, or as a
// part of make test for a minute.
//
// Whole engines are driven as the command line drives them. A lane is one of the
// cases' sequences that run side by side; a seed decides in which order its cases
// come and when each blow falls. What is counted is in one tally, which is printed
// in the end and fails the test if anything in it is bad.
package torture
