// Package demarctest gives a test a managed Kubernetes cluster of its own, in virtual time:
// the real control plane, simulated nodes, a clock that goes when the test says so, and the
// faults of a managed service. It is for the tests of whoever runs something on such a
// service: an operator, a controller, a chart.
//
//	func TestSurvivesALostControlPlane(t *testing.T) {
//		cluster := demarctest.Start(t, demarctest.Nodes(3))
//		apply(t, cluster.Config(), "shop.yaml") // with the client of your choice
//		cluster.Check(`deployments.exists(d, d.metadata.name == "shop" && d.status.readyReplicas == 3)`,
//			demarctest.Within(2*time.Minute))
//
//		lost := cluster.Fault("crash control-plane hold=yes")
//		cluster.Advance(2 * time.Hour) // seconds of real time
//		cluster.Check(`containers.filter(c, c.pod.startsWith("shop-")).all(c, c.state == "running")`)
//		lost.End()
//
//		cluster.Check(`components.all(name, components[name].healthy)`, demarctest.Within(5*time.Minute))
//	}
//
// [Start] runs the command demarc, which is found as [Command] says. Each cluster is a process
// of its own, so tests may have several, and run in parallel. A cluster ends with its test; it
// ends also if the test's process is killed. If the test has failed, what happened in the
// cluster is in its log. Starting one takes some two seconds, but the first engine in a source
// tree is compiled, which takes minutes: demarc up does that as well, before a test's time runs.
//
// # Time
//
// The clock goes at 1x, or as [Rate] and [Cluster.SetRate] say, so that programs in real time,
// such as the test's own controllers, can keep up. [Cluster.Advance] has it run as fast as the
// machine goes, for a while: the cluster waits for the requests of programs outside then, but
// not for their timers. [Cluster.Check] with a window waits at the rate that is set.
//
// # Words
//
// Faults are those of demarc fault inject, which demarc help faults lists; what is checked is
// written in CEL, with the variables of demarc help checks. Both are asked for as the director
// of a drill, who may see and break everything. The configuration of [Cluster.Config] is the
// customer's, as of any managed cluster.
package demarctest
